"""Captions of clips: a sentence and what it claims."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from smallworld.clips.motions import PAIR_MOTIONS, STILL
from smallworld.clips.moving import Clip
from smallworld.stills.pictures import Placement, size_word
from smallworld.stills.things import can_be_counted, plural, things_by_name, without_article
from smallworld.words import grammar, motion_verbs
from smallworld.words import motion_grammar as words
from smallworld.words.captions import CaptionWriter, with_article
from smallworld.words.claims import ThingClaim
from smallworld.words.clip_claims import ActorClaim, ClipClaim

_SHARES = {"speed": 0.4, "scene": 0.45, "size": 0.2}
# Captions that say no more than a still tells, and those that say "something" for the thing.
_STILL_TOLD_SHARE = 0.1
_ANYTHING_SHARE = 0.03
# The shortest sentence with the commonest words, as most people put it.
_PLAIN_SHARE = 0.15
# As one types into a search box: "cat moving left".
_BARE_SHARE = 0.1
# An adverb may stand between the verb and these: "moving slowly to the left".
_DIRECTIONS = ("to ", "towards ", "from ", "left", "right", "up", "down", "in a circle", "round ")


_Choice = TypeVar("_Choice")


@dataclass(frozen=True)
class ClipCaption:
    """A sentence about a clip and what it says."""

    text: str
    claim: ClipClaim


class MotionCaptionWriter:
    """Writes true captions of clips; the same generator state gives the same captions.

    With `held_out`, only phrasings that training never uses.
    """

    def __init__(self, rng: np.random.Generator, *, held_out: bool = False) -> None:
        self._rng = rng
        self._held_out = held_out
        self._stills = CaptionWriter(rng, held_out=held_out)

    def caption(self, clip: Clip, *, telling: Collection[str] = ()) -> ClipCaption:
        """A caption of `clip`.

        `telling` names what must be said if it can be: "motion", "speed", "scene" or "size".
        """
        if clip.event == STILL and "motion" not in telling and self._rng.random() < 0.5:
            caption = self._stills.caption(clip.picture)
            return ClipCaption(caption.text, ClipClaim(shown=caption.claim))
        said = {name for name, share in _SHARES.items() if self._rng.random() < share}
        said.update(telling)
        if not telling and not self._held_out:
            chance = self._rng.random()
            if chance < _STILL_TOLD_SHARE:
                return self._still_told(clip, said)
            if chance < _STILL_TOLD_SHARE + _ANYTHING_SHARE:
                return self._of_anything(clip, said)
        if not self._held_out and self._rng.random() < _PLAIN_SHARE:
            said.intersection_update(telling)
            if said <= {"motion"}:
                return self._plain(clip)
        if clip.event in PAIR_MOTIONS:
            return self._of_two(clip, said)
        return self._of_one(clip, said)

    def _still_told(self, clip: Clip, said: set[str]) -> ClipCaption:
        """What any single frame tells: the things, perhaps size and scene."""
        shown = clip.picture.placements
        claims = [self._actor(p, clip, said if len(shown) == 1 else set()) for p in shown]
        text = self._one_of(grammar.JOINERS).join(self._noun(claim) for claim in claims)
        if "scene" in said:
            text = f"{text} {self._where(clip)}"
        text = self._one_of(grammar.FRAMES).format(things=text)
        return ClipCaption(text, ClipClaim(tuple(claims), self._scene(clip, said)))

    def _of_anything(self, clip: Clip, said: set[str]) -> ClipCaption:
        motions: tuple[str, ...] = (clip.event,)
        speed = clip.speed if "speed" in said else None
        if clip.event in PAIR_MOTIONS:
            text = self._one_of(words.TWO_THINGS[clip.event])
            others = ("flee",) if clip.event == "chase" else motions
            actors = (ActorClaim(None, None, motions), ActorClaim(None, None, others))
            return ClipCaption(text, ClipClaim(actors))
        told, motions = self._deed(clip, speed, finite=False)
        text = f"{self._one_of(words.ANYTHING)} {told}"
        if "scene" in said:
            text = f"{text} {self._where(clip)}"
        actor = ActorClaim(None, None, motions, speed)
        return ClipCaption(text, ClipClaim((actor,), self._scene(clip, said)))

    def _plain(self, clip: Clip) -> ClipCaption:
        if clip.event in PAIR_MOTIONS:
            claim = self._pair_claim(clip)
            a, b = (_first_name(actor) for actor in claim.actors)
            finite = _is_singular(a) and _is_singular(b) and self._rng.random() < 0.5
            text = self._meetings(finite=finite)[clip.event][0]
            return ClipCaption(self._cast(text, a, b), claim)
        actor = ActorClaim(clip.picture.placements[0].thing, None, (clip.event,))
        name, (now, plain) = _first_name(actor), motion_verbs.DEEDS[clip.event][0]
        forms = (now, now, plain, f"is {now}") if _is_singular(name) else (now,)
        return ClipCaption(f"{name} {self._one_of(forms)}", ClipClaim((actor,)))

    def _pair_claim(
        self, clip: Clip, *, speed: str | None = None, scene: str | None = None
    ) -> ClipClaim:
        """What two things do, in a chase the one behind first."""
        first, second = clip.picture.placements[:2]
        if "flee" in clip.motions[0]:
            first, second = second, first
        other = "flee" if clip.event == "chase" else clip.event
        actors = (
            ActorClaim(first.thing, None, (clip.event,), speed),
            ActorClaim(second.thing, None, (other,), speed),
        )
        return ClipClaim(actors, scene)

    def _of_one(self, clip: Clip, said: set[str]) -> ClipCaption:
        actor = self._actor(clip.picture.placements[0], clip, said)
        bystanders = clip.picture.placements[1:]
        noun = self._noun(actor)
        describable = clip.event in words.DESCRIPTIONS and not said & {"size", "speed"}
        if describable and not self._held_out and self._rng.random() < 0.15:
            return self._described(clip, actor, noun, said)
        speed = clip.speed if "speed" in said else None
        finite = _is_singular(noun) and self._rng.random() < 0.45
        told, motions = self._deed(clip, speed, finite=finite)
        actors = [ActorClaim(actor.thing, actor.size, motions, speed)]
        text = self._with_where(noun, told, clip, said, finite=finite)
        if bystanders and self._rng.random() < 0.4:
            beside, claim = self._beside(bystanders[0], finite=finite)
            text, actors = f"{text}{beside}", [*actors, claim]
        if finite or self._held_out or self._rng.random() > _BARE_SHARE:
            text = self._framed(text, finite=finite)
        else:
            text = without_article(text)
        return ClipCaption(text, ClipClaim(tuple(actors), self._scene(clip, said)))

    def _described(self, clip: Clip, actor: ActorClaim, noun: str, said: set[str]) -> ClipCaption:
        """ "a spinning cat"."""
        described = f"{self._one_of(words.DESCRIPTIONS[clip.event])} {without_article(noun)}"
        text = described if noun == without_article(noun) else with_article(described)
        if "scene" in said:
            text = f"{text} {self._where(clip)}"
        actor = ActorClaim(actor.thing, None, (clip.event,))
        text = self._one_of(grammar.FRAMES).format(things=text)
        return ClipCaption(text, ClipClaim((actor,), self._scene(clip, said)))

    def _with_where(self, noun: str, told: str, clip: Clip, said: set[str], *, finite: bool) -> str:
        """The thing, what it does and where."""
        if "scene" not in said:
            return f"{noun} {told}"
        where, order = self._where(clip), self._rng.random()
        if order < 0.25:
            return f"{noun} {where} {told}"
        if order < 0.4 and finite:
            return f"{where} {noun} {told}"
        return f"{noun} {told} {where}"

    def _beside(self, bystander: Placement, *, finite: bool) -> tuple[str, ActorClaim]:
        noun = self._noun(ActorClaim(bystander.thing))
        if self._rng.random() < 0.6 or not _is_singular(noun):
            return f" and {noun}", ActorClaim(bystander.thing)
        resting = "staying still" if not finite else "stays still"
        joiner = " while " if finite else " and "
        return f"{joiner}{noun} {resting}", ActorClaim(bystander.thing, None, (STILL,))

    def _of_two(self, clip: Clip, said: set[str]) -> ClipCaption:
        speed = clip.speed if "speed" in said else None
        claim = self._pair_claim(clip, speed=speed, scene=self._scene(clip, said))
        a, b = (self._noun(ActorClaim(actor.thing)) for actor in claim.actors)
        finite = _is_singular(a) and _is_singular(b) and self._rng.random() < 0.5
        text = self._cast(self._one_of(self._meetings(finite=finite)[clip.event]), a, b)
        if speed:
            text = f"{text} {self._speed_word(clip, speed)}"
        if "scene" in said:
            text = f"{text} {self._where(clip)}"
        return ClipCaption(self._framed(text, finite=finite), claim)

    def _meetings(self, *, finite: bool) -> Mapping[str, tuple[str, ...]]:
        if self._held_out and self._rng.random() < 0.6:
            return words.HELD_OUT_MEETING_SENTENCES if finite else words.HELD_OUT_MEETINGS
        return words.MEETING_SENTENCES if finite else words.MEETINGS

    def _cast(self, text: str, a: str, b: str) -> str:
        """The sentence with the two things' names; "two cats" or "another cat" if alike."""
        joined = text.startswith("{a} and {b}")
        if a == b and can_be_counted(a):
            if joined and self._rng.random() < 0.6:
                return text.replace("{a} and {b}", f"two {plural(a)}")
            b = f"another {without_article(a)}"
        elif joined and self._rng.random() < 0.5:
            a, b = b, a
        return text.format(a=a, b=b)

    def _deed(self, clip: Clip, speed: str | None, *, finite: bool) -> tuple[str, tuple[str, ...]]:
        """What is done, with the speed's word, and the motions that this claims."""
        verbs, motions = self._verbs(clip)
        verb = verbs[0] if self._rng.random() < 0.2 else self._one_of(verbs)
        aux = finite and not verb[1].startswith("is ") and self._rng.random() < 0.3
        told = verb[1] if finite and not aux else verb[0]
        if speed:
            told = self._hastened(told, clip, speed)
        return (f"is {told}" if aux else told), motions

    def _verbs(self, clip: Clip) -> tuple[Sequence[motion_verbs.Verb], tuple[str, ...]]:
        event = clip.event
        if event == "roll" and self._rng.random() < 0.45:
            (side,) = clip.motions[0] - {"roll"}
            ways = motion_verbs.HELD_OUT_WAYS if self._held_out else motion_verbs.WAYS
            way = self._one_of(ways[side])
            now, plain = self._one_of(motion_verbs.ROLLING)
            return [(now.format(way=way), plain.format(way=way))], ("roll", side)
        held_out = self._held_out and self._rng.random() < 0.6
        deeds = motion_verbs.HELD_OUT_DEEDS if held_out else motion_verbs.DEEDS
        return deeds[event], (event,)

    def _hastened(self, told: str, clip: Clip, speed: str) -> str:
        word, place = self._speed_word(clip, speed), self._rng.random()
        if word in words.ADVERBS and place < 0.25:
            return f"{word} {told}"
        verb, _, end = told.partition(" ")
        if end.startswith(_DIRECTIONS) and place < 0.5:
            return f"{verb} {word} {end}"
        return f"{told} {word}"

    def _speed_word(self, clip: Clip, speed: str) -> str:
        sudden = clip.event in words.SUDDEN_EVENTS
        if self._held_out and self._rng.random() < 0.5:
            held_out = words.HELD_OUT_SUDDEN_WORDS if sudden else words.HELD_OUT_SPEED_WORDS
            return self._one_of(held_out[speed])
        return self._one_of((words.SUDDEN_WORDS if sudden else words.SPEED_WORDS)[speed])

    def _actor(self, placement: Placement, clip: Clip, said: set[str]) -> ActorClaim:
        sized = "size" in said and clip.event not in ("grow", "shrink")
        return ActorClaim(placement.thing, size_word(placement) if sized else None)

    def _noun(self, claim: ActorClaim) -> str:
        return self._stills.noun_phrase(ThingClaim(claim.thing or "", size=claim.size))

    def _where(self, clip: Clip) -> str:
        return self._one_of(grammar.SCENE_PHRASES[clip.picture.scene])

    def _scene(self, clip: Clip, said: set[str]) -> str | None:
        return clip.picture.scene if "scene" in said else None

    def _framed(self, text: str, *, finite: bool) -> str:
        if self._held_out:
            frames = words.HELD_OUT_SENTENCE_FRAMES if finite else words.HELD_OUT_FRAMES
        else:
            frames = words.SENTENCE_FRAMES if finite else words.FRAMES
        return self._one_of(frames).format(told=text, deed=text)

    def _one_of(self, choices: Sequence[_Choice]) -> _Choice:
        return choices[int(self._rng.integers(len(choices)))]


def _first_name(actor: ActorClaim) -> str:
    return things_by_name()[actor.thing or ""].phrases[0]


def _is_singular(noun: str) -> bool:
    """Whether "moves" may follow: not after "scissors"."""
    return noun.startswith(("a ", "an ", "the "))
