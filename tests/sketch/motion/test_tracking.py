"""Strokes that follow a moving thing, against the small world's true motion."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.sketches.mask import truth
from models.towers.hidden_maps import picture_tower
from sketch.canvas import Target
from sketch.drawing.artist import Artist
from sketch.drawing.presets import QUICK
from sketch.edges.edge_map import edge_map
from sketch.edges.fit import fit_edges
from sketch.motion.following import follow
from sketch.motion.temporal import TemporalSettings
from sketch.motion.tracking import animate_keyframes
from sketch.strokes import Drawing, LossFigures, Placed, Sketch, Strokes
from smallworld.clips.shots import Shot, ShotPainter
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import shipped_atlas
from tests.tiny import tiny_backbone

SIDE = 224
FULL = np.ones((SIDE, SIDE), np.float32)


@pytest.fixture(scope="module")
def artist() -> Artist:
    return Artist(picture_tower(tiny_backbone()), preset=replace(QUICK, iterations=4))


@pytest.fixture(scope="module")
def painter() -> ShotPainter:
    return ShotPainter(shipped_atlas(), width=SIDE, height=SIDE)


def _shown(painter: ShotPainter, *places: tuple[float, float]) -> np.ndarray:
    """A panda at each place in turn."""
    shots = [Shot(Picture("sea", 3, (Placement("panda", x, y, 0.45),)), 1.0) for x, y in places]
    return np.stack([frame for shot in shots for frame in painter.frames(shot, [0.0])])


def _around(x: float, y: float) -> np.ndarray:
    """A soft mask of where the panda is."""
    columns, rows = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    far = np.hypot(columns - SIDE * x, rows - SIDE * y)
    return np.clip((0.27 * SIDE - far) / 6, 0, 1).astype(np.float32)


def _targets(frames: np.ndarray, *places: tuple[float, float]) -> list[Target]:
    masks = [_around(*place) for place in places]
    return [
        Target(frame.astype(np.float32) / 255, mask)
        for frame, mask in zip(frames, masks, strict=True)
    ]


def _strokes(target: Target, count: int = 8) -> Strokes:
    return Strokes.plain(fit_edges([edge_map(target)], count)[0])


def _drawing(strokes: Strokes) -> Drawing:
    count = len(strokes)
    gains = np.full(count, 1 / count, np.float32)
    return Drawing(Sketch(strokes, ("subject",) * count, gains, LossFigures(1.0, 0.0, 1.0)))


def test_strokes_go_where_a_thing_goes(painter: ShotPainter) -> None:
    places = (0.4, 0.5), (0.5, 0.44)
    frames = _shown(painter, *places)
    before = _strokes(_targets(frames, *places)[0])
    after = follow(before, frames[0], frames[1])
    true = before.points + SIDE * np.float32([0.1, -0.06])
    error_px = np.linalg.norm(after.points - true, axis=2)
    assert np.median(error_px) < 0.5
    assert error_px[:, [0, 3]].max() < 3


def test_strokes_turn_with_a_thing(painter: ShotPainter) -> None:
    rockets = [Placement("rocket", 0.5, 0.5, 0.45, angle_deg) for angle_deg in (0, 12)]
    shots = [Shot(Picture("forest", 3, (rocket,)), 1.0) for rocket in rockets]
    frames = np.stack([frame for shot in shots for frame in painter.frames(shot, [0.0])])
    there = truth(shots[0].picture, shipped_atlas()).astype(np.float32)
    before = _strokes(Target(frames[0].astype(np.float32) / 255, there))
    after = follow(before, frames[0], frames[1])
    angle = np.radians(12)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    true = (before.points - SIDE / 2) @ turn + SIDE / 2
    assert np.median(np.linalg.norm(after.points - true, axis=2)) < 1.5


def test_strokes_of_a_still_frame_stay(painter: ShotPainter) -> None:
    frames = _shown(painter, (0.5, 0.5))
    before = _strokes(_targets(frames, (0.5, 0.5))[0])
    after = follow(before, frames[0], frames[0])
    assert np.abs(after.points - before.points).max() < 0.1


def test_frames_of_another_size_move_strokes_by_canvas_pixels(painter: ShotPainter) -> None:
    large = ShotPainter(shipped_atlas(), width=448, height=336)
    frames = _shown(large, (0.4, 0.5), (0.5, 0.5))
    placed = Placed(0, 28, 224, 168)
    line = Strokes.plain(fit_edges([edge_map(_placed_target(frames[0], placed))], 8)[0])
    after = follow(line, frames[0], frames[1], placed)
    way = (after.points - line.points).reshape(-1, 2)
    moved = way[np.linalg.norm(way, axis=1) > 5]
    assert len(moved) >= 8
    assert np.median(moved, axis=0) == pytest.approx([16.8, 0], abs=0.7)


def _placed_target(frame: np.ndarray, placed: Placed) -> Target:
    picture = np.ones((SIDE, SIDE, 3), np.float32)
    picture[28:196] = frame[::2, ::2].astype(np.float32) / 255
    return Target(picture, FULL, placed)


def test_of_places_that_look_alike_the_near_one_is_taken() -> None:
    stripes = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for left in range(0, SIDE, 64):
        stripes[:, left : left + 12] = 0
    line = Strokes.plain(np.float32([[[140, 40], [140, 80], [140, 120], [140, 160]]]))
    after = follow(line, stripes, np.roll(stripes, 40, axis=1))
    # As far to the left as 24 pixels, or to the right as 40.
    assert (after.points - line.points)[..., 0] == pytest.approx(np.full((1, 4), -24), abs=2)


def test_identical_keyframes_get_the_same_strokes(artist: Artist, painter: ShotPainter) -> None:
    frames = np.repeat(_shown(painter, (0.5, 0.5)), 4, axis=0)
    targets = _targets(frames, *[(0.5, 0.5)] * 4)
    found = animate_keyframes(artist, targets, frames, _drawing(_strokes(targets[0])))
    motion = np.abs(np.diff(np.stack([strokes.points for strokes in found]), axis=0))
    assert motion.max() < 0.5


def test_animated_strokes_keep_who_they_are_and_follow(
    artist: Artist, painter: ShotPainter
) -> None:
    places = [(0.35 + 0.05 * number, 0.5) for number in range(5)]
    frames = _shown(painter, *places)
    targets = _targets(frames, *places)
    first = _strokes(targets[0])
    found = animate_keyframes(artist, targets, frames, _drawing(first))
    assert [len(strokes) for strokes in found] == [8] * 5
    for number, strokes in enumerate(found):
        np.testing.assert_array_equal(strokes.opacities, np.ones(8))
        true = first.points + SIDE * np.float32([0.05 * number, 0])
        assert np.median(np.linalg.norm(strokes.points - true, axis=2)) < 2.5


def test_frames_between_keyframes_are_followed_through(
    artist: Artist, painter: ShotPainter
) -> None:
    places = [(0.25 + 0.05 * number, 0.5) for number in range(10)]
    frames = _shown(painter, *places)
    ends = [places[0], places[-1]]
    targets = _targets(frames[[0, 9]], *ends)
    first = _strokes(targets[0])
    still = TemporalSettings(iterations=1)
    found = animate_keyframes(
        artist, targets, frames, _drawing(first), keyframes=[0, 9], settings=still
    )
    true = first.points + SIDE * np.float32([0.45, 0])
    assert np.median(np.linalg.norm(found[1].points - true, axis=2)) < 2.5


def test_stroke_that_loses_its_edge_fades_and_comes_back_on_another(artist: Artist) -> None:
    frames = np.full((5, SIDE, SIDE, 3), 255, np.uint8)
    frames[:, 40:180, 40:60] = 0
    frames[0, 40:180, 150:170] = 0
    frames[3:, 100:120, 100:200] = 0
    targets = [Target(frame.astype(np.float32) / 255, FULL) for frame in frames]
    first = _strokes(targets[0], 4)
    right = first.points[..., 0].mean(1) > 120
    assert right.sum() == 2
    found = animate_keyframes(
        artist, targets, frames, _drawing(first), settings=TemporalSettings(iterations=1)
    )
    seen = np.stack([strokes.opacities for strokes in found])
    assert seen[:, ~right].all()
    np.testing.assert_array_equal(seen[:3, right], [[1, 1], [0, 0], [0, 0]])
    assert seen[3, right].any()
    index = int(np.nonzero(right & (seen[3] > 0))[0][0])
    assert np.abs(found[3].points[index] - found[2].points[index]).max() < 2
    assert 90 < found[3].points[index, :, 1].mean() < 130


def test_a_mask_that_flickers_takes_no_stroke_away(artist: Artist, painter: ShotPainter) -> None:
    frames = np.repeat(_shown(painter, (0.5, 0.5)), 3, axis=0)
    frames[1] = 255 - frames[1]  # nothing looks as it did, but its edges are where they were
    targets = _targets(frames, *[(0.5, 0.5)] * 3)
    first = _drawing(_strokes(targets[0]))
    targets[1] = replace(targets[1], mask=np.zeros((SIDE, SIDE), np.float32))
    found = animate_keyframes(artist, targets, frames, first)
    assert all(strokes.opacities.all() for strokes in found)


def test_a_stroke_that_is_lost_fades_where_it_was_and_does_not_jump(artist: Artist) -> None:
    frames = np.full((2, SIDE, SIDE, 3), 255, np.uint8)
    frames[0, 60:160, 30:90] = 0
    frames[1, 60:160, 130:190] = 45  # far away, and another thing by its looks
    targets = [Target(frame.astype(np.float32) / 255, FULL) for frame in frames]
    first = _strokes(targets[0], 4)
    settings = TemporalSettings(iterations=1)
    found = animate_keyframes(artist, targets, frames, _drawing(first), settings=settings)
    assert found[1].opacities.tolist() == [0] * 4
    assert np.abs(found[1].points - first.points).max() < 1


def test_a_stroke_that_goes_far_from_all_others_fades() -> None:
    frames = np.full((12, SIDE, SIDE, 3), 220, np.uint8)
    corners = [(20, 30), (70, 30), (120, 30), (170, 30)]
    for number, frame in enumerate(frames):
        for left, top in [*corners, (30 + 8 * number, 130)]:
            frame[top : top + 30, left : left + 30] = 40
    targets = [Target.unmasked(frame.astype(np.float32) / 255) for frame in frames[[0, 11]]]
    tops = [(left, top) for left, top in [*corners, (30, 130)]]
    strokes = Strokes.plain(
        np.array([[(left + 10 * n, top) for n in range(4)] for left, top in tops], np.float32)
    )
    artist = Artist(picture_tower(tiny_backbone()), guided=False)
    found = animate_keyframes(artist, targets, frames, _drawing(strokes), keyframes=[0, 11])
    assert found[1].opacities.tolist() == [1, 1, 1, 1, 0]
    assert np.abs(found[1].points - strokes.points).max() < 3


def test_without_the_model_strokes_are_only_followed(painter: ShotPainter) -> None:
    places = [(0.35 + 0.05 * number, 0.5) for number in range(3)]
    frames = _shown(painter, *places)
    targets = _targets(frames, *places)
    first = _strokes(targets[0])
    plain = Artist(picture_tower(tiny_backbone()), guided=False)
    found = animate_keyframes(plain, targets, frames, _drawing(first))
    once = follow(first, frames[0], frames[1])
    np.testing.assert_array_equal(found[1].points, once.points)


def test_targets_and_keyframes_must_be_as_many(artist: Artist, painter: ShotPainter) -> None:
    frames = _shown(painter, (0.5, 0.5), (0.5, 0.5))
    target = _targets(frames[:1], (0.5, 0.5))
    with pytest.raises(ValueError, match="1 targets need as many keyframes, not 2"):
        animate_keyframes(artist, target, frames, _drawing(_strokes(target[0])))
