"""What `pip install .` puts in place: all that the program reads, and nothing that it does not."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import kinodex
from tests.kinodex.conftest import CLIPS

PROJECT = Path(__file__).parents[2]
ROOTS = ("indexer", "kinodex", "models", "search", "sketch", "smallworld", "tasks", "ui")
PUBLIC = set(kinodex.__all__) - {"__version__"}
# What the program reads beside its modules.
DATA = (
    "ui/web/*.css",
    "ui/web/*/*.css",
    "ui/web/*/*.js",
    "search/finding/*.txt",
    "search/tags/vocabularies/*.txt",
    "search/catalog/migrations/*.mako",
    "search/catalog/migrations/versions/*.py",
    "smallworld/stills/*.csv",
    "smallworld/stills/sprites/*",
    "models/bundled/*",
    "models/prompt_templates/*",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the project."""
    pytest.importorskip("setuptools")
    copy = tmp_path_factory.mktemp("source")
    for name in ROOTS:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy / name)
    target = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", target, copy], check=True
    )
    [file] = target.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed packages, as a new environment would."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_that_the_program_reads_is_in_the_wheel(installed):
    for pattern in DATA:
        expected = {
            file.relative_to(PROJECT)
            for file in PROJECT.glob(pattern)
            if file.is_file() and file.relative_to(PROJECT).parts[0] in ROOTS
        }
        assert expected
        assert all((installed / file).is_file() for file in expected), pattern


def test_every_file_of_the_packages_is_in_the_wheel_or_is_only_for_making_it(installed):
    for root in ROOTS:
        for file in (PROJECT / root).rglob("*"):
            place = file.relative_to(PROJECT)
            if file.is_file() and "__pycache__" not in place.parts:
                left_out = place.parts[:2] == ("smallworld", "training")
                assert (installed / place).is_file() is not left_out, place


def test_nothing_else_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOTS)


def test_it_works_outside_the_checkout(installed, tmp_path):
    program = f"""
import kinodex, search
assert search.__file__.startswith({str(installed)!r}), search.__file__
with kinodex.open("library", create=True) as library:
    library.index({str(CLIPS / "clip-008.mp4")!r}, model="bundled", device="cpu")
    [hit] = library.search("a dog chasing a rabbit")
    print(hit.paths[0].name, [tag.label for tag in hit.tags])
"""
    assert run(installed, tmp_path, "-c", program) == "clip-008.mp4 ['chasing']\n"
    assert "generated videos" in run(installed, tmp_path, "-m", "kinodex", "demo", "--help")


def test_type_checkers_may_read_every_package_that_public_names_come_from(installed):
    roots = {getattr(kinodex, name).__module__.split(".")[0] for name in PUBLIC}
    assert roots == {"indexer", "kinodex", "models", "search"}
    assert all((installed / root / "py.typed").is_file() for root in roots)
