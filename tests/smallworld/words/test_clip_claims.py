import numpy as np
import pytest

from smallworld.clips.motions import Course
from smallworld.clips.moving import Clip, resting
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.things import load_things
from smallworld.words.claims import Claim, ThingClaim
from smallworld.words.clip_claims import (
    ActorClaim,
    ClipClaim,
    holds_in_clip,
    is_arguable,
    truth_tables,
)
from smallworld.words.motion_captions import MotionCaptionWriter

CAT = Placement("cat", 0.5, 0.5, 0.28)
DOG = Placement("dog", 0.2, 0.2, 0.28)


def clip(motion: str, *, speed: str = "slow", backwards: bool = False) -> Clip:
    picture = Picture("grass", 1, (CAT, DOG))
    return Clip(picture, Course(motion, speed, 0.0, 3.0, 0.5), 3.0, backwards=backwards)


def says(*actors: ActorClaim, scene: str | None = None) -> ClipClaim:
    return ClipClaim(actors, scene)


LEFT = clip("left")


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        (says(ActorClaim("cat", motions=("left",))), True),
        (says(ActorClaim("cat", motions=("left",), speed="slow")), True),
        (says(ActorClaim("cat", size="small", motions=("left",)), scene="grass"), True),
        (says(ActorClaim(None, motions=("left",))), True),
        (says(ActorClaim("cat"), ActorClaim("dog", motions=("still",))), True),
        (says(ActorClaim("cat", motions=("right",))), False),
        (says(ActorClaim("cat", motions=("left",), speed="fast")), False),
        (says(ActorClaim("cat", size="large")), False),
        (says(ActorClaim("dog", motions=("left",))), False),
        (says(ActorClaim("dog", speed="slow")), False),
        (says(ActorClaim("cat"), ActorClaim("cat")), False),
        (says(ActorClaim("cat", motions=("left",)), scene="sea"), False),
    ],
)
def test_what_is_true_of_a_cat_that_moves_left_beside_a_dog(claim: ClipClaim, true: bool) -> None:
    assert holds_in_clip(claim, LEFT) is true
    assert is_arguable(claim, LEFT) is true


def test_who_chases_whom_turns_with_time() -> None:
    claim = says(ActorClaim("cat", motions=("chase",)), ActorClaim("dog", motions=("flee",)))
    assert holds_in_clip(claim, clip("chase"))
    assert not holds_in_clip(claim, clip("chase", backwards=True))


def test_a_fall_is_a_way_down_but_no_way_down_is_a_fall() -> None:
    down, fall = (says(ActorClaim("cat", motions=(motion,))) for motion in ("down", "fall"))
    assert holds_in_clip(down, clip("fall"))
    assert not is_arguable(fall, clip("down"))
    assert not is_arguable(fall, clip("fall", backwards=True))


def test_a_bounce_may_be_called_jumping() -> None:
    claim = says(ActorClaim("cat", motions=("jump",)))
    assert not holds_in_clip(claim, clip("bounce"))
    assert is_arguable(claim, clip("bounce"))


def test_the_size_of_what_grows_is_arguable() -> None:
    claim = says(ActorClaim("cat", size="small"))
    assert not holds_in_clip(claim, clip("grow"))
    assert is_arguable(claim, clip("grow"))


def test_a_place_is_true_only_of_what_stays_there() -> None:
    claim = ClipClaim(shown=Claim((ThingClaim("cat", place="centre"),)))
    assert holds_in_clip(claim, resting(LEFT.picture, duration_s=2.0))
    assert not holds_in_clip(claim, LEFT)
    assert is_arguable(claim, LEFT)
    assert not is_arguable(ClipClaim(shown=Claim((ThingClaim("cat", place="top"),))), LEFT)


def test_tables_say_for_each_pair_what_the_claim_alone_says() -> None:
    rng = np.random.default_rng(2)
    sampler, writer = ClipSampler(load_things()[:6], rng), MotionCaptionWriter(rng)
    clips = [c for _ in range(10) for c in sampler.variants(4)]
    claims = [writer.caption(c).claim for c in clips]
    true, arguable = truth_tables(claims, clips)
    assert true.diagonal().all()
    assert true.tolist() == [[holds_in_clip(claim, c) for c in clips] for claim in claims]
    either = [[is_arguable(claim, c) for c in clips] for claim in claims]
    assert (true | arguable).tolist() == either
    assert not (true & arguable).any()


def test_no_claims_make_an_empty_table() -> None:
    true, arguable = truth_tables([], [LEFT])
    assert true.shape == arguable.shape == (0, 1)
