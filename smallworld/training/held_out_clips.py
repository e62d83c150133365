"""Clips to measure a model with: unseen combinations, told in phrasings never trained with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from smallworld.clips.motions import DIRECTED_MOTIONS
from smallworld.clips.moving import Clip, is_held_out_motion
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.things import Thing
from smallworld.words.clip_claims import truth_tables
from smallworld.words.motion_captions import ClipCaption, MotionCaptionWriter

# What looks different backwards, and has a name both ways.
REVERSIBLE_EVENTS = (*DIRECTED_MOTIONS, "chase")
_GROUP_SIZE = 5
# Each says more than the one before.
_TELLINGS: tuple[Collection[str], ...] = (
    ("motion",),
    ("motion", "speed"),
    ("motion", "speed", "scene"),
    ("motion", "speed", "scene", "size"),
)
_TRIES = 12


@dataclass(frozen=True)
class RetrievalSet:
    """Caption i is true of clip i and of no other, nor arguable of any other."""

    clips: tuple[Clip, ...]
    captions: tuple[ClipCaption, ...]


@dataclass(frozen=True)
class TimePair:
    """A clip, the same clip backwards, and a caption of each that is untrue of the other."""

    forwards: Clip
    backwards: Clip
    captions: tuple[ClipCaption, ClipCaption]


def retrieval_set(
    things: Sequence[Thing], *, seed: int, count: int = 500, group_size: int = _GROUP_SIZE
) -> RetrievalSet:
    """`count` clips, `group_size` of the same things in the same scene after one another.

    Within a group only what happens tells the clips apart.
    """
    rng = np.random.default_rng([seed, 0])
    sampler, writer = ClipSampler(things, rng), MotionCaptionWriter(rng, held_out=True)
    told: list[tuple[Clip, ClipCaption]] = []
    while len(told) < count:
        size = min(group_size, count - len(told))
        group = _told_apart(sampler.variants(size, held_out=True), writer, told)
        if len(group) == size:
            told += group
    return RetrievalSet(tuple(clip for clip, _ in told), tuple(caption for _, caption in told))


def time_pairs(things: Sequence[Thing], *, seed: int, count: int = 250) -> list[TimePair]:
    """`count` clips with their reversals: nothing but the direction of time tells them apart."""
    rng = np.random.default_rng([seed, 1])
    sampler, writer = ClipSampler(things, rng), MotionCaptionWriter(rng, held_out=True)
    pairs: list[TimePair] = []
    while len(pairs) < count:
        event = REVERSIBLE_EVENTS[len(pairs) % len(REVERSIBLE_EVENTS)]
        clip = sampler.clip(event=event, held_out=True)
        if not _is_unseen(clip.backward()):
            continue
        told = _told_apart([clip, clip.backward()], writer, [])
        if len(told) == 2:
            pairs.append(TimePair(clip, clip.backward(), (told[0][1], told[1][1])))
    return pairs


def _told_apart(
    clips: Sequence[Clip], writer: MotionCaptionWriter, others: Sequence[tuple[Clip, ClipCaption]]
) -> list[tuple[Clip, ClipCaption]]:
    """The clips with a caption of their own each, up to the first that has none."""
    told: list[tuple[Clip, ClipCaption]] = []
    for clip in clips:
        present = [*others, *told]
        claims = [caption.claim for _, caption in present]
        if any(table.any() for table in truth_tables(claims, [clip])):
            break
        rivals = [other for other, _ in present] + list(clips[len(told) + 1 :])
        caption = _own_caption(clip, writer, rivals)
        if caption is None:
            break
        told.append((clip, caption))
    return told


def _own_caption(
    clip: Clip, writer: MotionCaptionWriter, rivals: Sequence[Clip]
) -> ClipCaption | None:
    for attempt in range(_TRIES):
        telling = _TELLINGS[min(attempt // 2, len(_TELLINGS) - 1)]
        caption = writer.caption(clip, telling=telling)
        if not any(table.any() for table in truth_tables([caption.claim], rivals)):
            return caption
    return None


def _is_unseen(clip: Clip) -> bool:
    """Whether each thing that acts is never seen to do this in this scene while training."""
    acting = (
        placement.thing
        for placement, seen in zip(clip.picture.placements, clip.motions, strict=True)
        if "still" not in seen
    )
    return all(is_held_out_motion(thing, clip.event, clip.picture.scene) for thing in acting)
