"""What is in a picture: things with place, size and angle over a scene, and the words for it.

Positions are in the central square of the picture, (0, 0) top left to (1, 1) bottom right, so
that they mean the same in a wide picture, whose sides a centre crop cuts off.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smallworld.stills.scenes import SCENES
from smallworld.stills.things import Thing

Range = tuple[float, float]

# Ranges leave gaps, so that a word is never a matter of opinion.
SIZES: dict[str, Range] = {
    "tiny": (0.16, 0.20),
    "small": (0.25, 0.31),
    "medium": (0.38, 0.47),
    "large": (0.57, 0.69),
    "huge": (0.84, 1.0),
}
# Degrees clockwise from upright.
ANGLES: dict[str, tuple[Range, ...]] = {
    "upright": ((-10, 10),),
    "tilted left": ((-58, -32),),
    "tilted right": ((32, 58),),
    "on its side": ((-100, -80), (80, 100)),
    "upside down": ((168, 192),),
}
_COLUMNS: dict[str, Range] = {"left": (0.16, 0.30), "": (0.43, 0.57), "right": (0.70, 0.84)}
_ROWS: dict[str, Range] = {"top": (0.16, 0.30), "": (0.43, 0.57), "bottom": (0.70, 0.84)}

# Above this a thing fills the picture and has no place of its own.
_LARGEST_PLACED_SIZE = 0.7
_HELD_OUT_SHARE = 10


@dataclass(frozen=True)
class Placement:
    """One thing in a picture: centre, longer side as a share of the height, degrees clockwise.

    `opacity` is how far it is there, 0 to 1.
    """

    thing: str
    x: float
    y: float
    size: float
    angle_deg: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Picture:
    """A still of the small world; later placements lie over earlier ones."""

    scene: str
    scene_seed: int
    placements: tuple[Placement, ...]


def _place_name(row: str, column: str) -> str:
    return f"{row} {column}".strip() or "centre"


PLACES: dict[str, tuple[Range, Range]] = {
    _place_name(row, column): (x_range, y_range)
    for row, y_range in _ROWS.items()
    for column, x_range in _COLUMNS.items()
}

# The words that can be said of each aspect of a single thing.
WORDS: dict[str, tuple[str, ...]] = {
    "place": tuple(PLACES),
    "size": tuple(SIZES),
    "angle": tuple(ANGLES),
}


def size_word(placement: Placement) -> str | None:
    """The size's name, None between two sizes."""
    return _word_for(placement.size, {word: (span,) for word, span in SIZES.items()})


def angle_word(placement: Placement) -> str | None:
    """The angle's name, None between two angles."""
    wrapped = (placement.angle_deg + 168) % 360 - 168
    return _word_for(wrapped, ANGLES)


def place_word(placement: Placement) -> str | None:
    """The exact place, one of nine ("top left", "top", "centre", …), None between two."""
    if placement.size > _LARGEST_PLACED_SIZE:
        return None
    row = _word_for(placement.y, {word: (span,) for word, span in _ROWS.items()})
    column = _word_for(placement.x, {word: (span,) for word, span in _COLUMNS.items()})
    return None if row is None or column is None else _place_name(row, column)


def is_at(placement: Placement, place: str) -> bool:
    """Whether `place` truly says where the thing is: "left" is also true at the top left."""
    exact = place_word(placement)
    return exact is not None and (exact == place or place in exact.split(" "))


def is_held_out(thing: str, scene: str) -> bool:
    """Whether this thing is never shown in this scene while training: one pair in ten."""
    return zlib.crc32(f"{thing}|{scene}".encode()) % _HELD_OUT_SHARE == 0


class PictureSampler:
    """Draws random pictures from a random generator."""

    def __init__(self, things: Sequence[Thing], rng: np.random.Generator) -> None:
        self._things = things
        self._rng = rng

    def picture(self, *, thing_count: int | None = None, held_out: bool = False) -> Picture:
        """A random picture of one, two or three things.

        Training pictures never hold a held-out pair of thing and scene; with `held_out`, every
        thing makes such a pair with the scene.
        """
        count = thing_count or int(self._rng.choice([1, 2, 3], p=[0.68, 0.24, 0.08]))
        placements = self._one() if count == 1 else self._several(count)
        names = [placement.thing for placement in placements]
        scene = self._scene(names, held_out=held_out)
        while scene is None:
            placements = tuple(replace(p, thing=self._thing().name) for p in placements)
            scene = self._scene([p.thing for p in placements], held_out=held_out)
        return Picture(scene, int(self._rng.integers(1 << 31)), placements)

    def easy_picture(self) -> Picture:
        """One large thing, upright, about the middle: what a new model learns names from."""
        picture = self.picture(thing_count=1)
        placement = replace(
            picture.placements[0],
            x=self._within((0.4, 0.6)),
            y=self._within((0.4, 0.6)),
            size=self._within((0.4, 0.9)),
            angle_deg=self._within((-15, 15)),
        )
        return replace(picture, placements=(placement,))

    def turned_pair(self) -> list[Picture]:
        """One large thing at two angles, any two: what a new model learns angles from."""
        picture = self.easy_picture()
        placement = replace(picture.placements[0], size=self._within((0.45, 0.9)))
        turned = [replace(placement, angle_deg=self._within((-168, 192))) for _ in range(2)]
        return [replace(picture, placements=(placement,)) for placement in turned]

    def free_picture(self) -> Picture:
        """One thing anywhere, at any size and angle, as the frames of a moving picture have it."""
        picture = self.picture(thing_count=1)
        placement = replace(
            picture.placements[0],
            x=self._within((0.0, 1.0)),
            y=self._within((0.0, 1.0)),
            size=self._within((0.15, 0.65)),
            angle_deg=self._within((-168, 192)),
        )
        return replace(picture, placements=(placement,))

    def variants(self, count: int, *, aspect: str) -> list[Picture]:
        """Pictures of one and the same thing that differ only in `aspect`.

        `aspect` is "place", "size", "angle" or "scene".
        """
        first = self.picture(thing_count=1)
        placement = first.placements[0]
        if aspect == "scene":
            allowed = [scene for scene in SCENES if not is_held_out(placement.thing, scene)]
            scenes = self._rng.permutation(allowed)[:count]
            return [replace(first, scene=str(scene)) for scene in scenes]
        if aspect == "place" and placement.size > _LARGEST_PLACED_SIZE:
            placement = self.resize(placement, "medium")
        change = self._changers()[aspect]
        words = self._distinct_words(count, aspect)
        return [replace(first, placements=(change(placement, word),)) for word in words]

    def _changers(self) -> dict[str, Callable[[Placement, str], Placement]]:
        return {"place": self.put, "size": self.resize, "angle": self.turn}

    def put(self, placement: Placement, place: str) -> Placement:
        """The same thing somewhere in `place`."""
        x_range, y_range = PLACES[place]
        return replace(placement, x=self._within(x_range), y=self._within(y_range))

    def resize(self, placement: Placement, size: str) -> Placement:
        """The same thing at another size."""
        return replace(placement, size=self._within(SIZES[size]))

    def turn(self, placement: Placement, angle: str) -> Placement:
        """The same thing at another angle."""
        spans = ANGLES[angle]
        span = spans[int(self._rng.integers(len(spans)))]
        return replace(placement, angle_deg=self._within(span))

    def _distinct_words(self, count: int, aspect: str) -> list[str]:
        words = self._rng.permutation(list(WORDS[aspect]))
        return [str(word) for word in words[:count]]

    def _one(self) -> tuple[Placement]:
        placement = Placement(self._thing().name, 0.5, 0.5, 0.4)
        if self._rng.random() < 0.1:
            size = 0.17 * (1 / 0.17) ** self._rng.random()
            placement = replace(placement, size=float(size))
        else:
            placement = self.resize(placement, self._pick(SIZES, [0.1, 0.25, 0.3, 0.25, 0.1]))
        placement = self._turned(placement)
        if placement.size > _LARGEST_PLACED_SIZE:
            return (self.put(placement, "centre"),)
        if self._rng.random() < 0.1:
            return (replace(placement, x=self._within((0.1, 0.9)), y=self._within((0.1, 0.9))),)
        return (self.put(placement, self._pick(PLACES)),)

    def _several(self, count: int) -> tuple[Placement, ...]:
        places = self._rng.permutation(list(PLACES))[:count]
        same = self._rng.random() < 0.3
        name = self._thing().name
        placements = []
        for place in places:
            thing = name if same else self._thing().name
            placement = Placement(thing, 0.5, 0.5, self._within((0.2, 0.34)))
            placements.append(self._turned(self.put(placement, str(place))))
        return tuple(placements)

    def _turned(self, placement: Placement) -> Placement:
        if self._rng.random() < 0.1:
            return replace(placement, angle_deg=self._within((-168, 192)))
        return self.turn(placement, self._pick(ANGLES, [0.48, 0.13, 0.13, 0.13, 0.13]))

    def _scene(self, names: Sequence[str], *, held_out: bool) -> str | None:
        fitting = [s for s in SCENES if all(is_held_out(name, s) == held_out for name in names)]
        return fitting[int(self._rng.integers(len(fitting)))] if fitting else None

    def _thing(self) -> Thing:
        return self._things[int(self._rng.integers(len(self._things)))]

    def _pick(self, words: Iterable[str], shares: list[float] | None = None) -> str:
        return str(self._rng.choice(list(words), p=shares))

    def _within(self, span: Range) -> float:
        return float(self._rng.uniform(*span))


def _word_for(value: float, spans: dict[str, tuple[Range, ...]]) -> str | None:
    for word, ranges in spans.items():
        if any(low <= value <= high for low, high in ranges):
            return word
    return None
