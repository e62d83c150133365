import hashlib
import re
from pathlib import Path

import pytest

from smallworld.clips.files import ClipTruth
from smallworld.demo import DEMO_QUERIES, SMALLEST_DEMO, expected_clip, make_demo_library
from smallworld.stills.pictures import place_word


def digest(clips: list[ClipTruth]) -> str:
    return hashlib.sha256(b"".join(clip.path.read_bytes() for clip in clips)).hexdigest()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[ClipTruth]:
    return make_demo_library(tmp_path_factory.mktemp("demo"), count=22)


def test_the_same_seed_writes_the_same_library(library: list[ClipTruth], tmp_path: Path) -> None:
    again = make_demo_library(tmp_path, count=22)
    assert digest(again) == digest(library)
    assert [clip.shots for clip in again] == [clip.shots for clip in library]


def test_each_question_has_exactly_one_answer(library: list[ClipTruth]) -> None:
    answers = [expected_clip(query, library) for query in DEMO_QUERIES]
    assert len({clip.path for clip in answers}) == 10


def test_the_cat_that_moves_left_is_another_clip_than_the_one_that_moves_right(
    library: list[ClipTruth],
) -> None:
    queries = {query.text: query for query in DEMO_QUERIES}
    for way, sign in (("left", -1), ("right", 1)):
        (shot,) = expected_clip(queries[f"a cat moving to the {way}"], library).shots
        assert shot.clip is not None
        (first,), (last,) = (shot.clip.picture_at(s).placements for s in (0.0, shot.end_s))
        assert sign * (last.x - first.x) > 0.5


def test_more_clips_move_than_answer_questions(library: list[ClipTruth]) -> None:
    moving = [clip for clip in library for shot in clip.shots if shot.clip and shot.clip.speed]
    assert len(moving) > 5


def test_a_question_without_its_clip_is_an_error(library: list[ClipTruth]) -> None:
    query = DEMO_QUERIES[0]
    others = [clip for clip in library if clip != expected_clip(query, library)]
    with pytest.raises(LookupError, match="0 clips"):
        expected_clip(query, others)


def test_clips_are_of_many_kinds(library: list[ClipTruth]) -> None:
    assert {clip.path.suffix for clip in library} == {".mp4", ".webm", ".mkv", ".avi"}
    assert len({clip.frame_rate for clip in library}) == 4
    assert any(len(clip.shots) > 1 for clip in library)
    assert all(2.0 <= clip.duration_s <= 8.0 for clip in library)


def test_file_names_give_nothing_away(library: list[ClipTruth]) -> None:
    assert all(re.fullmatch(r"clip-\d{3}\.\w+", clip.path.name) for clip in library)


def test_things_stay_inside_the_central_square(library: list[ClipTruth]) -> None:
    placements = [p for clip in library for s in clip.shots for p in s.picture.placements]
    assert all(0.1 <= p.x <= 0.9 and 0.1 <= p.y <= 0.9 for p in placements)
    still = [
        p
        for clip in library
        for s in clip.shots
        if s.clip and not s.clip.speed
        for p in s.picture.placements
    ]
    assert sum(place_word(p) is not None for p in still) > len(still) / 2


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    make_demo_library(tmp_path, count=15, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 15) for done in range(1, 16)]


def test_too_few_clips_for_the_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 15 clips"):
        make_demo_library(tmp_path, count=SMALLEST_DEMO - 1)
