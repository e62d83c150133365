"""Captions in pickles: those of the papers are read, and nothing in any file runs."""

import collections
import pickle
from pathlib import Path

import numpy as np
import pytest

from indexer.datasets.captions.pickled import read_pickled_captions
from indexer.datasets.clips import DatasetError


def pickled(folder: Path, content: object, **how: int) -> Path:
    file = folder / "raw-captions.pkl"
    file.write_bytes(pickle.dumps(content, **how))
    return file


@pytest.mark.parametrize("protocol", range(6))
def test_captions_are_texts_or_lists_of_words_in_every_protocol(tmp_path, protocol):
    content = {"-4w_5_15": [["a", "dog", "eats", 2], "ein Hörnchen"], "mv8_3_4": []}
    file = pickled(tmp_path, content, protocol=protocol)
    assert read_pickled_captions(file) == {
        "-4w_5_15": ["a dog eats 2", "ein Hörnchen"],
        "mv8_3_4": [],
    }


@pytest.mark.parametrize(
    ("written", "read"), [("Hörnchen".encode(), "Hörnchen"), (b"H\xf6rnchen", "Hörnchen")]
)
def test_texts_of_python_2_are_read(tmp_path, written, read):
    file = tmp_path / "raw-captions.pkl"
    # What Python 2 wrote for {"a": ["Hörnchen"]}: strings of bytes.
    file.write_bytes(b"}U\x01a]U" + bytes([len(written)]) + written + b"as.")
    assert read_pickled_captions(file) == {"a": [read]}


class Trap:
    """Makes a file when it is opened."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_nothing_in_a_pickle_runs(tmp_path):
    sprung = tmp_path / "sprung"
    file = pickled(tmp_path, {"a": ["one"], "b": [Trap(sprung)]})
    assert sprung.exists() is False
    with pytest.raises(
        DatasetError, match=r"raw-captions\.pkl: it holds .*, and captions are text"
    ):
        read_pickled_captions(file)
    assert sprung.exists() is False
    pickle.loads(file.read_bytes())  # the trap works
    assert sprung.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (collections.OrderedDict(a=["x"]), "it holds collections.OrderedDict"),
        ({"a": np.array(["x"])}, "it holds numpy"),
        ({"a": {"x"}}, "'a' should be the id of a video, with a list of captions"),
        ({"a": "x"}, "'a' should be the id of a video"),
        ({None: ["x"]}, "None should be the id of a video"),
        ({"a": [["x", ["y"]]]}, "a caption of 'a' should be text or a list of words"),
        ({"a": [b"x"]}, "a caption of 'a' should be"),
        ({"a": [2]}, "a caption of 'a' should be"),
        ({"a": [["x", 10**5000]]}, "a caption of 'a' should be"),
        (["a"], "it holds no dictionary"),
        ({}, "it holds no dictionary"),
    ],
)
def test_a_pickle_of_anything_else_is_refused_in_a_sentence(tmp_path, content, said):
    with pytest.raises(DatasetError, match=rf"raw-captions\.pkl: {said}"):
        read_pickled_captions(pickled(tmp_path, content))


@pytest.mark.parametrize(
    "captions", [["x" * 100_000] * 11_000, [["x"] * 100_000] * 6_000], ids=["texts", "words"]
)
def test_captions_that_unfold_without_end_are_refused(tmp_path, captions):
    file = pickled(tmp_path, {"a": captions})
    assert file.stat().st_size < 300_000
    with pytest.raises(DatasetError, match="captions have more than 1,000,000,000 characters"):
        read_pickled_captions(file)


def test_a_list_that_holds_itself_is_refused(tmp_path):
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(DatasetError, match="should be text or a list of words"):
        read_pickled_captions(pickled(tmp_path, {"a": endless}))


@pytest.mark.parametrize(
    "content", [b"", b"captions", b"\x80\x05\x95", b"(((((", b"cos\nsystem\n."]
)
def test_damaged_files_are_refused_in_a_sentence(tmp_path, content):
    file = tmp_path / "raw-captions.pkl"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=r"raw-captions\.pkl: it "):
        read_pickled_captions(file)
    with pytest.raises(DatasetError, match=r"gone\.pkl: it cannot be read \(No such file"):
        read_pickled_captions(tmp_path / "gone.pkl")
