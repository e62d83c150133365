"""The feed of decoded videos: what is too large is refused unread, and a stop is heard at once."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexer import decoding
from indexer.decoding import Decoded, DecodeFeed, Failed, Known, Message, Opened, Sampled
from indexer.reading.contents import hash_content
from indexer.reading.errors import DecodeFailed
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


def several(
    files: list[Path], *, known: dict[Path, int] | None = None, workers: int = 1
) -> DecodeFeed:
    """A feed of files, of which some contents are known already."""
    digests = {hash_content(file): number for file, number in (known or {}).items()}
    jobs = [
        PathToIndex(number, file, file.stat().st_size, file.stat().st_mtime_ns)
        for number, file in enumerate(files)
    ]
    return DecodeFeed(
        jobs,
        find_known=digests.get,
        settings=IndexSettings(),
        short_side=96,
        workers=workers,
        stop=threading.Event(),
    )


def test_equal_contents_are_decoded_once_and_the_others_held_back(tmp_path):
    first = write_clip(tmp_path / "a.mp4", shots([5]))
    copies = [Path(shutil.copy(first, tmp_path / f"{name}.mp4")) for name in "bc"]
    with several([first, *copies]) as feed:
        found = list(messages(feed))
        assert [type(one) for one in found] == [Opened, Sampled, Decoded]
        assert {one.job.path for one in found} == {first}
        content = hash_content(first)
        assert found[0].content_hash == content
        assert [job.path for job in feed.release(content)] == copies
        assert feed.release(content) == []
        assert feed.release("another") == []


def test_a_content_that_the_library_has_is_only_named(tmp_path):
    first = write_clip(tmp_path / "a.mp4", shots([5]))
    with several([first], known={first: 0}) as feed:
        [known] = messages(feed)
    assert (type(known), known.video_id) == (Known, 0)


def test_a_worker_more_is_taken_on_while_files_are_left(tmp_path):
    files = [write_clip(tmp_path / f"{number}.mp4", shots([20 + number])) for number in range(4)]
    with several(files) as feed:
        first = feed.take(patience_s=LONG_S)
        assert feed.workers == 1
        feed.add_worker()
        assert feed.workers == 2
        read = [first, *messages(feed)]
        assert feed.workers == 0
        feed.add_worker()
        assert feed.workers == 0
    done = [message.job.path for message in read if isinstance(message, Decoded)]
    assert sorted(done) == files
    assert len(feed._threads) == 2


def test_no_more_workers_are_started_than_there_are_files(tmp_path):
    file = write_clip(tmp_path / "a.mp4", shots([5]))
    assert len(several([file], workers=4)._threads) == 1
    assert len(several([file] * 3, workers=2)._threads) == 2
    with several([]) as feed:
        assert feed.take(patience_s=LONG_S) is None


def test_a_defect_of_ours_ends_the_run(tmp_path, monkeypatch):
    file = write_clip(tmp_path / "a.mp4", shots([5]))

    def defect(*_: object, **__: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("indexer.decoding.hash_content", defect)
    with several([file]) as feed, pytest.raises(ZeroDivisionError):
        list(messages(feed))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Path.unlink, "it was removed while it was being read"),
        (lambda file: file.write_bytes(b"more"), "it was still being written"),
        (lambda file: os.utime(file, ns=(0, 0)), "it was still being written"),
    ],
)
def test_a_file_that_changes_while_it_is_read_fails(tmp_path, change, reason):
    file = write_clip(tmp_path / "a.mp4", shots([5]))
    with several([file]) as feed:
        opened = feed.take(patience_s=LONG_S)
        assert isinstance(opened, Opened)
        sampled = feed.take(patience_s=LONG_S)
        assert isinstance(sampled, Sampled)
    change(file)
    with pytest.raises(DecodeFailed, match=reason) as failed:
        decoding._check_unchanged(opened.job)
    assert failed.value.stage == "read"


def test_a_file_of_exactly_max_gb_is_taken():
    job = PathToIndex(1, Path("a"), 2_000_000_000, 0)
    decoding._check_size(job, IndexSettings(max_gb=2))
    with pytest.raises(DecodeFailed, match="larger than 2 GB") as failed:
        decoding._check_size(replace(job, size_bytes=2_000_000_001), IndexSettings(max_gb=2))
    assert failed.value.stage == "size"
