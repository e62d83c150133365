"""Counts and examples of labels, as a person's word and absent videos change them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from search.catalog.store import Store
from search.catalog.tables import Segment, Space, Status, Video, VideoPath, now
from search.catalog.tag_tables import Label, SegmentTag, Vocabulary
from search.tags.corrections import say
from search.tags.counting import (
    CountedLabels,
    Sort,
    chosen,
    count_labels,
    examples,
    holding,
    most_frequent,
    summarise_tags,
)
from tests.search.planted import VIDEO_ROW

# By label: the segments the model has found it in, and how surely. "never" is a runner-up only.
_FOUND = {"run": {1: 0.6, 2: 0.9, 3: 0.7, 4: 0.8}, "jump": {3: 0.9}, "never": {1: 0.4}}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Two videos of two segments each: 1 and 2, 3 and 4."""
    with Store.open(tmp_path / "library", create=True) as library, library.writing() as session:
        session.add(Space(id=1, dim=1, active=True, tagging=True, **_SPACE))
        for number in (1, 2):
            session.add(Video(id=number, content_hash=f"{number}", **VIDEO_ROW))
            session.flush()
            session.add(_path(number))
            for position in (0, 1):
                session.add(_segment(2 * number - 1 + position, number, position))
        session.add(Vocabulary(id=1, space_id=1, active=True, **_VOCABULARY))
        session.flush()
        for number, (text, segments) in enumerate(_FOUND.items(), start=1):
            session.add(
                Label(id=number, vocabulary_id=1, position=number, text=text, embedding=b"")
            )
            session.flush()
            for segment, probability in segments.items():
                kept = probability >= 0.5
                session.add(
                    SegmentTag(
                        segment_id=segment, label_id=number, probability=probability, kept=kept
                    )
                )
        session.flush()
        yield session


_SPACE = {
    "key": "k",
    "model": "m",
    "weights_digest": "w",
    "preprocessing": {},
    "head": "meanP",
    "sampling": {},
}
_VOCABULARY = {
    "name": "verbs",
    "templates": ["{}"],
    "text_digest": "t",
    "neutral": b"",
    "floors": b"",
    "logit_scale": 1.0,
    "calibration_scale": 1.0,
    "calibration_offset": 0.0,
    "min_probability": 0.5,
    "most": 5,
}


def _path(video: int) -> VideoPath:
    return VideoPath(
        path=Path(f"/videos/{video}.mp4"),
        size_bytes=1,
        mtime_ns=0,
        status=Status.INDEXED,
        video_id=video,
    )


def _segment(number: int, video: int, position: int) -> Segment:
    start_s = 4.0 * position
    return Segment(
        id=number,
        video_id=video,
        position=position,
        start_s=start_s,
        end_s=start_s + 4.0,
        keyframe_s=start_s,
    )


def counts(session: Session) -> dict[str, tuple[int, int]]:
    return {one.text: (one.segments, one.by_person) for one in count_labels(session).labels}


def surest(session: Session, text: str) -> list[int]:
    found = count_labels(session)
    label = next(one for one in found.labels if one.text == text)
    return [one.segment for one in examples(session, found, label)]


def names(found: CountedLabels, *, find: str = "", every: bool = False, sort: Sort) -> list[str]:
    return [one.text for one in chosen(found.labels, find=find, sort=sort, every=every)]


def leave(session: Session, video: int) -> None:
    session.execute(
        update(VideoPath).where(VideoPath.video_id == video).values(missing_since=now())
    )


def test_every_label_is_counted(session: Session) -> None:
    assert counts(session) == {"run": (4, 0), "jump": (1, 0), "never": (0, 0)}


def test_a_persons_word_changes_the_count(session: Session) -> None:
    say(session, 1, "run", holds=False)  # the model's tag is gone
    say(session, 2, "run", holds=True)  # the model says so too
    say(session, 4, "jump", holds=True)
    say(session, 4, "never", holds=False)  # nor did the model
    say(session, 4, "sing", holds=True)

    assert counts(session) == {"run": (3, 1), "jump": (2, 1), "never": (0, 0), "sing": (1, 1)}


def test_segments_of_absent_videos_do_not_count(session: Session) -> None:
    say(session, 4, "jump", holds=True)
    leave(session, 2)

    assert counts(session) == {"run": (2, 0), "jump": (0, 0), "never": (0, 0)}
    assert [one.segment for one in holding(session, "run").held] == [2, 1]


def test_counts_are_those_of_the_command(session: Session) -> None:
    say(session, 1, "run", holds=False)
    say(session, 4, "jump", holds=True)
    leave(session, 1)
    summary = summarise_tags(session)

    assert counts(session) == {one.label: (one.segments, one.by_person) for one in summary.labels}


def test_examples_are_the_surest_segments(session: Session) -> None:
    assert surest(session, "run") == [2, 4, 3]
    say(session, 1, "run", holds=True)
    say(session, 2, "run", holds=False)

    assert surest(session, "run") == [1, 4, 3]
    assert surest(session, "never") == []


def test_examples_are_found_behind_many_absent_ones(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.tags.counting._SPARE", -2)  # one row is looked at
    leave(session, 1)

    assert surest(session, "run") == [4, 3]


def test_a_label_of_peoples_own_has_examples(session: Session) -> None:
    say(session, 3, "sing", holds=True)

    assert surest(session, "sing") == [3]


def test_segments_are_listed_with_who_says_so(session: Session) -> None:
    say(session, 1, "run", holds=True)
    say(session, 4, "run", holds=False)
    found = holding(session, "run")
    listed = [(one.segment, one.probability, one.by_person) for one in found.held]

    assert listed == [(1, 1.0, True), (2, 0.9, False), (3, 0.7, False)]
    assert found.denied == (4,)


def test_labels_are_chosen_and_ordered(session: Session) -> None:
    found = count_labels(session)

    assert names(found, sort=Sort.COUNT) == ["run", "jump"]
    assert names(found, sort=Sort.NAME, every=True) == ["jump", "never", "run"]
    assert names(found, sort=Sort.COUNT, every=True, find="UN") == ["run"]


def test_untagged_are_those_that_nothing_holds_in_after_what_people_say(session: Session) -> None:
    assert (summarise_tags(session).segments, summarise_tags(session).untagged) == (4, 0)
    say(session, 1, "run", holds=False)  # its only tag
    say(session, 3, "run", holds=False)  # it has another
    assert summarise_tags(session).untagged == 1
    say(session, 1, "sing", holds=True)
    assert summarise_tags(session).untagged == 0
    leave(session, 2)
    assert (summarise_tags(session).segments, summarise_tags(session).untagged) == (2, 0)


def test_a_label_that_people_only_deny_is_on_the_page_and_not_in_the_summary(
    session: Session,
) -> None:
    say(session, 1, "sing", holds=True)
    say(session, 1, "sing", holds=False)
    assert counts(session)["sing"] == (0, 0)
    assert [one.label for one in summarise_tags(session).labels] == ["run", "jump", "never"]


def test_the_most_frequent_labels_are_the_models(session: Session) -> None:
    say(session, 1, "sing", holds=True)
    assert most_frequent(session, 5) == ["run", "jump"]
    assert most_frequent(session, 1) == ["run"]
