"""Captions out of a pickle, such as the ``raw-captions.pkl`` that researchers pass on.

A pickle is a program, and opening it runs that. This reader admits what captions are made of (text,
numbers, lists and dictionaries) and stops at the first thing that would have to be called or
looked up, before it is.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from indexer.datasets.annotations import read_bytes
from indexer.datasets.clips import DatasetError

# A list may stand in a pickle once and in a thousand places: what a small file unfolds to must end
# somewhere. Half a million captions, the largest set that people pass on so, have 40 million.
_MOST_CHARACTERS = 1_000_000_000
_LARGEST_BITS = 64
# As Python 2 wrote them, texts are bytes.
_ENCODINGS = ("utf-8", "latin-1")


class NotOnlyValues(pickle.UnpicklingError):
    """The pickle holds more than values."""


class _ValuesOnly(pickle.Unpickler):
    """An unpickler that knows no class and no function, so nothing in the file can run."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise NotOnlyValues(f"it holds {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise NotOnlyValues("it points to something outside itself")


def read_pickled_captions(file: Path) -> dict[str, list[str]]:
    """The captions of each video, in the file's order: {VIDEO_ID: [caption or words, …]}.

    Nothing in the file is run. Raises DatasetError, also for a pickle of anything else.
    """
    content = _opened(file)
    if not isinstance(content, dict) or not content:
        raise DatasetError.at(file, None, "it holds no dictionary with videos and their captions")
    captions: dict[str, list[str]] = {}
    characters = 0
    for video, listed in content.items():
        if not _is_word(video) or not isinstance(listed, list | tuple):
            what = f"{video!r:.100} should be the id of a video, with a list of captions"
            raise DatasetError.at(file, None, what)
        of_video = captions[str(video)] = []
        for words in _split(file, video, listed):
            characters += sum(map(len, words)) + len(words)
            if characters > _MOST_CHARACTERS:
                what = f"its captions have more than {_MOST_CHARACTERS:,} characters"
                raise DatasetError.at(file, None, what)
            of_video.append(" ".join(words))
    return captions


def _opened(file: Path) -> Any:
    raw = read_bytes(file)
    for encoding in _ENCODINGS:
        try:
            return _ValuesOnly(io.BytesIO(raw), encoding=encoding).load()
        except NotOnlyValues as error:
            what = f"{error}, and captions are text, numbers, lists and dictionaries: not opened"
            raise DatasetError.at(file, None, what) from error
        except UnicodeDecodeError:
            continue
        # A damaged pickle fails in all ways that Python knows.
        except Exception as error:
            raise DatasetError.at(file, None, f"it is no readable pickle ({error})") from error
    raise AssertionError("Latin-1 reads any byte")


def _split(file: Path, video: object, listed: list[Any] | tuple[Any, ...]) -> Iterator[list[str]]:
    """Each caption as a list of words, or as the whole text alone."""
    for caption in listed:
        words = caption if isinstance(caption, list | tuple) else [caption]
        whole = words is not caption and not isinstance(caption, str)
        if whole or not all(map(_is_word, words)):
            what = f"a caption of {video!r} should be text or a list of words"
            raise DatasetError.at(file, None, what)
        yield [str(word) for word in words]


def _is_word(value: object) -> bool:
    """Text or a number; one of thousands of digits is none that anybody has said."""
    if isinstance(value, int):
        return not isinstance(value, bool) and value.bit_length() <= _LARGEST_BITS
    return isinstance(value, str | float)
