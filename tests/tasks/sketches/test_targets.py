"""What a segment's sketch is made from: its keyframe, frames around it, its tags."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.catalog.places import SegmentPlace, place_segments
from search.library import Library
from search.tags.corrections import say
from sketch.canvas import on_canvas
from tasks.sketches.targets import KeyframeReader, KeyframeUnreadable, _canvas_map, keyframe_reader


@pytest.fixture
def library(shared_library: Path, tmp_path: Path) -> Iterator[Library]:
    with Library.open(shutil.copytree(shared_library, tmp_path / "library")) as library:
        yield library


@pytest.fixture
def reader(library: Library) -> Iterator[KeyframeReader]:
    with keyframe_reader(library, with_evidence=True) as reader:
        yield reader


def place_of(library: Library, number: int = 1) -> SegmentPlace:
    with library.reading() as session:
        [place] = place_segments(session, [number])
    return place


def elsewhere(place: SegmentPlace, path: Path) -> SegmentPlace:
    return replace(place, video=replace(place.video, paths=(path,)))


def test_a_subject_is_a_keyframe_with_frames_around_it_and_tags(library, reader):
    with library.writing() as session:
        say(session, 1, "jumping", holds=True)
    place = place_of(library)
    subject = reader.read(place)

    assert subject.picture.shape[2] == 3
    assert subject.words[0] == "jumping"
    assert len(subject.frames) > 1
    # The frame at `at` is the keyframe, whatever size each was kept in.
    same = np.abs(subject.frames[subject.at].astype(float).mean() - subject.picture.mean())
    assert same < 8


def test_without_evidence_a_subject_is_its_keyframe_alone(library):
    with keyframe_reader(library) as reader:
        subject = reader.read(place_of(library))
    assert (subject.frames, subject.words) == (None, ())


def test_frames_around_a_keyframe_stay_inside_of_its_segment_and_reach(library, reader):
    place = place_of(library)
    middle = replace(place, keyframe_s=place.start_s + 0.6)
    clip = reader.clip(middle, rate=10, reach_s=0.3)
    assert clip.times_s == pytest.approx(middle.keyframe_s + np.arange(-3, 4) / 10, abs=0.07)
    assert clip.at == 3
    begin = reader.clip(replace(place, keyframe_s=place.start_s), rate=10, reach_s=0.3)
    assert begin.at == 0
    whole = reader.clip(middle, rate=5)
    assert whole.times_s[0] >= place.start_s - 0.05
    assert whole.times_s[-1] <= place.end_s


def test_a_damaged_keyframe_is_read_from_its_video_again(library, reader):
    place = place_of(library)
    before = reader.keyframe(place)
    library.keyframe_file(1).write_bytes(b"no picture")
    assert np.abs(reader.keyframe(place).astype(float) - before).mean() < 8
    library.keyframe_file(1).unlink()
    assert reader.keyframe(place).shape == before.shape


def test_a_keyframe_that_cannot_be_had_is_one_sentence(library, reader):
    library.keyframe_file(1).unlink()
    place = place_of(library)
    with library.writing() as session:
        from search.catalog.writing import remove_paths

        remove_paths(session, place.path)
    with pytest.raises(KeyframeUnreadable, match="its video is gone or cannot be read any more"):
        reader.keyframe(place)
    library.keyframe_file(2).unlink()
    library.keyframe_file(2).mkdir()
    with pytest.raises(KeyframeUnreadable, match=r"cannot be stored or read: Is a directory"):
        reader.keyframe(replace(place, segment_id=2))


def test_a_video_that_a_disk_does_not_give_is_no_reason_for_a_lesser_sketch(
    library, reader, tmp_path
):
    place = place_of(library)
    reader.keyframe(place)
    with pytest.raises(KeyframeUnreadable, match=r"its video failed: it cannot be opened"):
        reader.read(elsewhere(place, tmp_path / "on a disk that is away.mp4"))


def test_of_a_damaged_video_the_keyframe_alone_is_drawn(library, reader, tmp_path):
    place = place_of(library)
    reader.keyframe(place)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(place.path.read_bytes()[:300])
    subject = reader.read(elsewhere(place, damaged))
    assert (subject.frames, subject.picture.shape[2]) == (None, 3)


def test_a_map_of_a_picture_is_laid_where_the_picture_lies():
    _, placed = on_canvas(np.zeros((100, 200, 3), np.uint8))
    laid = _canvas_map(np.ones((10, 20), np.float32), placed)
    assert laid.shape == (224, 224)
    assert (laid[:56].max(), laid[56:168].min(), laid[168:].max()) == (0, 1, 0)
