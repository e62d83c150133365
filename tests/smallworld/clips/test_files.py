from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from smallworld.clips.files import write_clip
from smallworld.clips.motions import Course
from smallworld.clips.moving import Clip, resting
from smallworld.clips.shots import Shot, ShotPainter, shot_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import SpriteAtlas

GRASS = Picture("grass", 1, (Placement("cat", 0.5, 0.5, 0.4),))
SPACE = Picture("space", 2, (Placement("rocket", 0.3, 0.3, 0.4),))


def decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


@pytest.mark.parametrize(
    ("suffix", "codec", "name_in_file"),
    [
        ("mp4", "libx264", "h264"),
        ("webm", "libvpx-vp9", "vp9"),
        ("mkv", "libx264", "h264"),
        ("avi", "mpeg4", "mpeg4"),
        ("mp4", "libx265", "hevc"),
    ],
)
def test_shots_change_where_the_truth_says(
    tmp_path: Path, atlas: SpriteAtlas, suffix: str, codec: str, name_in_file: str
) -> None:
    path = tmp_path / f"clip.{suffix}"
    shots = [Shot(GRASS, 0.52), Shot(SPACE, 0.7), Shot(GRASS, 0.28)]
    truth = write_clip(path, shots, width=96, height=96, codec=codec, atlas=atlas)

    frames = decoded(path)
    assert [(shot.start_s, shot.end_s) for shot in truth.shots] == [
        (0.0, 0.52),
        (0.52, 1.24),
        (1.24, 1.52),
    ]
    assert len(frames) == 38
    jumps = [
        later_s
        for (_, before), (later_s, after) in pairwise(frames)
        if np.abs(before.astype(int) - after).mean() > 20
    ]
    assert jumps == pytest.approx([0.52, 1.24], abs=0.001)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name in (name_in_file, f"lib{name_in_file}")


def test_truth_tells_size_rate_and_content(tmp_path: Path, atlas: SpriteAtlas) -> None:
    rate = Fraction(30000, 1001)
    truth = write_clip(
        tmp_path / "wide.mp4",
        [Shot(GRASS, 1.0)],
        width=128,
        height=72,
        frame_rate=rate,
        atlas=atlas,
    )
    assert truth.shots[0].picture == GRASS
    assert truth.duration_s == pytest.approx(30 / float(rate))
    frames = decoded(truth.path)
    assert frames[0][1].shape == (72, 128, 3)
    assert frames[-1][0] == pytest.approx(29 / float(rate), abs=1e-4)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_the_same_arguments_write_the_same_bytes(
    tmp_path: Path, atlas: SpriteAtlas, suffix: str
) -> None:
    codec = {"webm": "libvpx-vp9", "avi": "mpeg4"}.get(suffix, "libx264")
    shots = [Shot(GRASS, 0.4, drift=(0.1, 0.0), pan=0.1, grain=0.02)]
    first, second = (
        write_clip(tmp_path / f"{i}.{suffix}", shots, width=96, height=96, codec=codec, atlas=atlas)
        for i in (1, 2)
    )
    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_still_shot_repeats_one_picture_and_a_busy_one_does_not(
    tmp_path: Path, atlas: SpriteAtlas
) -> None:
    busy = Shot(GRASS, 0.4, drift=(0.3, 0.0), pan=0.5, grain=0.05)
    changes = []
    for name, shot in (("still", Shot(GRASS, 0.4)), ("busy", busy)):
        path = tmp_path / f"{name}.mp4"
        write_clip(path, [shot], width=96, height=96, atlas=atlas)
        frames = [frame.astype(int) for _, frame in decoded(path)]
        changes.append(np.abs(frames[0] - frames[-1]).mean())
    assert changes[0] < 1
    assert changes[1] > 10


def test_drift_carries_the_things_along() -> None:
    shot = Shot(GRASS, 2.0, drift=(0.1, -0.05))
    moved = shot.picture_at(2.0).placements[0]
    assert (moved.x, moved.y) == pytest.approx((0.7, 0.4))


def test_a_clip_in_a_shot_happens_in_the_file(tmp_path: Path, atlas: SpriteAtlas) -> None:
    course = Course("left", "slow", begin_s=0.0, run_s=0.8, reach=0.6)
    clip = Clip(GRASS, course, duration_s=0.8, pan=0.1)
    truth = write_clip(tmp_path / "left.mkv", [shot_of(clip)], width=96, height=96, atlas=atlas)
    (shot,) = truth.shots
    assert shot.clip == clip
    assert shot.picture.placements[0].x == pytest.approx(0.8)
    frames = [frame.astype(int) for _, frame in decoded(truth.path)]
    change = np.abs(frames[0] - frames[-1]).mean(axis=(0, 2))
    assert change[65:90].mean() > 2 * change[40:56].mean()


def test_a_backward_shot_shows_the_frames_in_the_other_order(atlas: SpriteAtlas) -> None:
    clip = Clip(GRASS, Course("left", "slow", 0.0, 1.0, 0.6), duration_s=1.0, pan=0.3)
    painter = ShotPainter(atlas, width=96, height=96)
    times_s = [0.0, 0.25, 0.5, 0.75, 1.0]
    forwards = list(painter.frames(shot_of(clip), times_s))
    backwards = list(painter.frames(shot_of(clip.backward()), times_s))
    for frame, same in zip(forwards, backwards[::-1], strict=True):
        assert np.abs(frame.astype(int) - same).mean() < 3
    assert np.abs(forwards[0].astype(int) - backwards[0]).mean() > 5


def test_a_resting_clip_is_a_still_shot() -> None:
    assert shot_of(resting(GRASS, duration_s=2.0)).is_still
    assert not shot_of(resting(GRASS, duration_s=2.0, pan=0.1)).is_still
    assert not shot_of(Clip(GRASS, Course("spin", "slow", 0, 2, 0), duration_s=2.0)).is_still


@pytest.mark.parametrize("pan", [0.4, -0.4])
def test_the_camera_pans_over_one_scene(tmp_path: Path, atlas: SpriteAtlas, pan: float) -> None:
    empty = Picture("street", 3, ())
    path = tmp_path / "pan.mkv"
    write_clip(path, [Shot(empty, 1.0, pan=pan)], width=96, height=96, atlas=atlas)
    frames = [frame.astype(int) for _, frame in decoded(path)]
    way = round(0.4 * 96 * 10 / 25)
    early, late = frames[5], frames[15]
    ahead, behind = (early, late) if pan > 0 else (late, early)
    assert np.abs(ahead[:, way:] - behind[:, :-way]).mean() < 4
    assert np.abs(early - late).mean() > 8
