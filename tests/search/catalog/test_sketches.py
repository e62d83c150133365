"""Sketches in the catalog: what is stored comes back, what wants one is known, nothing stays
behind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.catalog.keeping import purge_unheld
from search.catalog.places import place_segments
from search.catalog.sketches import (
    SketchRecipe,
    StoredAnimation,
    StoredSketch,
    count_sketches,
    mark_for_redrawing,
    read_drawn_at,
    read_recipe_key,
    read_sketch,
    segments_with,
    segments_without,
    sketched_ids,
    store_animation,
    store_sketches,
)
from search.catalog.store import Store
from search.catalog.summary import summarise
from search.catalog.writing import mark_missing, remove_paths
from tests.search.finding.test_engine import Shelf

RECIPE = SketchRecipe(
    preset="quick",
    strokes=3,
    mask="auto",
    scene=False,
    progressive=False,
    seed=0,
    model="tiny-1",
    frames_digest="abc",
    version=1,
)
OTHER = replace(RECIPE, seed=1)
FRAMES = np.ones((2, 24), np.float32)


def sketch(seed: int = 0) -> StoredSketch:
    random = np.random.default_rng(seed)
    return StoredSketch(
        points=random.random((3, 4, 2), np.float32) * 224,
        half_widths=np.array([1.5, 1.5, 0.5], np.float32),
        opacities=np.array([1.0, 0.5, 1.0], np.float32),
        gains=np.array([0.6, 0.3, 0.1], np.float32),
        groups=("subject", "subject", "background"),
        loss=(0.5, 0.25, 0.125),
        placed=(0.0, 49.0, 224.0, 126.0),
        frame_s=2.75,
    )


@pytest.fixture
def segments(library: Store, backbone) -> list[int]:
    """Two of one video, one of another."""
    shelf = Shelf(library, backbone)
    return [*shelf.put("/v/a.mp4", FRAMES, FRAMES), *shelf.put("/v/b.mp4", FRAMES)]


def store(library: Store, recipe: SketchRecipe, *segment_ids: int) -> list[int]:
    with library.writing() as session:
        return store_sketches(session, recipe, {one: sketch(one) for one in segment_ids})


def read(library: Store, segment_id: int) -> StoredSketch | None:
    with library.reading() as session:
        return read_sketch(session, segment_id)


def test_a_sketch_comes_back_to_the_last_bit(library, segments):
    assert store(library, RECIPE, segments[0]) == [segments[0]]
    expected, found = sketch(segments[0]), read(library, segments[0])
    for name in ("points", "half_widths", "opacities", "gains"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.groups == ("subject", "subject", "background")
    assert found.loss == (0.5, 0.25, 0.125)
    assert (found.placed, found.frame_s) == ((0.0, 49.0, 224.0, 126.0), 2.75)
    assert (found.animation, read(library, segments[1])) == (None, None)


def test_an_animation_comes_back_and_goes_when_the_sketch_is_drawn_again(library, segments):
    store(library, RECIPE, segments[0])
    first_time = read(library, segments[0]).drawn_at
    with library.reading() as session:
        assert read_drawn_at(session, segments[0]) == first_time
        assert read_drawn_at(session, segments[1]) is None
    animation = StoredAnimation(
        times_s=np.array([0.0, 0.5]),
        points=np.arange(48, dtype=np.float32).reshape(2, 3, 4, 2),
        half_widths=np.full((2, 3), 1.5, np.float32),
        opacities=np.array([[1, 1, 0], [1, 1, 1]], np.float32),
    )
    with library.writing() as session:
        store_animation(session, segments[0], animation)
    found = read(library, segments[0])
    np.testing.assert_array_equal(found.animation.times_s, [0.0, 0.5])
    np.testing.assert_array_equal(found.animation.points, animation.points)
    np.testing.assert_array_equal(found.animation.half_widths, np.full((2, 3), 1.5))
    np.testing.assert_array_equal(found.animation.opacities, [[1, 1, 0], [1, 1, 1]])
    assert found.points.flags.writeable
    assert found.drawn_at > first_time, "pictures of the sketch are out of date"
    store(library, OTHER, segments[0])
    assert read(library, segments[0]).animation is None


def test_what_wants_a_sketch_is_what_has_none_by_this_recipe(library, segments):
    store(library, RECIPE, segments[0])
    store(library, OTHER, segments[1])
    with library.reading() as session:
        assert segments_without(session, RECIPE) == segments[1:]
        assert segments_without(session, OTHER) == [segments[0], segments[2]]
        assert segments_without(session, None) == [segments[2]]
        assert segments_with(session) == segments[:2]
        count = count_sketches(session, RECIPE)
    assert (count.segments, count.made_otherwise) == (3, 1)
    assert summarise(library).sketched == 2


def test_where_nothing_is_there_nothing_wants_a_sketch(library):
    with library.reading() as session:
        count = count_sketches(session, RECIPE)
        assert (count.segments, count.made_otherwise) == (0, 0)
        assert segments_without(session, None) == segments_with(session) == []
        assert (read_sketch(session, 1), read_recipe_key(session, 1)) == (None, None)
    assert store(library, RECIPE, 1) == []


def test_hidden_videos_are_left_alone_and_keep_their_sketches(library, segments):
    store(library, RECIPE, *segments)
    with library.writing() as session:
        mark_missing(session, Path("/v"), [Path("/v/b.mp4")])
    with library.reading() as session:
        assert segments_without(session, OTHER) == [segments[2]]
        assert segments_with(session) == [segments[2]]
        assert [place.segment_id for place in place_segments(session, segments)] == [segments[2]]
        assert sketched_ids(session) == set(segments)


def test_a_purged_video_takes_its_sketches_with_it(library, segments):
    store(library, RECIPE, *segments)
    with library.writing() as session:
        remove_paths(session, Path("/v/a.mp4"))
        assert sketched_ids(session) == set(segments), "kept for a time"
        purge_unheld(session, days=0)
    with library.reading() as session:
        assert sketched_ids(session) == {segments[2]}
    assert store(library, RECIPE, *segments) == [segments[2]], "drawn while it was removed"


def test_another_recipe_replaces_a_sketch_and_redrawing_spares_others(library, segments):
    store(library, RECIPE, *segments)
    store(library, OTHER, segments[0])
    with library.reading() as session:
        assert read_recipe_key(session, segments[0]) == OTHER.key
    with library.writing() as session:
        assert mark_for_redrawing(session, RECIPE) == 2
    with library.reading() as session:
        assert sketched_ids(session) == set(segments), "the old ones stand until then"
        assert segments_without(session, RECIPE) == segments
        assert segments_without(session, OTHER) == segments[1:]
        assert count_sketches(session, OTHER).made_otherwise == 0


def test_a_recipe_has_the_same_key_in_every_process_and_another_for_each_change():
    assert RECIPE.key == "7661684235707384ea41c5306d82ebc4"
    changes = [
        {"preset": "paper"},
        {"strokes": "auto"},
        {"mask": "none"},
        {"scene": True},
        {"progressive": True},
        {"seed": 1},
        {"model": "tiny-2"},
        {"frames_digest": "abd"},
        {"version": 2},
    ]
    assert len({RECIPE.key, *(replace(RECIPE, **change).key for change in changes)}) == 10
