"""Captions of pictures: a sentence and what it claims."""

from dataclasses import dataclass

import numpy as np

from smallworld.stills.pictures import Picture, Placement, angle_word, place_word, size_word
from smallworld.stills.things import can_be_counted, plural, things_by_name, without_article
from smallworld.words import grammar
from smallworld.words.claims import Claim, ThingClaim, stands

# What may be said of a single thing, with how often it is said when it can be.
_ASPECT_SHARES = {"size": 0.45, "angle": 0.5, "place": 0.6, "scene": 0.5}
_ARTICLE_EXCEPTIONS = ("uni", "uf", "eu", "us")


@dataclass(frozen=True)
class Caption:
    """A sentence about a picture and what it says."""

    text: str
    claim: Claim


class CaptionWriter:
    """Writes true captions; the same generator state gives the same captions.

    With `held_out`, only sentence patterns that training never uses.
    """

    def __init__(self, rng: np.random.Generator, *, held_out: bool = False) -> None:
        self._rng = rng
        self._held_out = held_out

    def caption(self, picture: Picture, *, telling: str | None = None) -> Caption:
        """A caption of `picture`.

        `telling` names what must be said if it can be: "size", "angle", "place" or "scene".
        """
        if telling is None and self._rng.random() < 0.03 and not self._held_out:
            return Caption(
                self._one_of(grammar.SCENE_ALONE[picture.scene]), Claim(scene=picture.scene)
            )
        if len(picture.placements) == 1:
            return self._of_one(picture, telling)
        return self._of_several(picture)

    def name(self, picture: Picture) -> Caption:
        """The name of the picture's first thing and nothing else."""
        claim = ThingClaim(picture.placements[0].thing)
        return Caption(self.noun_phrase(claim), Claim((claim,)))

    def _of_one(self, picture: Picture, telling: str | None) -> Caption:
        placement = picture.placements[0]
        said = self._aspects(telling)
        claim = self._claim_of(placement, said)
        subject = self.noun_phrase(claim)
        if not said and self._rng.random() < 0.3 and not self._held_out:
            return Caption(without_article(subject), Claim((claim,)))
        scene = picture.scene if "scene" in said else None
        return Caption(self._sentence(subject, claim, scene), Claim((claim,), scene))

    def _aspects(self, telling: str | None) -> set[str]:
        if telling is None and not self._held_out and self._rng.random() < 0.12:
            return set()
        said = {name for name, share in _ASPECT_SHARES.items() if self._rng.random() < share}
        return said | {telling} if telling else said

    def _claim_of(self, placement: Placement, said: set[str]) -> ThingClaim:
        thing = things_by_name()[placement.thing]
        return ThingClaim(
            placement.thing,
            size=size_word(placement) if "size" in said else None,
            angle=angle_word(placement) if "angle" in said and thing.shows_angle else None,
            place=self._place(placement) if "place" in said else None,
        )

    def _place(self, placement: Placement) -> str | None:
        exact = place_word(placement)
        if exact is None or " " not in exact or self._rng.random() < 0.8:
            return exact
        return self._one_of(tuple(exact.split(" ")))

    def noun_phrase(self, claim: ThingClaim) -> str:
        """The thing with its article and its size if that is claimed: "a small cat"."""
        phrases = things_by_name()[claim.thing].phrases
        # The first name is what most people type.
        phrase = phrases[0] if self._rng.random() < 0.6 else self._one_of(phrases)
        if claim.size is None:
            return phrase
        noun = without_article(phrase)
        described = f"{self._one_of(grammar.SIZE_WORDS[claim.size])} {noun}"
        return described if noun == phrase else with_article(described)

    def _sentence(self, subject: str, claim: ThingClaim, scene: str | None) -> str:
        place = claim.place and self._one_of(grammar.PLACE_PHRASES[claim.place])
        angle = claim.angle and self._one_of(grammar.ANGLE_PHRASES[claim.angle])
        where = scene and self._one_of(grammar.SCENE_PHRASES[scene])
        if claim.angle == "upside down" and claim.size is None and self._rng.random() < 0.2:
            subject, angle = with_article(f"upside-down {without_article(subject)}"), None
        parts = [part for part in (angle, place, where) if part]
        parts = [parts[i] for i in self._rng.permutation(len(parts))]
        if parts and not self._held_out and self._rng.random() < 0.15:
            front = parts.pop()
            return f"{front}, {', '.join([subject, *parts])}"
        joiner = ", " if self._rng.random() < 0.5 else " "
        return self._framed(joiner.join([subject, *parts]))

    def _of_several(self, picture: Picture) -> Caption:
        scene = picture.scene if self._rng.random() < 0.5 else None
        if len({placement.thing for placement in picture.placements}) == 1:
            things, claim = self._count(picture, scene)
        else:
            things, claim = self._list(picture, scene)
        where = scene and self._one_of(grammar.SCENE_PHRASES[scene])
        return Caption(self._framed(" ".join(filter(None, [things, where]))), claim)

    def _count(self, picture: Picture, scene: str | None) -> tuple[str, Claim]:
        claims = tuple(ThingClaim(placement.thing) for placement in picture.placements)
        phrases = things_by_name()[claims[0].thing].phrases
        countable = tuple(phrase for phrase in phrases if can_be_counted(phrase))
        if not countable:
            return self.noun_phrase(claims[0]), Claim(claims[:1], scene)
        number = self._one_of(grammar.COUNT_WORDS[len(claims)])
        return f"{number} {plural(self._one_of(countable))}", Claim(claims, scene)

    def _list(self, picture: Picture, scene: str | None) -> tuple[str, Claim]:
        order = self._rng.permutation(len(picture.placements))
        shown = [picture.placements[i] for i in order]
        shown = shown[: max(1, len(shown) - int(self._rng.random() < 0.2))]
        relation = self._relation(shown)
        share = 0.0 if relation else 0.7 / len(shown)
        claims = tuple(
            self._claim_of(p, {a for a in ("size", "place", "angle") if self._rng.random() < share})
            for p in shown
        )
        told = [self._told(claim) for claim in claims]
        if relation:
            text = f"{told[0]} {self._one_of(grammar.RELATION_PHRASES[relation])} {told[1]}"
        elif len(told) == 3:
            text = f"{told[0]}, {told[1]} and {told[2]}"
        else:
            text = self._one_of(grammar.JOINERS).join(told)
        return text, Claim(claims, scene, relation)

    def _relation(self, shown: list[Placement]) -> str | None:
        if len(shown) != 2 or self._rng.random() < 0.6:
            return None
        relations = grammar.RELATION_PHRASES
        return next((name for name in relations if stands(shown[0], shown[1], name)), None)

    def _told(self, claim: ThingClaim) -> str:
        angle = claim.angle and self._one_of(grammar.ANGLE_PHRASES[claim.angle])
        place = claim.place and self._one_of(grammar.PLACE_PHRASES[claim.place])
        return " ".join(filter(None, [self.noun_phrase(claim), angle, place]))

    def _framed(self, things: str) -> str:
        if self._held_out:
            return self._one_of(grammar.HELD_OUT_FRAMES).format(things=things)
        if self._rng.random() < 0.5:
            return things
        return self._one_of(grammar.FRAMES).format(things=things)

    def _one_of(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._rng.integers(len(choices)))]


def with_article(words: str) -> str:
    """`words` after "a" or "an", by their sound."""
    vowel = words[0] in "aeiou" and not words.startswith(_ARTICLE_EXCEPTIONS)
    return f"{'an' if vowel else 'a'} {words}"
