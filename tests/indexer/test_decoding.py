"""The feed of decoded videos: what is too large is refused unread, and a stop is heard at once."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.decoding import Decoded, DecodeFeed, Failed, Message, Opened
from indexer.reading.settings import IndexSettings
from indexer.registration import PathToIndex
from tests.corpus import shots, write_clip

TERABYTE = 10**12
LONG_S = 60.0


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A video with a hole of eight terabytes behind it."""
    file = write_clip(tmp_path / "sparse.mp4", shots([20]))
    os.truncate(file, 8 * TERABYTE)
    return file


def feed_of(file: Path, settings: IndexSettings, stop: threading.Event) -> DecodeFeed:
    status = file.stat()
    job = PathToIndex(1, file, status.st_size, status.st_mtime_ns)
    return DecodeFeed(
        [job],
        find_known=lambda _content: None,
        settings=settings,
        short_side=96,
        workers=1,
        stop=stop,
    )


def messages(feed: DecodeFeed) -> Iterator[Message]:
    while message := feed.take(patience_s=LONG_S):
        yield message


def test_a_file_above_max_gb_is_refused_unread(sparse):
    with feed_of(sparse, IndexSettings(), threading.Event()) as feed:
        [failed] = messages(feed)
    assert isinstance(failed, Failed)
    assert failed.reason == "it is larger than 1000 GB, the most that max_gb allows"


def test_a_smaller_file_is_decoded_under_the_same_limit(tmp_path):
    file = write_clip(tmp_path / "a.mp4", shots([20]))
    limit = IndexSettings(max_gb=file.stat().st_size / 1e9)
    with feed_of(file, limit, threading.Event()) as feed:
        kinds = [type(message) for message in messages(feed)]
    assert (kinds[0], kinds[-1]) == (Opened, Decoded)


def test_a_stop_is_heard_while_a_file_is_hashed(sparse):
    stop = threading.Event()
    with feed_of(sparse, IndexSettings(max_gb=10_000), stop) as feed:
        assert feed.take(patience_s=0.5) is None  # it would take hours
        stop.set()
    # Leaving the block waits for the thread: it has ended.
    assert not any(thread.is_alive() for thread in feed._threads)


def test_a_stop_is_heard_while_a_decoder_is_silent(tmp_path, monkeypatch):
    from indexer.reading import worker

    file = write_clip(tmp_path / "a.mp4", shots([20]))
    monkeypatch.setattr(worker, "serve", be_silent)
    stop = threading.Event()
    with feed_of(file, IndexSettings(decode_timeout_s=86_400), stop) as feed:
        assert feed.take(patience_s=1) is None
        stop.set()
    assert not any(thread.is_alive() for thread in feed._threads)


def be_silent(_connection: object) -> None:
    """What a decoder does that hangs."""
    threading.Event().wait()


def test_copies_of_sparse_files_are_known_by_their_content(tmp_path):
    file = write_clip(tmp_path / "a.mp4", shots([20]))
    os.truncate(file, file.stat().st_size + 50_000_000)
    copy = tmp_path / "whole.mp4"
    with file.open("rb") as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target)  # without holes
    digests = []
    for one in (file, copy):
        with feed_of(one, IndexSettings(), threading.Event()) as feed:
            [opened] = [one for one in messages(feed) if isinstance(one, Opened)]
        digests.append(opened.content_hash)
    assert digests[0] == digests[1]
