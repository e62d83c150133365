import re

import numpy as np
import pytest

from smallworld.stills.pictures import Picture, PictureSampler, Placement
from smallworld.stills.things import load_things
from smallworld.words import grammar
from smallworld.words.captions import CaptionWriter
from smallworld.words.claims import Claim, ThingClaim, holds

CAT = Picture("grass", 1, (Placement("cat", 0.2, 0.2, 0.28, 180),))


def drawn(count: int, *, held_out: bool) -> list[tuple[Picture, str, Claim]]:
    rng = np.random.default_rng(5)
    sampler, writer = PictureSampler(load_things(), rng), CaptionWriter(rng, held_out=held_out)
    pictures = [sampler.picture(held_out=held_out) for _ in range(count)]
    captions = [writer.caption(picture) for picture in pictures]
    return [(p, c.text, c.claim) for p, c in zip(pictures, captions, strict=True)]


def matches_frame(text: str, frame: str) -> bool:
    pattern = re.escape(frame).replace(re.escape("{things}"), ".+")
    return re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize("held_out", [False, True])
def test_every_caption_is_true_of_its_picture(held_out: bool) -> None:
    untrue = [text for p, text, claim in drawn(1500, held_out=held_out) if not holds(claim, p)]
    assert untrue == []


def test_training_captions_never_use_a_held_out_phrasing() -> None:
    texts = [text for _, text, _ in drawn(2000, held_out=False)]
    assert [t for t in texts for f in grammar.HELD_OUT_FRAMES if matches_frame(t, f)] == []


def test_held_out_captions_use_held_out_phrasings_only() -> None:
    texts = [text for _, text, _ in drawn(500, held_out=True)]
    frames = grammar.HELD_OUT_FRAMES
    assert [t for t in texts if not any(matches_frame(t, frame) for frame in frames)] == []


def test_captions_speak_often_of_place_size_and_angle() -> None:
    said = [claim.things[0] for _, _, claim in drawn(1500, held_out=False) if claim.things]
    for aspect in ("place", "size", "angle"):
        assert sum(getattr(thing, aspect) is not None for thing in said) > 0.25 * len(said)


def test_there_are_very_short_captions_too() -> None:
    texts = [text for _, text, _ in drawn(1000, held_out=False)]
    assert sum(len(text.split()) <= 2 for text in texts) > 50


@pytest.mark.parametrize(
    ("aspect", "words"),
    [
        ("size", grammar.SIZE_WORDS["small"]),
        ("place", ("left", "top", "upper")),
        ("angle", ("upside", "head", "wrong way")),
        ("scene", grammar.SCENE_PHRASES["grass"]),
    ],
)
def test_what_is_to_be_told_is_told(aspect: str, words: tuple[str, ...]) -> None:
    writer = CaptionWriter(np.random.default_rng(0))
    texts = [writer.caption(CAT, telling=aspect).text for _ in range(50)]
    assert [text for text in texts if not any(word in text for word in words)] == []


def test_the_words_follow_the_claim() -> None:
    writer = CaptionWriter(np.random.default_rng(0))
    captions = [writer.caption(CAT, telling="angle") for _ in range(200)]
    for caption in captions:
        (said,) = caption.claim.things
        small = any(f"{word} " in caption.text for word in grammar.SIZE_WORDS["small"])
        assert small == (said.size == "small")
        on_grass = any(phrase in caption.text for phrase in grammar.SCENE_PHRASES["grass"])
        assert on_grass == (caption.claim.scene == "grass")


def test_round_things_are_not_said_to_be_turned() -> None:
    ball = Picture("grass", 1, (Placement("football", 0.2, 0.2, 0.28, 180),))
    writer = CaptionWriter(np.random.default_rng(0))
    claims = [writer.caption(ball, telling="angle").claim for _ in range(50)]
    assert {claim.things[0].angle for claim in claims} == {None}


def test_several_of_one_kind_are_counted() -> None:
    places = ((0.2, 0.2), (0.8, 0.8))
    cats = Picture("grass", 1, tuple(Placement("cat", x, y, 0.3) for x, y in places))
    caption = CaptionWriter(np.random.default_rng(1)).caption(cats)
    assert re.search(r"\b(two|2) (cats|kitties|pussycats)\b", caption.text)
    assert caption.claim.things == (ThingClaim("cat"), ThingClaim("cat"))


def test_a_name_alone_claims_the_thing_alone() -> None:
    caption = CaptionWriter(np.random.default_rng(0)).name(CAT)
    assert caption.text in {"a cat", "a kitty", "a pussycat"}
    assert caption.claim == Claim((ThingClaim("cat"),))
