"""A full disk is said as such, and nothing half-written is left on it."""

import errno
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer.reading.settings import IndexSettings
from tasks.clips.job import CutJob
from tasks.clips.playing import run_cut
from tests.calling import call
from tests.corpus import write_clip

# Always full, whoever writes: no test needs the rights to mount a disk for it.
FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is full")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of noise, which takes half a megabyte however it is written."""
    noise = np.random.default_rng(0).integers(0, 256, (25, 144, 192, 3), np.uint8)
    folder = tmp_path_factory.mktemp("noise")
    return write_clip(folder / "noise.mp4", noise, options={"crf": "18", "g": "5"})


@pytest.fixture(scope="module")
def library(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made") / "library"
    assert call("index", video, "-l", place, "-m", "bundled", "--head", "meanP") == 0
    assert call("tag", "--correct", "1", "noise", "-l", place) == 0  # no model is loaded for tags
    return place


@pytest.mark.parametrize("copy_from_s", [0.0, None], ids=["copied", "encoded"])
def test_a_clip_that_no_disk_takes_says_so(video: Path, copy_from_s: float | None) -> None:
    job = CutJob(
        video, FULL, 0.0, 1.0, IndexSettings(), copy_from_s=copy_from_s, to_keep=True, length_s=1.0
    )
    with pytest.raises(OSError, match="No space left on device") as told:
        run_cut(job, 60)
    assert told.value.errno == errno.ENOSPC


def no_files_larger_than(size_bytes: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def kinodex(*arguments: object, **how: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kinodex", *map(str, arguments)]
    return subprocess.run(
        command, check=False, stderr=subprocess.PIPE, text=True, timeout=120, **how
    )


@pytest.mark.parametrize("options", [(), ("--encode",)], ids=["copied", "encoded"])
def test_an_export_that_does_not_fit_leaves_nothing_behind(
    library: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "clips"
    # The catalog grows by less, the clip by more.
    done = kinodex(
        *("export", "-l", library, "-o", out, *options, "--", "--tag noise"),
        preexec_fn=no_files_larger_than(150_000),
        stdout=subprocess.PIPE,
    )
    assert done.returncode == 3
    assert "nothing can be written to" in done.stderr
    assert "takes no file so large" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.iterdir()) == []


def test_output_that_no_disk_takes_is_an_error_and_one_sentence(tmp_path: Path) -> None:
    with FULL.open("w") as full:
        done = kinodex("where", "-l", tmp_path, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "kinodex: what was found cannot be written: the disk is full\n"


def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m kinodex where -l {tmp_path} | true",
        shell=True,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
