"""A library's frames as pictures: decoded once, each beside what was stored of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.datasets.frames.library_frames import LibraryFrameCache, LibraryFrames
from indexer.datasets.frames.taught_batches import TaughtBatches, enough_of, held_out
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from models.clip.backbone import Backbone
from models.errors import KinodexError
from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.stored_frames import StoredVideo, stored_segments, stored_videos
from tests.corpus import shots, write_clip
from tests.tiny import index, tiny_backbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture(scope="module")
def made(backbone, tmp_path_factory) -> Path:
    """Three videos and their library, to copy."""
    place = tmp_path_factory.mktemp("made")
    for number, lengths in enumerate(([30, 30], [25], [40])):
        write_clip(place / f"{number}.mp4", shots([*lengths, 10 + number]))
    with Store.open(place / "library", create=True) as library:
        index(library, *place.glob("*.mp4"), backbone=backbone)
    return place


@pytest.fixture
def library(made):
    with Store.open(made / "library") as library:
        yield library


def cache_in(place: Path, backbone: Backbone) -> LibraryFrameCache:
    preprocessing = backbone.preprocessing
    return LibraryFrameCache(
        place, preprocessing, IndexSettings(), short_side=preprocessing.short_side
    )


def read(
    library: Store, cache: LibraryFrameCache, videos: list[StoredVideo] | None = None
) -> tuple[LibraryFrames, dict[Path, str]]:
    with library.reading() as session:
        space = active_space(session)
    some = stored_videos(library, space) if videos is None else videos
    return cache.frames_of(some, lambda video: stored_segments(library, space, video))


def all_videos(library: Store) -> list[StoredVideo]:
    with library.reading() as session:
        return stored_videos(library, active_space(session))


def test_each_picture_stands_beside_what_the_model_made_of_it(library, backbone, tmp_path):
    frames, failed = read(library, cache_in(tmp_path, backbone))
    assert failed == {}
    assert len(frames.segments) > 3
    for pictures, segment in zip(frames.pictures, frames.segments, strict=True):
        assert pictures.shape[1:] == (3, 32, 32)
        again = backbone.clip_arrays([np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))])[0]
        np.testing.assert_allclose(again, segment.embeddings, atol=2e-3)


def test_videos_are_told_with_their_frames_and_not_when_they_are_gone(library, backbone, tmp_path):
    videos = all_videos(library)
    assert [video.content_hash for video in videos] == sorted(v.content_hash for v in videos)
    frames, _ = read(library, cache_in(tmp_path, backbone))
    for video in videos:
        rows = [
            len(segment.embeddings)
            for segment, of in zip(frames.segments, frames.videos, strict=True)
            if of == video.content_hash
        ]
        assert (sum(rows), len(rows) > 0) == (video.frames, True)


def test_nothing_is_decoded_twice(library, backbone, tmp_path, monkeypatch):
    before, _ = read(library, cache_in(tmp_path, backbone))
    monkeypatch.setattr(DecodeWorker, "decode", lambda *_, **__: pytest.fail("decoded again"))
    after, _ = read(library, cache_in(tmp_path, backbone))
    assert after.count == before.count > 0
    for one, other in zip(before.pictures, after.pictures, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(made, library, backbone, tmp_path):
    gone, other = Path(made / "0.mp4"), Path(made / "1.mp4")
    kept = {file: file.read_bytes() for file in (gone, other)}
    try:
        gone.unlink()
        shutil.copy(made / "2.mp4", other)
        frames, failed = read(library, cache_in(tmp_path, backbone))
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert failed == {
        gone: "no file is there now",
        other: "its frames are others than those that were indexed",
    }
    assert len(set(frames.videos)) == 1


def test_only_so_many_frames_are_taken_but_never_none(library):
    videos = all_videos(library)
    assert enough_of(videos, 1) == videos[:1]
    assert enough_of(videos, videos[0].frames + videos[1].frames) == videos[:2]
    assert enough_of(videos, 10_000) == videos


def test_of_few_videos_segments_are_held_out_and_of_many_whole_videos(library, backbone, tmp_path):
    frames, _ = read(library, cache_in(tmp_path, backbone))
    rest, some, what = held_out(frames, 0.3)
    assert what == "segment"
    assert len(some.segments) == round(0.3 * len(frames.segments))
    assert rest.count + some.count == frames.count
    assert not {id(one) for one in rest.segments} & {id(one) for one in some.segments}
    many = LibraryFrames(frames.pictures[:1] * 24, frames.segments[:1] * 24, ("a", "b") * 12)
    assert held_out(many, 0.3)[2] == "segment"
    many = LibraryFrames(many.pictures, many.segments, tuple("abcdefghijkl" * 2))
    rest, some, what = held_out(many, 0.25)
    assert what == "video"
    assert (len(set(some.videos)), len(some.videos)) == (3, 6)
    assert not set(some.videos) & set(rest.videos)


def test_a_single_segment_is_too_few(library, backbone, tmp_path):
    frames, _ = read(library, cache_in(tmp_path, backbone))
    one = LibraryFrames(frames.pictures[:1], frames.segments[:1], frames.videos[:1])
    with pytest.raises(KinodexError, match="there are 1 segments, which is too few to learn"):
        held_out(one, 0.5)


def test_an_epoch_has_each_frame_once_and_a_step_is_always_the_same(library, backbone, tmp_path):
    frames, _ = read(library, cache_in(tmp_path, backbone))
    batches = TaughtBatches(frames, 7, seed=1, device=torch.device("cpu"))
    seen = [batches.batch(step)[1] for step in range(batches.steps_per_epoch)]
    assert {len(rows) for rows in seen} == {7}
    rows = np.concatenate(seen)
    assert len(np.unique(rows, axis=0)) == len(rows) == frames.count // 7 * 7
    again = TaughtBatches(frames, 7, seed=1, device=torch.device("cpu"))
    assert all(map(np.array_equal, seen, (again.batch(step)[1] for step in range(len(seen)))))
    assert not np.array_equal(seen[0], batches.batch(batches.steps_per_epoch)[1])
    assert sum(len(pictures) for pictures, _ in batches.all()) == frames.count
