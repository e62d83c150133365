"""Searching: the right video first, its moments grouped, hidden videos left out."""

import copy
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete

from models.errors import KinodexError
from models.identity import HeadIdentity
from search.catalog.embeddings import normalised
from search.catalog.segment_reference import NoSuchSegment
from search.catalog.spaces import SpaceIdentity, enter_space
from search.catalog.store import EmptyLibrary, Store
from search.catalog.tables import SegmentEmbedding, VideoPath
from search.catalog.writing import (
    NewSegment,
    NewVideo,
    link_path,
    mark_missing,
    remove_paths,
    store_video,
)
from search.finding.engine import SearchEngine
from tests.tiny import tiny_backbone

DIM = 24


class Shelf:
    """Puts videos with given vectors into a library, and answers from an engine on it."""

    def __init__(self, library: Store, backbone) -> None:
        self.library = library
        self.backbone = backbone
        self.frames: dict[int, np.ndarray] = {}  # as stored, by segment
        with library.writing() as session:
            identity = SpaceIdentity(backbone.identity, HeadIdentity("meanP"), {})
            self.space = enter_space(session, identity, backbone.choice, dim=DIM, switch=False)
        self._engine: SearchEngine | None = None

    def put(self, path: str, *frame_sets: np.ndarray) -> list[int]:
        """One segment of ten seconds for each (frames, dim) array, a frame a second."""
        segments = tuple(
            NewSegment(
                start_s=10.0 * position,
                end_s=10.0 * (position + 1),
                keyframe_s=10.0 * position,
                frame_times_s=10.0 * position + np.arange(len(frames)),
                unique_index=np.arange(len(frames)),
                frame_embeddings=frames * 7,
                embedding=normalised(normalised(frames).mean(axis=0)[None])[0],
            )
            for position, frames in enumerate(frame_sets)
        )
        video = NewVideo(
            content_hash=f"hash of {path}",
            size_bytes=1,
            container="mp4",
            codec="h264",
            duration_s=10.0 * len(segments),
            width=320,
            height=240,
            rotation=0,
            average_rate=25.0,
            start_offset_s=0.0,
            recorded_at=None,
            frames_sampled=sum(map(len, frame_sets)),
            bad_frames=0,
            segments=segments,
        )
        with self.library.writing() as session:
            row = VideoPath(path=Path(path), size_bytes=1, mtime_ns=1)
            session.add(row)
            session.flush()
            video_id, segment_ids = store_video(session, video, self.space)
            link_path(session, row.id, video_id)
        stored = (segment.frame_embeddings for segment in segments)
        self.frames |= zip(segment_ids, stored, strict=True)
        return segment_ids

    @property
    def engine(self) -> SearchEngine:
        if self._engine is None:
            self._engine = SearchEngine.for_library(self.library, self.backbone)
        return self._engine

    def names(self, query: np.ndarray, k: int = 10) -> list[str]:
        return [str(hit.paths[0]) for hit in self.engine.search_vector(query, k)]


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    return Shelf(library, backbone)


def axis(*numbers: int) -> np.ndarray:
    """Unit vectors along the given axes, shape (len(numbers), DIM)."""
    return np.eye(DIM, dtype=np.float32)[list(numbers)]


def test_the_nearest_video_comes_first_with_its_cosine(shelf):
    shelf.put("/v/a.mp4", axis(0))
    shelf.put("/v/b.mp4", axis(1))
    query = normalised(axis(0) * 0.6 + axis(1) * 0.8)[0]
    hits = shelf.engine.search_vector(query, 10)
    assert [(str(hit.paths[0]), round(hit.score, 2)) for hit in hits] == [
        ("/v/b.mp4", 0.8),
        ("/v/a.mp4", 0.6),
    ]
    assert hits[0].video == "hash of /v/b.mp4"


def test_best_moment_is_the_time_of_the_best_matching_frame(shelf):
    [segment] = shelf.put("/v/a.mp4", axis(0, 1, 2, 3))
    hit = shelf.engine.search_vector(axis(2)[0], 1)[0]
    assert (hit.segment, hit.start_s, hit.end_s, hit.best_s) == (segment, 0.0, 10.0, 2.0)
    assert hit.why.frame_similarity == pytest.approx(1.0, abs=1e-3)
    assert hit.why.segment_similarity == hit.score == pytest.approx(0.5, abs=1e-3)


def test_one_video_is_one_hit_with_its_other_moments_inside(shelf):
    segments = shelf.put("/v/a.mp4", axis(0), axis(1), axis(0))
    shelf.put("/v/b.mp4", axis(1))
    hits = shelf.engine.search_vector(normalised(axis(0) + 0.1 * axis(1))[0], 10)
    assert [str(hit.paths[0]) for hit in hits] == ["/v/a.mp4", "/v/b.mp4"]
    assert hits[0].segment == segments[0]
    assert [moment.segment for moment in hits[0].moments] == [segments[2], segments[1]]
    assert [moment.start_s for moment in hits[0].moments] == [20.0, 10.0]


def test_k_videos_come_back_though_one_has_hundreds_of_better_segments(shelf):
    shelf.put("/v/long.mp4", *[axis(0)] * 300)
    for number in range(5):
        shelf.put(f"/v/{number}.mp4", axis(1 + number))
    assert len(shelf.names(axis(0)[0], k=4)) == 4
    assert len(shelf.names(axis(0)[0], k=100)) == 6


def test_neighbours_are_sought_among_four_times_as_many_as_there_are_moments(shelf):
    shelf.put("/v/long.mp4", *[axis(0)] * 45)
    [hit] = shelf.engine.search_vector(axis(0)[0], 10)
    assert (hit.start_s, hit.end_s, hit.moments) == (0.0, 4 * 5 * 10.0, ())


def test_a_video_stored_while_searching_is_found_at_once(shelf):
    shelf.put("/v/a.mp4", axis(0))
    assert shelf.names(axis(1)[0]) == ["/v/a.mp4"]
    shelf.put("/v/b.mp4", axis(1))
    assert shelf.names(axis(1)[0]) == ["/v/b.mp4", "/v/a.mp4"]


def test_missing_videos_are_hidden_before_the_cut(shelf, library):
    for number in range(8):
        shelf.put(f"/gone/{number}.mp4", axis(0))
    shelf.put("/here/a.mp4", axis(1))
    shelf.put("/here/b.mp4", axis(2))
    with library.writing() as session:
        assert mark_missing(session, Path("/gone"), seen=[]) == 8
    assert shelf.names(axis(0)[0], k=2) == ["/here/a.mp4", "/here/b.mp4"]


def test_what_a_scan_could_not_look_into_is_not_missing(shelf, library):
    shelf.put("/v/closed/a.mp4", axis(0))
    shelf.put("/v/open/b.mp4", axis(1))
    with library.writing() as session:
        assert mark_missing(session, Path("/v"), seen=[], closed=[Path("/v/closed")]) == 1
    assert shelf.names(axis(1)[0]) == ["/v/closed/a.mp4"]


def test_a_video_in_two_places_is_visible_while_one_is_left(shelf, library):
    shelf.put("/v/a.mp4", axis(0))
    with library.writing() as session:
        session.add(VideoPath(path=Path("/w/a.mp4"), size_bytes=1, mtime_ns=1, video_id=1))
    assert shelf.engine.search_vector(axis(0)[0], 1)[0].paths == (
        Path("/v/a.mp4"),
        Path("/w/a.mp4"),
    )
    with library.writing() as session:
        mark_missing(session, Path("/v"), seen=[])
    assert shelf.engine.search_vector(axis(0)[0], 1)[0].paths == (Path("/w/a.mp4"),)


def test_removing_a_folder_does_not_touch_its_neighbours(shelf, library):
    for path in ("/v/sub/a.mp4", "/v/sub-b/b.mp4", "/v/sub.mp4", "/v/subzero/c.mp4"):
        shelf.put(path, axis(0))
    with library.writing() as session:
        assert remove_paths(session, Path("/v/sub")) == 1
    assert sorted(shelf.names(axis(0)[0])) == ["/v/sub-b/b.mp4", "/v/sub.mp4", "/v/subzero/c.mp4"]


def test_a_removed_video_is_gone_from_the_index(shelf, library):
    shelf.put("/v/a.mp4", axis(0))
    shelf.put("/v/b.mp4", axis(1))
    shelf.engine.search_vector(axis(0)[0], 1)
    with library.writing() as session:
        remove_paths(session, Path("/v/a.mp4"))
    assert shelf.names(axis(0)[0]) == ["/v/b.mp4"]


def test_a_text_is_searched_for_by_its_embedding(shelf, backbone):
    query = normalised(backbone.embed_texts(["a red car"]).numpy())
    shelf.put("/v/other.mp4", normalised(axis(0) - query * axis(0).dot(query[0])))
    shelf.put("/v/match.mp4", query)
    hit = shelf.engine.search("a red car", k=1)[0]
    assert (str(hit.paths[0]), round(hit.score, 3)) == ("/v/match.mp4", 1.0)


def test_hits_are_frozen_and_plain_in_json(shelf):
    shelf.put("/v/a.mp4", axis(0), axis(1))
    hit = shelf.engine.search_vector(axis(0)[0], 1)[0]
    with pytest.raises(AttributeError):
        hit.score = 2
    values = hit.as_json()
    assert values["video"] == "hash of /v/a.mp4"
    assert values["paths"] == ["/v/a.mp4"]
    assert {"start_s", "end_s", "best_s", "score", "segment", "why", "moments"} <= values.keys()


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_query_is_refused(shelf, text):
    shelf.put("/v/a.mp4", axis(0))
    with pytest.raises(KinodexError, match="the query is empty"):
        shelf.engine.search(text)


def test_no_results_wanted_is_refused(shelf):
    with pytest.raises(KinodexError, match="at least 1"):
        shelf.engine.search("a cat", k=0)


def test_an_empty_library_says_what_to_do(library, backbone):
    with pytest.raises(EmptyLibrary, match="run 'kinodex index FOLDER' first"):
        SearchEngine.for_library(library, backbone)


def test_a_library_whose_videos_are_all_gone_says_so(shelf, library):
    shelf.put("/v/a.mp4", axis(0))
    with library.writing() as session:
        mark_missing(session, Path("/v"), seen=[])
    with pytest.raises(EmptyLibrary, match="indexed and present"):
        shelf.engine.search("a cat")


def test_a_segment_that_is_not_encoded_by_the_model_can_be_like_nothing(shelf, library):
    shelf.put("/v/a.mp4", axis(0))
    [other] = shelf.put("/v/b.mp4", axis(1))
    with library.writing() as session:
        session.execute(delete(SegmentEmbedding).where(SegmentEmbedding.segment_id == other))
    with pytest.raises(NoSuchSegment, match=f"segment {other} is not encoded by the library's"):
        shelf.engine.search(f"--like {other}")


def test_weights_that_changed_are_refused(shelf, library):
    shelf.put("/v/a.mp4", axis(0))
    with pytest.raises(KinodexError, match="have changed since this library was made"):
        SearchEngine.for_library(library, tiny_backbone(seed=9))


def text_vector(backbone, text: str) -> np.ndarray:
    return normalised(backbone.embed_texts([text]).numpy())


def knowing(backbone, *texts: str):
    """The model, if it could tell of these texts only."""
    backbone = copy.copy(backbone)
    known = np.concatenate([text_vector(backbone, text) for text in texts])
    backbone.knows = lambda asked: (asked @ known.T).max(axis=1) > 0.999
    return backbone


def matches(shelf: Shelf, query: str) -> list[float | None]:
    return [hit.match for hit in shelf.engine.search(query)]


def test_of_a_text_that_the_model_does_not_know_no_match_is_told(library, backbone):
    shelf = Shelf(library, knowing(backbone, "a dog"))
    shelf.put("/v/a.mp4", axis(0))
    shelf.put("/v/b.mp4", text_vector(backbone, "a dog"))
    assert matches(shelf, "the moon") == [None, None]
    assert None not in matches(shelf, "a dog")


def test_of_several_texts_one_that_is_missing_is_enough_for_a_weak_match(library, backbone):
    shelf = Shelf(library, knowing(backbone, "a dog"))
    shelf.put("/v/away.mp4", -text_vector(backbone, "a dog"))
    shelf.put("/v/there.mp4", 10 * text_vector(backbone, "a dog") + axis(0))
    found = {hit.paths[0].stem: hit.match for hit in shelf.engine.search("a dog + the moon")}
    assert found["away"] < 0.5
    assert found["there"] is None
