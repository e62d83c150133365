"""The map for whoever takes over is true: what it names is there, and what is there it names."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "architecture.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+/(?:[\w.]+\.py)?)`", PAGE)))
LINTER = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
ROOMS = sorted(
    file.parent
    for package in LINTER["root_packages"]
    for file in (PROJECT / package).glob("**/__init__.py")
)
MOST_MODULES = 20


def name_of(room: Path) -> str:
    return room.relative_to(PROJECT).as_posix()


def short_names_of(room: Path) -> set[str]:
    """Parts of a room's name that may stand for it beside the name of its floor."""
    return {f"`{name_of(room)}/`", f"`{room.name}/`"}


def test_the_page_names_files():
    assert len([path for path in NAMED if path.endswith(".py")]) > 50


@pytest.mark.parametrize("path", NAMED)
def test_what_is_named_is_there(path):
    assert (PROJECT / path).exists() or any(name_of(room).endswith(path[:-1]) for room in ROOMS)


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_every_room_is_named(room):
    assert any(name in PAGE for name in short_names_of(room))


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_every_room_says_what_it_is_for(room):
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
    assert docstring, f"{name_of(room)}/__init__.py has no docstring"
    assert len(docstring.splitlines()[0].split()) >= 5


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_no_room_is_crowded(room):
    modules = [file.name for file in room.glob("*.py") if file.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, f"{name_of(room)} needs a room more"


def test_every_folder_of_modules_is_a_room():
    folders = {
        file.parent
        for package in LINTER["root_packages"]
        for file in (PROJECT / package).glob("**/*.py")
    }
    # Alembic loads its revisions as files.
    assert {name_of(one) for one in folders - set(ROOMS)} == {"search/catalog/migrations/versions"}
