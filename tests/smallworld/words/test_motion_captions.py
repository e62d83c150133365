import re

import numpy as np
import pytest

from smallworld.clips.motions import MOTIONS, STILL, Course
from smallworld.clips.moving import Clip
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.things import load_things
from smallworld.words import motion_grammar as words
from smallworld.words import motion_verbs
from smallworld.words.clip_claims import holds_in_clip
from smallworld.words.motion_captions import ClipCaption, MotionCaptionWriter

CAT = Placement("cat", 0.5, 0.5, 0.28)
CAT_LEFT = Clip(Picture("grass", 1, (CAT,)), Course("left", "slow", 0.0, 3.0, 0.5), 3.0)


def drawn(count: int, *, held_out: bool) -> list[tuple[Clip, ClipCaption]]:
    rng = np.random.default_rng(5)
    sampler, writer = ClipSampler(load_things(), rng), MotionCaptionWriter(rng, held_out=held_out)
    clips = [sampler.clip(held_out=held_out) for _ in range(count)]
    return [(clip, writer.caption(clip)) for clip in clips]


def in_frame(text: str, frame: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(frame)), text) is not None


def told(clip: Clip, *telling: str, count: int = 200) -> list[ClipCaption]:
    writer = MotionCaptionWriter(np.random.default_rng(0))
    return [writer.caption(clip, telling=telling) for _ in range(count)]


@pytest.mark.parametrize("held_out", [False, True])
def test_every_caption_is_true_of_its_clip(held_out: bool) -> None:
    pairs = drawn(700, held_out=held_out)
    assert [c.text for clip, c in pairs if not holds_in_clip(c.claim, clip)] == []


def test_training_captions_never_use_a_held_out_phrasing() -> None:
    texts = [caption.text for _, caption in drawn(1000, held_out=False)]
    frames = (*words.HELD_OUT_FRAMES, *words.HELD_OUT_SENTENCE_FRAMES)
    deeds = [
        form for verbs in motion_verbs.HELD_OUT_DEEDS.values() for verb in verbs for form in verb
    ]
    speeds = [w for held in words.HELD_OUT_SPEED_WORDS.values() for w in held]
    ways = [way for held in motion_verbs.HELD_OUT_WAYS.values() for way in held]
    unseen = [f" {phrase} " for phrase in (*deeds, *speeds, *ways)]
    assert [t for t in texts if any(phrase in f" {t} " for phrase in unseen)] == []
    assert [t for t in texts if any(in_frame(t, frame) for frame in frames)] == []


def test_held_out_captions_of_motion_use_held_out_frames_only() -> None:
    moving = [c for clip, c in drawn(400, held_out=True) if clip.event != STILL]
    frames = (*words.HELD_OUT_FRAMES, *words.HELD_OUT_SENTENCE_FRAMES)
    assert [c.text for c in moving if not any(in_frame(c.text, frame) for frame in frames)] == []


def test_training_says_it_as_a_user_would() -> None:
    texts = {caption.text for caption in told(CAT_LEFT, "motion", count=1000)}
    assert {
        "a cat moving to the left",
        "a cat moves to the left",
        "a cat is moving to the left",
        "cat moving to the left",
    } <= texts


def test_many_sentences_tell_the_same_motion() -> None:
    texts = {caption.text for caption in told(CAT_LEFT, "motion", count=500)}
    assert len(texts) > 300


@pytest.mark.parametrize("event", MOTIONS)
def test_every_motion_has_its_words(event: str) -> None:
    clip = ClipSampler(load_things(), np.random.default_rng(1)).clip(event=event)
    for caption in told(clip, "motion", count=30):
        assert event in {motion for actor in caption.claim.actors for motion in actor.motions}


def test_what_is_to_be_told_is_told() -> None:
    for caption in told(CAT_LEFT, "speed", "scene", "size"):
        (actor,) = caption.claim.actors
        assert (actor.speed, actor.size, caption.claim.scene) == ("slow", "small", "grass")
        assert any(word in caption.text for word in words.SPEED_WORDS["slow"])
        assert re.search(r"\b(small|little)\b", caption.text)


def test_where_a_mover_starts_is_never_said() -> None:
    texts = [caption.text for caption in told(CAT_LEFT, count=400)]
    said = re.compile(r"\b(top|upper|middle|centre|center|bottom|corner|on the (left|right))\b")
    assert [text for text in texts if said.search(text)] == []


def test_some_captions_say_no_more_than_a_still_shows() -> None:
    captions = [caption for clip, caption in drawn(700, held_out=False) if clip.event != STILL]
    plain = [c for c in captions if not any(actor.motions for actor in c.claim.actors)]
    assert 0.05 * len(captions) < len(plain) < 0.2 * len(captions)


def test_still_clips_are_told_as_stills_and_as_still() -> None:
    pairs = [c.claim for clip, c in drawn(1500, held_out=False) if clip.event == STILL]
    assert any(claim.shown and claim.shown.things[0].place for claim in pairs if claim.shown)
    assert any(actor.motions == (STILL,) for claim in pairs for actor in claim.actors)


def test_a_chase_names_the_one_behind_first_or_says_by_whom() -> None:
    pair = (CAT, Placement("dog", 0.8, 0.5, 0.28))
    chase = Clip(Picture("grass", 1, pair), Course("chase", "slow", 0, 3, 0.4), 3.0)
    texts = {caption.text for caption in told(chase, "motion", count=800)}
    assert "a cat chasing a dog" in texts
    assert "a dog chased by a cat" in texts
    assert not any("a dog chasing a cat" in text for text in texts)
    backward = {caption.text for caption in told(chase.backward(), "motion", count=800)}
    assert "a dog chasing a cat" in backward


def test_two_of_a_kind_are_counted_or_told_apart() -> None:
    pair = (CAT, Placement("cat", 0.8, 0.5, 0.28))
    meeting = Clip(Picture("grass", 1, pair), Course("meet", "slow", 0, 3, 0.4), 3.0)
    texts = " | ".join(caption.text for caption in told(meeting, "motion"))
    assert "two cats" in texts
    assert "another cat" in texts


def test_what_is_not_singular_takes_no_singular_verb() -> None:
    scissors = Clip(
        Picture("grass", 1, (Placement("scissors", 0.5, 0.5, 0.3),)),
        Course("right", "fast", 0.0, 1.0, 0.5),
        2.0,
    )
    texts = [caption.text for caption in told(scissors, "motion")]
    wrong = re.compile(r"(?<!pair of )scissors (is|moves|goes|slides)\b")
    assert [text for text in texts if wrong.search(text)] == []
