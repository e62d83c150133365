"""What a segment's sketch is made from: its keyframe, frames around it, its tags."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from indexer.keyframes import KEYFRAME_SIDE
from indexer.reading.clip import ClipFrames
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from search.catalog.places import SegmentPlace, place_segments
from search.library import Library
from search.queries.pictures import PictureUnreadable
from search.tags.corrections import say
from sketch.canvas import Target, on_canvas
from tasks.sketches import targets
from tasks.sketches.targets import (
    KeyframeReader,
    KeyframeUnreadable,
    Subject,
    keyframe_reader,
    make_targets,
)
from tests.tasks.sketches.drawings import place as made_up


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
    # It is read large, so that a part of it can be enlarged; the others, for what moves, small.
    assert min(subject.picture.shape[:2]) == 2 * KEYFRAME_SIDE
    assert min(subject.frames.shape[1:3]) == KEYFRAME_SIDE


def test_a_frame_that_is_better_to_draw_stands_for_the_keyframe(library, reader, monkeypatch):
    place = place_of(library)
    assert reader.read(place).frame_s is None
    keyframe = reader.keyframe(place).astype(float)
    asked = []

    def best(frames: np.ndarray, at: int) -> int:
        asked.append(at)
        return len(frames) - 1

    monkeypatch.setattr(targets, "best_to_draw", best)
    subject = reader.read(place)
    clip = reader.clip(place, rate=3.0, reach_s=1.0)
    assert (asked, subject.at) == ([clip.at], len(clip.frames) - 1)
    assert subject.frame_s == clip.times_s[-1] > place.keyframe_s
    seen = reader.drawn(place, subject.frame_s).astype(float)
    assert np.abs(seen - clip.frames[-1]).mean() < 1
    assert np.abs(seen - keyframe).mean() > np.abs(seen - clip.frames[-1]).mean()
    assert min(subject.picture.shape[:2]) == 2 * KEYFRAME_SIDE


def test_what_was_drawn_of_a_video_that_cannot_be_read_now_is_told_by_its_keyframe(
    library, reader, tmp_path
):
    place = place_of(library)
    keyframe = reader.keyframe(place)
    gone = elsewhere(place, tmp_path / "gone.mp4")
    for frame_s in (None, place.keyframe_s + 0.3):
        assert np.array_equal(reader.drawn(gone, frame_s), keyframe)


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


def test_a_keyframe_that_stays_damaged_is_one_sentence(library, reader, monkeypatch):
    def damaged(_content: bytes, *, name: str) -> np.ndarray:
        raise PictureUnreadable(f"{name!r} cannot be read: it is damaged")

    monkeypatch.setattr(targets, "open_picture", damaged)
    with pytest.raises(KeyframeUnreadable, match=r"its keyframe cannot be read: .*it is damaged"):
        reader.keyframe(place_of(library))


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


class Worker:
    """Notes which part of which file is asked for, and gives a frame every second of it."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def clip_frames(self, path: Path, **how: Any) -> ClipFrames:
        self.asked = {"path": path, **how}
        times_s = np.arange(how["start_s"], how["end_s"] + 1)
        return ClipFrames(np.zeros((len(times_s), 4, 4, 3), np.uint8), times_s)


def asked_for(
    *, rate: float = 4.0, at: int | None = None, start_s: float = 10.0, **how: float
) -> tuple[float, float]:
    """The part of a file that is read for a keyframe at 12 s of a segment from 10 to 14 s."""
    worker: Any = Worker()
    library: Any = None
    reader = KeyframeReader(library, worker, IndexSettings(), with_evidence=True)
    clip = reader.clip(made_up(start_s=start_s), rate=rate, **how)
    if at is not None:
        assert clip.at == at
    asked = worker.asked
    assert (asked["path"], asked["length_s"]) == (Path("/v/a cat.mp4"), 100.0)
    assert asked["sampling"] == Sampling(frames=97, rate=rate)
    assert (asked["short_side"], asked["settings"]) == (KEYFRAME_SIDE, IndexSettings())
    return asked["start_s"], asked["end_s"]


def test_the_keyframe_is_one_of_the_frames_that_are_read_and_the_segment_bounds_them():
    assert asked_for(at=2) == (10.0, 14.0)
    assert asked_for(reach_s=1.0, at=1) == (11.0, 13.125)
    # So many whole steps as fit before it.
    assert asked_for(reach_s=1.1) == (11.0, pytest.approx(13.225))
    assert asked_for(rate=3.0, reach_s=1.0) == (pytest.approx(11.0), pytest.approx(13 + 1 / 6))
    assert asked_for(start_s=11.9, reach_s=1.0, at=0) == (12.0, 13.125)
    # A keyframe a little before its segment, as rounding gives it, is read all the same.
    assert asked_for(start_s=12.1, reach_s=1.0) == (12.0, 13.125)


def test_a_segment_that_ends_at_its_keyframe_is_still_a_frame():
    worker: Any = Worker()
    library: Any = None
    reader = KeyframeReader(library, worker, IndexSettings(), with_evidence=True)
    reader.clip(made_up(start_s=12.0, end_s=12.0), rate=4.0, reach_s=1.0)
    assert (worker.asked["start_s"], worker.asked["end_s"]) == (12.0, 12.01)


class Masks:
    """What a mask is made of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made_of: list[tuple[bool, bool, str]] = []
        monkeypatch.setattr(targets, "framed", self._framed)
        monkeypatch.setattr(targets, "_relevance", lambda *_: np.ones((8, 8)))

    def _framed(self, picture: np.ndarray, **how: Any) -> Target:
        found = how["relevance"] is not None, how["motion"] is not None, how["method"]
        self.made_of.append(found)
        return Target.unmasked(*on_canvas(picture))


def test_motion_and_words_tell_a_subject_where_there_are_any_and_they_are_weighed(monkeypatch):
    masks = Masks(monkeypatch)
    picture = np.zeros((8, 8, 3), np.uint8)
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    subjects = [
        Subject(picture),
        Subject(picture, words=("a cat",)),
        Subject(picture, frames, 1),
        Subject(picture, frames[:1], 0),
        Subject(picture, frames, 1, ("a cat",)),
    ]
    for method in ("auto", "none"):
        maker: Any = SimpleNamespace(
            weighs_evidence=method == "auto",
            reads_words=True,
            settings=SimpleNamespace(mask=method),
        )
        assert len(make_targets(maker, subjects)) == 5
    assert masks.made_of == [
        (True, False, "auto"),
        (True, False, "auto"),
        (True, True, "auto"),
        (True, False, "auto"),
        (True, True, "auto"),
        *[(False, False, "none")] * 5,
    ]
    deaf: Any = SimpleNamespace(
        weighs_evidence=True, reads_words=False, settings=SimpleNamespace(mask="auto")
    )
    make_targets(deaf, subjects[-1:])
    assert masks.made_of[-1] == (False, True, "auto")


class Eyes:
    """A model that notes what it is shown and asked for."""

    def __init__(self, size: int, *, knows_actions: bool = True) -> None:
        self.size, self.knows_actions = size, knows_actions
        self.device = torch.device("cpu")
        self.shown: list[tuple[int, ...]] = []
        self.asked: list[list[float]] = []

    def embed_texts(self, words: list[str]) -> torch.Tensor:
        return 3 * torch.eye(len(words))

    def relevance(self, batch: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        self.shown.append(tuple(batch.shape))
        self.asked.append(text.tolist())
        return torch.full((1, 7, 7), 2.0)

    def attention(self, batch: torch.Tensor) -> torch.Tensor:
        self.shown.append(tuple(batch.shape))
        return torch.tensor([[[0.0, 0.001], [0.002, 0.004]]])

    def look(self, *words: str) -> np.ndarray:
        maker: Any = SimpleNamespace(backbone=self, tower=self)
        return targets._relevance(maker, Subject(np.zeros((50, 100, 3), np.uint8), words=words))


@pytest.mark.parametrize("size", [224, 32])
def test_words_are_looked_for_in_the_size_that_the_model_sees(size):
    eyes = Eyes(size)
    found = eyes.look("a cat", "a dog")
    assert eyes.shown == [(1, 3, size, size)]
    assert eyes.asked == [[0.5, 0.5]]  # the mean of two unit vectors
    assert (found.shape, found.min(), found.max()) == ((112, 224), 1, 1)  # without the padding


@pytest.mark.parametrize(("words", "knows_actions"), [((), True), (("petting a cat",), False)])
def test_without_words_that_mean_something_to_it_a_model_looks_where_it_likes(words, knows_actions):
    eyes = Eyes(32, knows_actions=knows_actions)
    found = eyes.look(*words)
    assert eyes.asked == []
    assert found.max() == pytest.approx(1, abs=0.01)
    assert found.argmax() // 224 > 56  # below, where it looks most
    assert found.min() < 0.1
