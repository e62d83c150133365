"""The demo library: short clips of many kinds, and questions with exactly one right clip."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from smallworld.claims import Claim, ThingClaim, holds
from smallworld.clips import ClipTruth, write_clip
from smallworld.pictures import Picture, PictureSampler, Placement, place_word
from smallworld.shots import Shot
from smallworld.sprites import shipped_atlas, shipped_things


@dataclass(frozen=True)
class DemoQuery:
    """A question as someone would type it, and what it claims."""

    text: str
    claim: Claim


DEMO_QUERIES: tuple[DemoQuery, ...] = (
    DemoQuery("a cat on the grass", Claim((ThingClaim("cat"),), scene="grass")),
    DemoQuery("a huge pizza", Claim((ThingClaim("pizza", size="huge"),))),
    DemoQuery(
        "a small horse at the top left",
        Claim((ThingClaim("horse", size="small", place="top left"),)),
    ),
    DemoQuery("an elephant in the street", Claim((ThingClaim("elephant"),), scene="street")),
    DemoQuery(
        "a penguin and an umbrella in the snow",
        Claim((ThingClaim("penguin"), ThingClaim("umbrella")), scene="snow"),
    ),
)

# One picture for each question, in the same order.
_ANSWERS: tuple[Picture, ...] = (
    Picture("grass", 11, (Placement("cat", 0.5, 0.55, 0.45),)),
    Picture("room", 12, (Placement("pizza", 0.5, 0.5, 0.9),)),
    Picture("beach", 13, (Placement("horse", 0.24, 0.24, 0.3),)),
    Picture("street", 14, (Placement("elephant", 0.5, 0.55, 0.6),)),
    Picture(
        "snow", 15, (Placement("penguin", 0.24, 0.55, 0.34), Placement("umbrella", 0.76, 0.5, 0.34))
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
SMALLEST_DEMO = len(_ANSWERS) + len(_NEAR_MISSES)

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
    right = [clip for clip in clips if any(holds(query.claim, shot.picture) for shot in clip.shots)]
    if len(right) != 1:
        raise LookupError(f"{len(right)} clips answer “{query.text}”, not one.")
    return right[0]


class _Planner:
    """Decides what the clips show."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._sampler = PictureSampler(shipped_things(), rng)

    def clips(self, count: int) -> list[list[Shot]]:
        """The shots of each clip, the questions' answers somewhere among them."""
        told = [[picture] for picture in (*_ANSWERS, *_NEAR_MISSES)]
        told += [[self._picture()] for _ in range(count - len(told))]
        for pictures in told:
            self._add_shots(pictures)
        order = self._rng.permutation(count)
        return [self._shots(told[i]) for i in order]

    def _add_shots(self, pictures: list[Picture]) -> None:
        """Make about a third of the clips longer, the first picture anywhere in them."""
        more = int(self._rng.choice([0, 1, 2], p=[0.65, 0.25, 0.1]))
        for _ in range(more):
            pictures.insert(int(self._rng.integers(len(pictures) + 1)), self._picture())

    def _picture(self) -> Picture:
        """A random picture that answers no question."""
        while True:
            picture = self._sampler.picture()
            clear = min(p.size for p in picture.placements) >= _SMALLEST_THING
            if clear and not any(holds(query.claim, picture) for query in DEMO_QUERIES):
                return picture

    def _shots(self, pictures: Sequence[Picture]) -> list[Shot]:
        shortest, longest = (2.0, 6.0) if len(pictures) == 1 else (1.5, 2.6)
        return [self._shot(p, float(self._rng.uniform(shortest, longest))) for p in pictures]

    def _shot(self, picture: Picture, duration_s: float) -> Shot:
        right, down = self._rng.uniform(-0.02, 0.02, 2)
        pan = float(self._rng.uniform(-0.03, 0.03)) if self._rng.random() < 0.3 else 0.0
        still = Shot(picture, duration_s, pan=pan)
        moving = Shot(picture, duration_s, drift=(float(right), float(down)), pan=pan)
        return moving if self._rng.random() < 0.6 and _stays(moving) else still


def _stays(shot: Shot) -> bool:
    """Whether each thing is called to be at the same place from the first frame to the last."""
    first, last = shot.picture.placements, shot.picture_at(shot.duration_s).placements
    return [place_word(p) for p in first] == [place_word(p) for p in last]
