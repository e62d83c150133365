"""What a caption says, in a form that can be checked against any picture."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from smallworld.stills.pictures import Picture, Placement, angle_word, is_at, size_word

# How far two centres must lie apart before "left of" or "above" is said or believed.
CLEAR_DISTANCE = 0.2


@dataclass(frozen=True)
class ThingClaim:
    """That such a thing is there; None where nothing is said."""

    thing: str
    size: str | None = None
    angle: str | None = None
    place: str | None = None


@dataclass(frozen=True)
class Claim:
    """All that one caption says; `relation` is the first thing's position to the second."""

    things: tuple[ThingClaim, ...] = ()
    scene: str | None = None
    relation: str | None = None


def holds(claim: Claim, picture: Picture) -> bool:
    """Whether everything that `claim` says is true of `picture`."""
    if claim.scene not in (None, picture.scene):
        return False
    return any(
        all(_fits(said, seen) for said, seen in zip(claim.things, chosen, strict=True))
        and (claim.relation is None or stands(chosen[0], chosen[1], claim.relation))
        for chosen in permutations(picture.placements, len(claim.things))
    )


def stands(first: Placement, second: Placement, relation: str) -> bool:
    """Whether `first` is clearly "left of", "right of", "above" or "below" `second`."""
    right, down = first.x - second.x, first.y - second.y
    ahead, aside = {
        "left of": (-right, down),
        "right of": (right, down),
        "above": (-down, right),
        "below": (down, right),
    }[relation]
    return ahead >= CLEAR_DISTANCE and ahead > abs(aside)


def truth_table(claims: Sequence[Claim], pictures: Sequence[Picture]) -> np.ndarray:
    """Which claim holds in which picture, bool, shape: (claims, pictures)."""
    table = np.zeros((len(claims), len(pictures)), dtype=bool)
    things = [[said.thing for said in claim.things] for claim in claims]
    for row, column in where_shown(things, pictures):
        table[row, column] = holds(claims[row], pictures[column])
    return table


def where_shown(
    things: Sequence[Sequence[str]], pictures: Sequence[Picture]
) -> Iterator[tuple[int, int]]:
    """Rows of things, and columns of the pictures that show all of them."""
    showing: dict[str, set[int]] = defaultdict(set)
    for column, picture in enumerate(pictures):
        for placement in picture.placements:
            showing[placement.thing].add(column)
    everywhere = set(range(len(pictures)))
    for row, all_of_them in enumerate(things):
        for column in everywhere.intersection(*(showing[thing] for thing in all_of_them)):
            yield row, column


def _fits(said: ThingClaim, seen: Placement) -> bool:
    return (
        said.thing == seen.thing
        and said.size in (None, size_word(seen))
        and said.angle in (None, angle_word(seen))
        and (said.place is None or is_at(seen, said.place))
    )
