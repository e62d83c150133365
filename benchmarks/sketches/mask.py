"""How well the subject of a sketch is found, on clips of the small world whose truth is known."""

import statistics
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from sketch.canvas import on_canvas
from sketch.strokes import CANVAS
from sketch.subject.finding import Clues, find_subject
from sketch.subject.masking import mask_of
from sketch.subject.motion import motion_map
from smallworld.clips.moving import Clip
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import Picture
from smallworld.stills.render import compose
from smallworld.stills.sprites import SpriteAtlas, shipped_atlas, shipped_things

_FRAMES = 7
_INTERVAL_S = 0.2
_LEAST_PX = 12.0  # farther than this a thing moves within the frames, or it is left out


@dataclass(frozen=True)
class MaskFigures:
    """Overlap of the mask with the true one: intersection over union."""

    clips: str
    count: int
    median: float
    quarter: float  # a quarter of the clips have less
    share_above_half: float


def truth(picture: Picture, atlas: SpriteAtlas) -> np.ndarray:
    """Which pixels its things cover, bool (224, 224)."""
    black, white = (
        compose(torch.full((1, 3, CANVAS, CANVAS), shade), [picture], atlas)[0]
        for shade in (0.0, 1.0)
    )
    return np.asarray(((white - black).abs().mean(dim=0) < 0.5).numpy())


def sampled_clips(count: int, *, pan: float, seed: int = 99) -> list[Clip]:
    """Clips of one thing that moves across the picture."""
    rng = np.random.default_rng([seed, 4])
    sampler = ClipSampler(shipped_things(), rng)
    found: list[Clip] = []
    while len(found) < count:
        clip = sampler.clip()
        single = len(clip.picture.placements) == 1 and clip.second is None
        if single and clip.event in {"left", "right", "up", "down", "fall", "circle"}:
            found.append(replace(clip, pan=pan))
    return found


def overlaps(clips: list[Clip], atlas: SpriteAtlas) -> list[float]:
    """The overlap of each clip's mask at its middle."""
    painter = ShotPainter(atlas, width=CANVAS, height=CANVAS)
    told = []
    for clip in clips:
        middle_s = clip.course.begin_s + clip.course.run_s / 2
        if clip.backwards:
            middle_s = clip.duration_s - middle_s
        reach_s = _INTERVAL_S * (_FRAMES // 2)
        middle_s = min(max(reach_s, middle_s), clip.duration_s - reach_s)
        times_s = [middle_s + _INTERVAL_S * (i - _FRAMES // 2) for i in range(_FRAMES)]
        first, last = (clip.picture_at(t).placements[0] for t in (times_s[0], times_s[-1]))
        if np.hypot(last.x - first.x, last.y - first.y) * CANVAS < _LEAST_PX:
            continue
        right = truth(clip.picture_at(middle_s), atlas)
        if right.mean() < 0.01:
            continue
        frames = np.stack(list(painter.frames(shot_of(clip, grain=0.01), times_s)))
        picture, placed = on_canvas(frames[_FRAMES // 2])
        clues = Clues(motion_map(frames, _FRAMES // 2))
        found = mask_of(picture, find_subject(picture, placed, clues)) > 0.5
        told.append(float((found & right).sum() / (found | right).sum()))
    return told


def figures(name: str, told: list[float]) -> MaskFigures:
    """The overlaps of all clips in one row."""
    half = sum(one > 0.5 for one in told) / len(told)
    return MaskFigures(
        name, len(told), statistics.median(told), float(np.quantile(told, 0.25)), half
    )


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument("--clips", type=int, default=60)
    with benchmark("sketches_mask", parser) as (options, report):
        atlas = shipped_atlas()
        rows = [
            figures(name, overlaps(sampled_clips(options.clips, pan=pan), atlas))
            for name, pan in (("camera stands still", 0.0), ("camera pans", 0.05))
        ]
        report.show("Masks of a moving subject before a busy background", rows)
        report.figures([Figure("median overlap", rows[0].median, ">= 0.8")])


if __name__ == "__main__":
    main()
