"""`kinodex convert`: from a pickle to a file that the readers of data sets take."""

import json
import pickle
from pathlib import Path

import pytest

from indexer.datasets.captions.loading import load_dataset
from tests.calling import call, said, shown_json
from tests.indexer import annotation_files


@pytest.fixture
def msvd(tmp_path: Path) -> Path:
    """MSVD as researchers pass it on: lists, and a pickle with the captions."""
    folder = annotation_files.write_all(tmp_path) / "msvd"
    (folder / "AllVideoDescriptions.txt").unlink()
    (folder / "raw-captions.pkl").write_bytes(pickle.dumps(annotation_files.MSVD_JSON))
    return folder


def test_the_captions_of_a_pickle_are_measured_with(msvd, capsys):
    assert call("convert", "captions", msvd / "raw-captions.pkl") == 0
    shown = capsys.readouterr()
    assert shown.out == f"{msvd / 'raw-captions.json'}\n"
    assert shown.err == "3 captions of 2 videos\n"
    dataset = load_dataset(f"msvd:{msvd}", split="test")
    assert dataset.captions == [
        "a bird bathes in a sink",
        "a squirrel eats a nut",
        "an animal chews on something",
    ]


def test_programs_are_told_what_was_written(msvd, tmp_path, capsys):
    out = tmp_path / "mine.json"
    command = ("convert", "captions", msvd / "raw-captions.pkl", "--out", out)
    assert shown_json(capsys, *command) == {"file": str(out), "videos": 2, "captions": 3}
    assert list(json.loads(out.read_text())) == ["-4wsuPCjDBc_5_15", "mv89psg6zh4_33_46"]


def test_what_is_there_is_never_written_over(msvd, capsys):
    (msvd / "raw-captions.json").write_text("mine")
    assert call("convert", "captions", msvd / "raw-captions.pkl") == 1
    assert "raw-captions.json' is there already: name another file with --out" in said(capsys)
    assert (msvd / "raw-captions.json").read_text() == "mine"


def test_a_refused_pickle_leaves_nothing(msvd, capsys):
    (msvd / "raw-captions.pkl").write_bytes(pickle.dumps({"a": Path("b")}))
    before = sorted(msvd.iterdir())
    assert call("convert", "captions", msvd / "raw-captions.pkl") == 1
    assert "raw-captions.pkl: it holds pathlib" in said(capsys)
    out = msvd / "gone" / "x.json"
    (msvd / "raw-captions.pkl").write_bytes(pickle.dumps(annotation_files.MSVD_JSON))
    assert call("convert", "captions", msvd / "raw-captions.pkl", "--out", out) == 1
    assert "x.json' cannot be written: No such file or directory" in said(capsys)
    assert sorted(msvd.iterdir()) == before
