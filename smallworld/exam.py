"""Questions to a model that knows the small world: clips, names of things, and which show which."""

from dataclasses import dataclass

import numpy as np

from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.sprites import shipped_atlas, shipped_things

_SEED = 29
_CLIPS, _FRAMES = 240, 4
_WIDTH, _HEIGHT = 128, 96  # the model's own pictures are of 64 pixels


@dataclass(frozen=True)
class Exam:
    """clips: uint8 frames, (frames, height, width, 3) each; texts: "an elephant";
    shows: whether a clip shows what a text names, bool (texts, clips), at least one for each text
    """

    clips: list[np.ndarray]
    texts: list[str]
    shows: np.ndarray

    def first_right(self, texts: np.ndarray, clips: np.ndarray) -> float:
        """Percent of the texts whose best clip is right; unit embeddings, (n, dim) each."""
        best = (texts @ clips.T).argmax(axis=1)
        return float(100 * self.shows[np.arange(len(best)), best].mean())


def exam(count: int = 200) -> Exam:
    """At most `count` texts, and the same each time."""
    sampler = ClipSampler(shipped_things(), np.random.default_rng(_SEED))
    painter = ShotPainter(shipped_atlas(), width=_WIDTH, height=_HEIGHT)
    clips, things = [], []
    for _ in range(_CLIPS):
        clip = sampler.clip()
        times_s = np.linspace(0.1, clip.duration_s - 0.1, _FRAMES).tolist()
        clips.append(np.stack(list(painter.frames(shot_of(clip), times_s))))
        things.append({placed.thing for placed in clip.picture.placements})
    names = sorted(set().union(*things))[:count]
    shows = np.array([[name in shown for shown in things] for name in names])
    texts = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names]
    return Exam(clips, texts, shows)
