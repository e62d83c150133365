"""Frames on the disk: each clip decoded once, whatever happens in between."""

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames import cache as frame_cache
from indexer.datasets.frames import store as frame_store
from indexer.datasets.frames.cache import FrameCache, default_cache_folder, default_processes
from indexer.datasets.frames.decoding import DecodedClip
from indexer.datasets.frames.store import FrameStore, Stamp
from indexer.reading.clip import sample_clip
from indexer.reading.errors import DecodeFailed
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from tests.corpus import shots, write_clip
from tests.tiny import tiny_backbone

SAMPLING = Sampling(frames=4, rate=5)


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture
def videos(good_videos, tmp_path: Path) -> list[Path]:
    """Two videos of this test's own: three seconds, and a third of a second."""
    short = write_clip(tmp_path / "short.mp4", shots([9]))
    return [Path(shutil.copy(good_videos["plain.mp4"], tmp_path)), short]


def filled(cache: FrameCache, *windows: ClipWindow):
    return cache.fill(windows, processes=1)


def test_embeddings_are_those_of_the_sampled_frames_with_their_mask(backbone, videos, tmp_path):
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    report = filled(cache, *map(ClipWindow, videos))
    assert (report.encoded, report.known, report.failed) == (2, 0, {})
    frames, mask = cache.batch([ClipWindow(video) for video in reversed(videos)])
    assert (frames.shape, frames.dtype) == ((2, 4, 24), torch.float16)
    assert mask.tolist() == [[True, True, False, False], [True] * 4]
    assert not frames[0, 2:].any()
    sampled = sample_clip(
        videos[0],
        start_s=None,
        end_s=None,
        sampling=SAMPLING,
        short_side=32,
        settings=IndexSettings(),
    )
    expected = backbone.embed_frames(sampled.frames)
    assert torch.allclose(frames[1].float(), expected, atol=2e-3, rtol=2e-3)


def test_pixels_are_pictures_of_the_model_size(backbone, videos, tmp_path):
    cache = FrameCache.of_pixels(tmp_path / "cache", backbone.preprocessing, SAMPLING)
    filled(cache, ClipWindow(videos[0]))
    frames, mask = cache.batch([ClipWindow(videos[0])])
    assert (frames.shape, frames.dtype) == ((1, 4, 3, 32, 32), torch.uint8)
    assert mask.all()
    assert frames.float().std() > 20


def test_what_is_known_is_not_decoded_again(backbone, videos, tmp_path):
    windows = [ClipWindow(videos[0]), ClipWindow(videos[0], 1.0, 2.0), ClipWindow(videos[0])]
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    assert filled(cache, *windows).encoded == 2
    again = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    assert torch.equal(again.batch(windows)[0], cache.batch(windows)[0])
    steps: list[tuple[int, int]] = []
    report = again.fill(windows, processes=1, on_progress=lambda *step: steps.append(step))
    assert (report.encoded, report.known, steps) == (0, 2, [])


def test_another_model_or_sampling_never_reads_it(backbone, videos, tmp_path):
    windows = [ClipWindow(videos[0])]
    root = tmp_path / "cache"
    filled(FrameCache.of_embeddings(root, backbone, SAMPLING), *windows)
    for other in (
        FrameCache.of_embeddings(root, tiny_backbone(seed=2), SAMPLING),
        FrameCache.of_embeddings(root, backbone, Sampling(frames=4, rate=4)),
        FrameCache.of_pixels(root, backbone.preprocessing, SAMPLING),
    ):
        with pytest.raises(KeyError):
            other.batch(windows)
        assert filled(other, *windows).encoded == 1


def test_a_changed_file_is_decoded_again(backbone, videos, tmp_path):
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    filled(cache, ClipWindow(videos[1]))
    before = cache.batch([ClipWindow(videos[1])])[1].sum()
    write_clip(videos[1], shots([40]))
    assert filled(cache, ClipWindow(videos[1])).encoded == 1
    assert (before, cache.batch([ClipWindow(videos[1])])[1].sum()) == (2, 4)


def test_broken_files_are_listed_and_stop_nothing(backbone, videos, refused_files, tmp_path):
    broken = [refused_files[name] for name in ("empty.mp4", "text.mp4", "no-index.mp4")]
    missing = tmp_path / "nowhere.mp4"
    windows = [ClipWindow(path) for path in (broken[0], videos[0], *broken[1:], missing, videos[1])]
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    report = filled(cache, *windows)
    assert report.encoded == 2
    assert report.failed[ClipWindow(broken[0])] == "it is empty"
    assert "No such file" in report.failed[ClipWindow(missing)]
    assert set(report.failed) == {ClipWindow(path) for path in (*broken, missing)}
    with pytest.raises(KeyError):
        cache.batch([ClipWindow(broken[0])])
    # They are still told of, but not tried again.
    again = filled(cache, *windows)
    assert (again.encoded, again.known, again.failed) == (0, 2, report.failed)


@pytest.mark.parametrize(
    ("stage", "is_tried_again"),
    [("timeout", True), ("memory", True), ("crash", True), ("decode", False), ("open", False)],
)
def test_what_failed_for_want_of_time_or_memory_is_tried_again(
    backbone, videos, tmp_path, monkeypatch, stage, is_tried_again
):
    tried: list[ClipWindow] = []

    def fail(windows, **_options):
        tried.extend(windows)
        return [DecodedClip(window, DecodeFailed(stage, "too much")) for window in windows]

    monkeypatch.setattr(frame_cache, "decode_clips", fail)
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    window = ClipWindow(videos[1])
    for _ in range(2):
        assert filled(cache, window).failed == {window: "too much"}
    assert tried == [window] * (2 if is_tried_again else 1)


def test_a_missing_file_is_taken_in_when_it_comes(backbone, videos, tmp_path):
    late = ClipWindow(tmp_path / "late.mp4")
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    assert set(filled(cache, late).failed) == {late}
    shutil.copy(videos[0], late.path)
    report = filled(cache, late)
    assert (report.encoded, report.failed) == (1, {})


def test_an_embedding_that_is_no_number_leaves_its_clip_out(
    backbone, videos, tmp_path, monkeypatch
):
    embed = backbone.clip_arrays

    def spoil(clips):
        first, *others = embed(clips)
        return [np.full_like(first, np.inf), *others]

    monkeypatch.setattr(backbone, "clip_arrays", spoil)
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    report = filled(cache, *map(ClipWindow, videos))
    assert report.failed == {
        ClipWindow(videos[0]): "the model gives no finite embedding of its frames"
    }
    assert report.encoded == 1


def test_a_run_killed_in_the_middle_goes_on_where_it_was(backbone, videos, tmp_path, monkeypatch):
    monkeypatch.setattr(frame_cache, "_FRAMES_AT_ONCE", 1)  # every clip is a group of its own
    windows = [ClipWindow(videos[0], start / 2, start / 2 + 1) for start in range(4)]
    undisturbed = FrameCache.of_embeddings(tmp_path / "undisturbed", backbone, SAMPLING)
    filled(undisturbed, *windows)
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.fill(windows, processes=1, on_progress=stop)
    again = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    report = filled(again, *windows)
    assert (report.encoded, report.known) == (2, 2)
    assert torch.equal(again.batch(windows)[0], undisturbed.batch(windows)[0])


def test_a_full_disk_is_said_in_a_sentence_and_keeps_what_was_there(
    backbone, videos, tmp_path, monkeypatch
):
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    filled(cache, ClipWindow(videos[0]))

    def full(_file) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(frame_store, "_flush", full)
        with pytest.raises(
            KinodexError, match=r"cannot be written .No space left on device.: make"
        ):
            filled(cache, ClipWindow(videos[1]))
    report = filled(cache, *map(ClipWindow, videos))
    assert (report.encoded, report.known) == (1, 1)


def test_two_processes_cannot_fill_it_at_the_same_time(tmp_path):
    store = FrameStore(tmp_path / "store", row_shape=(2,), dtype=np.dtype(np.float16))
    other = FrameStore(tmp_path / "store", row_shape=(2,), dtype=np.dtype(np.float16))
    refusal = pytest.raises(KinodexError, match="another Kinodex is filling")
    with store.filling(), refusal, other.filling():
        pass


KILLED_WRITER = """
import os, sys
import numpy as np
from pathlib import Path
from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.store import FrameStore, Stamp

store = FrameStore(Path(sys.argv[1]), row_shape=(8,), dtype=np.dtype(np.float16))
with store.filling() as appender:
    for number in range(100):
        rows = np.full((number % 3 + 1, 8), number, np.float16)
        appender.add(ClipWindow(Path(f"{number}.mp4")), Stamp(1, number), rows)
        if number % 10 == 9:
            appender.commit()
        if number == int(sys.argv[2]):
            appender._frames.flush()  # rows reach the disk before anybody asked for it
            os._exit(42)
"""


@pytest.mark.parametrize("last", [0, 9, 27, 63])
def test_a_writer_that_dies_leaves_only_whole_clips(tmp_path, last):
    command = [sys.executable, "-c", KILLED_WRITER, str(tmp_path), str(last)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    assert subprocess.run(command, check=False, env=environment).returncode == 42
    store = FrameStore(tmp_path, row_shape=(8,), dtype=np.dtype(np.float16))
    kept = (last + 1) // 10 * 10
    assert len(store.entries) == kept
    window = ClipWindow(Path("new.mp4"))
    with store.filling() as appender:
        appender.add(window, None, np.full((2, 8), 500, np.float16))
    assert store[window].tolist() == [[500.0] * 8] * 2
    for number in range(kept):
        assert store[ClipWindow(Path(f"{number}.mp4"))].tolist() == [[number] * 8] * (
            number % 3 + 1
        )


def test_torn_and_spoiled_lines_cost_only_their_clips(tmp_path):
    store = FrameStore(tmp_path, row_shape=(1,), dtype=np.dtype(np.uint8))
    windows = [ClipWindow(Path(name)) for name in "abc"]
    with store.filling() as appender:
        for number, window in enumerate(windows):
            appender.add(window, Stamp(1, 1), np.array([[number]], np.uint8))
    index = tmp_path / "index.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(lines[0] + b"\x00" * 20 + b"\n" + lines[2][:-9])
    store.reload()
    assert list(store.entries) == windows[:1]
    with store.filling() as appender:
        appender.add(windows[1], Stamp(1, 1), np.array([[7]], np.uint8))
    assert [store[window].item() for window in windows[:2]] == [0, 7]


def test_rows_that_are_gone_are_not_believed_to_be_there(tmp_path):
    store = FrameStore(tmp_path, row_shape=(1,), dtype=np.dtype(np.uint8))
    with store.filling() as appender:
        for name in "ab":
            appender.add(ClipWindow(Path(name)), None, np.array([[1]], np.uint8))
    with (tmp_path / "frames.bin").open("r+b") as frames:
        frames.truncate(1)
    store.reload()
    assert list(store.entries) == [ClipWindow(Path("a"))]


def test_names_that_are_no_text_survive(tmp_path):
    store = FrameStore(tmp_path, row_shape=(1,), dtype=np.dtype(np.uint8))
    window = ClipWindow(Path(os.fsdecode(b"not-\xff-utf8\n.mp4")), 0.1, 2.0)
    with store.filling() as appender:
        appender.add_failure(window, None, "it is empty")
    again = FrameStore(tmp_path, row_shape=(1,), dtype=np.dtype(np.uint8))
    assert again.entries[window].failure == "it is empty"


def test_the_folder_says_what_it_holds(backbone, videos, tmp_path):
    cache = FrameCache.of_embeddings(tmp_path / "cache", backbone, SAMPLING)
    filled(cache, ClipWindow(videos[1]))
    about = json.loads((cache.folder / "about.json").read_text())
    assert about["kind"] == "frame embeddings"
    assert about["frames_digest"] == backbone.identity.frames_digest
    assert about["sampling"] == {"frames": 4, "rate": 5, "choose": "uniform"}


def test_pictures_serve_all_models_that_take_the_same_ones(backbone, tmp_path):
    def folder(**changes: object) -> Path:
        preprocessing = replace(backbone.preprocessing, **changes)
        return FrameCache.of_pixels(tmp_path, preprocessing, SAMPLING).folder

    usual = folder()
    assert folder(mean=(0.1,) * 3, std=(0.9,) * 3) == usual  # applied after the cache
    assert folder(interpolation="bilinear") != usual
    assert folder(resize_mode="squash") != usual
    assert folder(fill_color=7) != usual


def test_frames_are_kept_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "kinodex" / "frames"


@pytest.mark.parametrize(
    ("cores", "processes"), [(None, 1), (1, 1), (2, 1), (3, 1), (4, 2), (16, 8), (64, 8)]
)
def test_half_of_the_cores_decode_at_most_eight(monkeypatch, cores, processes):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert default_processes() == processes


@pytest.mark.parametrize(
    ("frames", "groups"),
    [
        ([100, 156, 256], [(2, 2), (3, 1)]),
        ([100, 155, 1], [(3, 3)]),
        ([100], [(1, 1)]),
        ([], []),
        ([255, None, None], [(2, 2), (3, 1)]),
    ],
)
def test_clips_are_encoded_together_until_there_are_256_frames(frames, groups):
    clips = [
        DecodedClip(
            ClipWindow(Path(f"{at}")),
            DecodeFailed("decode", "odd") if count is None else np.zeros((count, 1, 1, 3), "u1"),
        )
        for at, count in enumerate(frames)
    ]
    assert [(done, len(group)) for done, group in frame_cache._in_groups(clips)] == groups


def test_every_group_of_clips_has_as_many_frames(monkeypatch):
    monkeypatch.setattr(frame_cache, "_FRAMES_AT_ONCE", 4)
    one = DecodedClip(ClipWindow(Path("a.mp4")), np.zeros((1, 2, 2, 3), np.uint8))
    failed = DecodedClip(ClipWindow(Path("b.mp4")), DecodeFailed("decode", "it is damaged"))
    groups = list(frame_cache._in_groups([*[one] * 7, failed, one]))
    assert [(done, len(group)) for done, group in groups] == [(4, 4), (8, 4), (9, 1)]
    assert list(frame_cache._in_groups([])) == []


def test_a_folder_of_pictures_is_another_video_once_its_rate_is_said_otherwise(tmp_path):
    clip = tmp_path / "clip"
    clip.mkdir()
    stamps = [Stamp.of(clip)]
    for place, rate in ((tmp_path, "4"), (tmp_path, "12.5"), (clip, "8")):
        (place / "fps.txt").write_text(rate)
        stamps.append(Stamp.of(clip))
    assert len(set(stamps)) == 4
    assert Stamp.of(clip) == stamps[-1]
    assert Stamp.of(tmp_path / "gone") is None
