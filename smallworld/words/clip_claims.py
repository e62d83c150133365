"""What a caption of a clip says, in a form that can be checked against any clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from smallworld.clips.moving import Clip
from smallworld.stills.pictures import Placement, size_word
from smallworld.words.claims import Claim, holds, where_shown

_Fit = Callable[["ActorClaim", Placement, frozenset[str]], bool]

# What some would also say of a motion: the word is neither right nor wrong.
_ARGUABLE = {"bounce": frozenset({"jump"}), "roll": frozenset({"spin"})}
_CHANGES_SIZE = frozenset({"grow", "shrink"})
_LOOKS = (0.02, 0.25, 0.5, 0.75, 0.98)


@dataclass(frozen=True)
class ActorClaim:
    """What one thing is and does; None and () where nothing is said.

    A `thing` of None is any thing. `motions` are words of `MOTIONS`, "flee" or "still".
    """

    thing: str | None
    size: str | None = None
    motions: tuple[str, ...] = ()
    speed: str | None = None


@dataclass(frozen=True)
class ClipClaim:
    """All that one caption of a clip says; `shown` is what it says as a picture's caption."""

    actors: tuple[ActorClaim, ...] = ()
    scene: str | None = None
    shown: Claim | None = None

    @property
    def things(self) -> tuple[str, ...]:
        """The things that must be there, by name."""
        shown = self.shown.things if self.shown else ()
        return (*(a.thing for a in self.actors if a.thing), *(t.thing for t in shown))


def holds_in_clip(claim: ClipClaim, clip: Clip) -> bool:
    """Whether everything that `claim` says is true of `clip` from its start to its end."""
    return _holds(claim, clip, _fits) and _shown(claim, clip).issubset({True})


def is_arguable(claim: ClipClaim, clip: Clip) -> bool:
    """Whether `claim` is true of `clip` for part of the time or for some people at least."""
    return _holds(claim, clip, _half_fits) and _shown(claim, clip) != {False}


def truth_tables(
    claims: Sequence[ClipClaim], clips: Sequence[Clip]
) -> tuple[np.ndarray, np.ndarray]:
    """Which claim is true of which clip, and which is neither true nor untrue of it.

    Both bool, of shape (claims, clips); no cell is set in both.
    """
    true = np.zeros((len(claims), len(clips)), dtype=bool)
    arguable = np.zeros_like(true)
    things, pictures = [claim.things for claim in claims], [clip.picture for clip in clips]
    for row, column in where_shown(things, pictures):
        true[row, column] = holds_in_clip(claims[row], clips[column])
        if not true[row, column]:
            arguable[row, column] = is_arguable(claims[row], clips[column])
    return true, arguable


def _holds(claim: ClipClaim, clip: Clip, fits: _Fit) -> bool:
    if claim.scene not in (None, clip.picture.scene):
        return False
    acted = list(zip(clip.picture.placements, clip.motions, strict=True))
    return any(
        all(
            fits(said, placement, seen) and _in_time(said, seen, clip)
            for said, (placement, seen) in zip(claim.actors, chosen, strict=True)
        )
        for chosen in permutations(acted, len(claim.actors))
    )


def _shown(claim: ClipClaim, clip: Clip) -> set[bool]:
    """Whether what is said of the picture holds, now and then; empty when nothing is said."""
    if claim.shown is None:
        return set()
    looks = (share * clip.duration_s for share in _LOOKS)
    return {holds(claim.shown, clip.picture_at(elapsed_s)) for elapsed_s in looks}


def _in_time(said: ActorClaim, seen: frozenset[str], clip: Clip) -> bool:
    return said.speed is None or ("still" not in seen and said.speed == clip.speed)


def _fits(said: ActorClaim, placement: Placement, seen: frozenset[str]) -> bool:
    return (
        said.thing in (None, placement.thing)
        and seen.issuperset(said.motions)
        and (
            said.size is None
            or (said.size == size_word(placement) and seen.isdisjoint(_CHANGES_SIZE))
        )
    )


def _half_fits(said: ActorClaim, placement: Placement, seen: frozenset[str]) -> bool:
    allowed = seen.union(*(_ARGUABLE.get(word, frozenset()) for word in seen))
    changes = not seen.isdisjoint(_CHANGES_SIZE)
    return (
        said.thing in (None, placement.thing)
        and allowed.issuperset(said.motions)
        and (said.size is None or changes or said.size == size_word(placement))
    )
