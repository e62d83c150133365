"""The demo library: short clips of many kinds, and questions with exactly one right clip."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from smallworld.clips.actions import LABELS
from smallworld.clips.files import ClipTruth, ShotTruth, write_clip
from smallworld.clips.motions import MOTIONS, Course
from smallworld.clips.moving import Clip, resting
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import Shot, shot_of
from smallworld.stills.pictures import Picture, PictureSampler, Placement
from smallworld.stills.sprites import shipped_atlas, shipped_things
from smallworld.words.claims import Claim, ThingClaim
from smallworld.words.clip_claims import ActorClaim, ClipClaim, holds_in_clip, truth_tables


@dataclass(frozen=True)
class DemoQuery:
    """A question as someone would type it, and what it claims."""

    text: str
    claim: ClipClaim

    @property
    def action(self) -> str | None:
        """The label of what it asks for; None where nothing has to happen."""
        told = [motion for actor in self.claim.actors for motion in actor.motions]
        return LABELS[MOTIONS.index(told[0])] if told else None


def _still(*things: ThingClaim, scene: str | None = None) -> ClipClaim:
    return ClipClaim(shown=Claim(things, scene=scene))


def _moving(thing: str, *motions: str) -> ClipClaim:
    return ClipClaim((ActorClaim(thing, motions=motions),))


DEMO_QUERIES: tuple[DemoQuery, ...] = (
    DemoQuery("a cat on the grass", _still(ThingClaim("cat"), scene="grass")),
    DemoQuery("a huge pizza", _still(ThingClaim("pizza", size="huge"))),
    DemoQuery(
        "a small horse at the top left", _still(ThingClaim("horse", size="small", place="top left"))
    ),
    DemoQuery("an elephant in the street", _still(ThingClaim("elephant"), scene="street")),
    DemoQuery(
        "a penguin and an umbrella in the snow",
        _still(ThingClaim("penguin"), ThingClaim("umbrella"), scene="snow"),
    ),
    DemoQuery("a cat moving to the left", _moving("cat", "left")),
    DemoQuery("a cat moving to the right", _moving("cat", "right")),
    DemoQuery("a rocket moving up", _moving("rocket", "up")),
    DemoQuery("a bus getting bigger", _moving("bus", "grow")),
    DemoQuery(
        "a dog chasing a rabbit",
        ClipClaim((ActorClaim("dog", motions=("chase",)), ActorClaim("rabbit", motions=("flee",)))),
    ),
)

# What answers the first five questions, in the same order.
_STILL_ANSWERS: tuple[Picture, ...] = (
    Picture("grass", 11, (Placement("cat", 0.5, 0.55, 0.45),)),
    Picture("room", 12, (Placement("pizza", 0.5, 0.5, 0.9),)),
    Picture("beach", 13, (Placement("horse", 0.24, 0.24, 0.3),)),
    Picture("street", 14, (Placement("elephant", 0.5, 0.55, 0.6),)),
    Picture(
        "snow", 15, (Placement("penguin", 0.24, 0.55, 0.34), Placement("umbrella", 0.76, 0.5, 0.34))
    ),
)
# What answers the others.
_MOVING_ANSWERS: tuple[Clip, ...] = (
    Clip(
        Picture("street", 16, (Placement("cat", 0.5, 0.6, 0.4),)),
        Course("left", "slow", begin_s=0.1, run_s=3.8, reach=0.6, easing=0.3),
        duration_s=4.0,
    ),
    Clip(
        Picture("beach", 17, (Placement("cat", 0.5, 0.6, 0.4),)),
        Course("right", "slow", begin_s=0.1, run_s=3.8, reach=0.6, easing=0.3),
        duration_s=4.0,
    ),
    Clip(
        Picture("night", 18, (Placement("rocket", 0.5, 0.5, 0.4),)),
        Course("up", "fast", begin_s=0.9, run_s=1.2, reach=0.6),
        duration_s=3.0,
    ),
    Clip(
        Picture("forest", 19, (Placement("bus", 0.5, 0.5, 0.4),)),
        Course("grow", "slow", begin_s=0.1, run_s=3.3, reach=3.0),
        duration_s=3.5,
    ),
    Clip(
        Picture(
            "desert", 20, (Placement("dog", 0.36, 0.6, 0.3), Placement("rabbit", 0.66, 0.6, 0.28))
        ),
        Course("chase", "slow", begin_s=0.1, run_s=3.8, reach=0.42, heading=1),
        duration_s=4.0,
    ),
)
# Pictures that share the thing with a question, but are no answer to it.
_NEAR_MISSES: tuple[Picture, ...] = (
    Picture("room", 21, (Placement("cat", 0.5, 0.55, 0.45),)),
    Picture("room", 22, (Placement("pizza", 0.5, 0.6, 0.28),)),
    Picture("grass", 23, (Placement("horse", 0.5, 0.5, 0.6),)),
    Picture("forest", 24, (Placement("elephant", 0.5, 0.55, 0.6),)),
    Picture("sea", 25, (Placement("umbrella", 0.5, 0.5, 0.4),)),
)
SMALLEST_DEMO = len(_STILL_ANSWERS) + len(_MOVING_ANSWERS) + len(_NEAR_MISSES)

_FORMATS: tuple[tuple[str, str], ...] = (
    ("mp4", "libx264"),
    ("mp4", "libx264"),
    ("mp4", "libx264"),
    ("webm", "libvpx-vp9"),
    ("mp4", "libx264"),
    ("mp4", "libx264"),
    ("mkv", "libx264"),
    ("mp4", "libx264"),
    ("avi", "mpeg4"),
)
_FRAME_RATES = (Fraction(25), Fraction(30), Fraction(24), Fraction(30000, 1001))
_SIZES = ((320, 320), (360, 320), (320, 320), (400, 320), (480, 272))
# Smaller things are hard to make out in a short clip.
_SMALLEST_THING = 0.24
# What happens in the clips that answer no question and are not nearly an answer to one.
_MOVING_SHARE = 0.4
_WRITERS = 2


def make_demo_library(
    folder: Path,
    *,
    count: int = 48,
    seed: int = 7,
    progress: Callable[[int, int], None] | None = None,
) -> list[ClipTruth]:
    """Write `count` clips into `folder` and tell what is in each; the same seed, the same files.

    `progress` is called with how many clips are written and how many there will be. Raises
    ValueError when `count` is less than `SMALLEST_DEMO`, which the questions need.
    """
    if count < SMALLEST_DEMO:
        raise ValueError(f"The demo library needs at least {SMALLEST_DEMO} clips, not {count}.")
    folder.mkdir(parents=True, exist_ok=True)
    planned = _Planner(np.random.default_rng(seed)).clips(count)
    atlas = shipped_atlas()

    def write(number: int) -> ClipTruth:
        suffix, codec = _FORMATS[number % len(_FORMATS)]
        width, height = _SIZES[number % len(_SIZES)]
        return write_clip(
            folder / f"clip-{number + 1:03d}.{suffix}",
            planned[number],
            width=width,
            height=height,
            frame_rate=_FRAME_RATES[number % len(_FRAME_RATES)],
            codec=codec,
            atlas=atlas,
        )

    written = []
    with ThreadPoolExecutor(_WRITERS) as pool:
        for clip in pool.map(write, range(count)):
            written.append(clip)
            if progress:
                progress(len(written), count)
    return written


def expected_clip(query: DemoQuery, clips: Sequence[ClipTruth]) -> ClipTruth:
    """The one clip of which the question is true. Raises LookupError unless there is just one."""
    right = [clip for clip in clips if any(_answers(shot, query) for shot in clip.shots)]
    if len(right) != 1:
        raise LookupError(f"{len(right)} clips answer “{query.text}”, not one.")
    return right[0]


def _answers(shot: ShotTruth, query: DemoQuery) -> bool:
    return shot.clip is not None and holds_in_clip(query.claim, shot.clip)


class _Planner:
    """Decides what the clips show."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pictures = PictureSampler(shipped_things(), rng)
        self._moving = ClipSampler(shipped_things(), rng)

    def clips(self, count: int) -> list[list[Shot]]:
        """The shots of each clip, the questions' answers somewhere among them."""
        told = [[shot_of(clip)] for clip in _MOVING_ANSWERS]
        told += [self._around(picture) for picture in (*_STILL_ANSWERS, *_NEAR_MISSES)]
        while len(told) < count:
            moves = self._rng.random() < _MOVING_SHARE
            told.append([shot_of(self._motion())] if moves else self._around(self._picture()))
        order = self._rng.permutation(count)
        return [told[i] for i in order]

    def _around(self, picture: Picture) -> list[Shot]:
        """A clip that shows the picture; about a third have other pictures before or after it."""
        pictures = [picture]
        for _ in range(int(self._rng.choice([0, 1, 2], p=[0.65, 0.25, 0.1]))):
            pictures.insert(int(self._rng.integers(len(pictures) + 1)), self._picture())
        span = (2.0, 6.0) if len(pictures) == 1 else (1.5, 2.6)
        return [self._still_shot(p, float(self._rng.uniform(*span))) for p in pictures]

    def _still_shot(self, picture: Picture, duration_s: float) -> Shot:
        pan = float(self._rng.uniform(-0.03, 0.03)) if self._rng.random() < 0.5 else 0.0
        return shot_of(resting(picture, duration_s=duration_s, pan=pan))

    def _picture(self) -> Picture:
        """A random picture that answers no question."""
        while True:
            picture = self._pictures.picture()
            if _is_clear(picture) and _answers_nothing(resting(picture, duration_s=1.0)):
                return picture

    def _motion(self) -> Clip:
        """Random things that move and answer no question."""
        while True:
            clip = self._moving.clip()
            if _is_clear(clip.picture) and _answers_nothing(clip):
                return clip


def _is_clear(picture: Picture) -> bool:
    return min(placement.size for placement in picture.placements) >= _SMALLEST_THING


def _answers_nothing(clip: Clip) -> bool:
    true, arguable = truth_tables([query.claim for query in DEMO_QUERIES], [clip])
    return not (true | arguable).any()
