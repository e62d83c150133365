"""A library is encoded anew beside what answers, and the new takes its place at once."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from models.identity import HeadIdentity
from search.catalog.sketches import sketched_ids, store_sketches
from search.catalog.spaces import SpaceIdentity, active_space, find_or_make_space
from search.catalog.staging import answers, answers_elsewhere, count_behind, take_over
from search.catalog.tables import Segment, SegmentEmbedding, Space, Video, VideoPath, now
from search.catalog.writing import (
    NewSegment,
    NewVideo,
    find_content,
    find_indexed,
    mark_missing,
    store_video,
)
from tests.search.catalog.test_sketches import RECIPE, sketch
from tests.search.finding.test_engine import DIM, Shelf, axis


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    """Segments 1 and 2 of a.mp4, 3 of b.mp4."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0), axis(1))
    shelf.put("/v/b.mp4", axis(2))
    return shelf


@pytest.fixture
def other(library, backbone, shelf) -> Space:
    """A second space, which searches do not use yet."""
    with library.writing() as session:
        identity = SpaceIdentity(backbone.identity, HeadIdentity("seqTransf", "digest"), {})
        return find_or_make_space(session, identity, backbone.choice, dim=DIM, head_file=None)


def anew(path: str, *spans: tuple[float, float], codec: str = "hevc") -> NewVideo:
    """The content of a path, encoded another time, with these segments."""
    segments = tuple(
        NewSegment(start, end, start, np.array([start]), np.array([0]), axis(5), axis(5)[0])
        for start, end in spans
    )
    values = dict.fromkeys((one.name for one in fields(NewVideo)), 0)
    values |= {"container": "mkv", "average_rate": None, "recorded_at": None, "duration_s": 99.0}
    values |= {"content_hash": f"hash of {path}", "codec": codec, "segments": segments}
    return NewVideo(**values)


def answering(library) -> list[tuple[int, float, float]]:
    """The segments of the space that searches use, by video and time."""
    with library.reading() as session:
        space = active_space(session)
        rows = session.execute(
            select(Segment.video_id, Segment.start_s, Segment.end_s)
            .join(SegmentEmbedding, SegmentEmbedding.segment_id == Segment.id)
            .where(SegmentEmbedding.space_id == space.id)
            .order_by(Segment.video_id, Segment.start_s)
        )
        return [tuple(row) for row in rows]


BEFORE = [(1, 0, 10), (1, 10, 20), (2, 0, 10)]


def test_nothing_answers_in_a_library_without_a_video(library, backbone):
    with library.reading() as session:
        assert not answers(session)
    Shelf(library, backbone)
    with library.reading() as session:
        assert not answers(session)


def test_a_video_answers_elsewhere_while_another_space_is_made(library, shelf, other):
    with library.reading() as session:
        assert answers(session)
        assert answers_elsewhere(session, 1, other)
        assert not answers_elsewhere(session, 99, other)
        assert not answers_elsewhere(session, 1, active_space(session))
        session.execute(update(Space).values(active=False))
        assert not answers_elsewhere(session, 1, other)
        assert not answers(session)


def test_what_is_staged_answers_nothing_until_it_takes_over(library, shelf, other):
    with library.writing() as session:
        store_sketches(session, RECIPE, {1: sketch(), 2: sketch()})
        video, segments = store_video(session, anew("/v/a.mp4", (0, 10), (10, 19)), other)
    assert (video, segments) == (1, [4, 5])
    assert answering(library) == BEFORE
    with library.reading() as session:
        assert find_content(session, "hash of /v/a.mp4") == 1
        assert find_indexed(session, "hash of /v/a.mp4", other) == 1
        assert find_indexed(session, "hash of /v/b.mp4", other) is None
        assert count_behind(session, other) == 1
        assert session.get(Video, 1).codec == "h264"

    with library.writing() as session:
        again, segments = store_video(session, anew("/v/b.mp4", (0, 7)), other)
        assert (again, count_behind(session, other)) == (2, 0)
        revision = session.get(Space, other.id).revision
        take_over(session, session.get(Space, other.id))
        session.expire_all()
        assert active_space(session).id == other.id
        assert active_space(session).revision == revision + 1
        assert count_behind(session, other) == 0
    assert answering(library) == [(1, 0, 10), (1, 10, 19), (2, 0, 7)]
    with library.reading() as session:
        videos = session.scalars(select(Video).order_by(Video.id)).all()
        assert [(one.content_hash, one.codec, one.duration_s) for one in videos] == [
            ("hash of /v/a.mp4", "hevc", 99.0),
            ("hash of /v/b.mp4", "hevc", 99.0),
        ]
        assert [one.orphaned_since for one in videos] == [None, None]
        assert sketched_ids(session) == {4}  # the other segment has changed


@pytest.mark.parametrize(
    ("span", "kept"), [((0.0, 10.0), True), ((0.0, 9.0), False), ((1.0, 10.0), False)]
)
def test_a_sketch_goes_to_the_same_span_with_the_same_keyframe(library, shelf, other, span, kept):
    with library.writing() as session:
        store_sketches(session, RECIPE, {3: sketch()})
        _, [segment] = store_video(session, anew("/v/b.mp4", span), other)
        take_over(session, session.get(Space, other.id))
        assert sketched_ids(session) == ({segment} if kept else set())


def test_a_keyframe_at_another_time_has_no_sketch_yet(library, shelf, other):
    with library.writing() as session:
        store_sketches(session, RECIPE, {3: sketch()})
        video = anew("/v/b.mp4", (0.0, 10.0))
        moved = replace(video, segments=(replace(video.segments[0], keyframe_s=3.0),))
        store_video(session, moved, other)
        take_over(session, session.get(Space, other.id))
        assert sketched_ids(session) == set()


def test_what_is_encoded_a_second_time_before_it_takes_over_replaces_the_first(
    library, shelf, other
):
    with library.writing() as session:
        store_video(session, anew("/v/b.mp4", (0, 5), (5, 10)), other)
        _, [segment] = store_video(session, anew("/v/b.mp4", (0, 8)), other)
        take_over(session, session.get(Space, other.id))
        rows = session.scalars(select(Segment.id).where(Segment.video_id == 2)).all()
        assert rows == [segment]


def test_only_videos_that_searches_would_lose_are_behind(library, shelf, other):
    with library.writing() as session:
        assert count_behind(session, other) == 2
        assert count_behind(session, active_space(session)) == 0
        mark_missing(session, Path("/v"), [Path("/v/b.mp4")])
        assert count_behind(session, other) == 1
        session.execute(update(VideoPath).values(closed_since=now()))
        assert count_behind(session, other) == 1  # it may be read again
        session.execute(update(Space).values(active=False))
        assert count_behind(session, other) == 0


def test_a_content_of_the_same_space_is_replaced_in_its_place(library, shelf):
    with library.writing() as session:
        video, segments = store_video(session, anew("/v/a.mp4", (0, 5)), active_space(session))
    assert (video, segments) == (1, [4])
    assert answering(library) == [(1, 0, 5), (2, 0, 10)]
