import torch

from smallworld.clips.actions import LABELS, arguable, holding, is_directed
from smallworld.clips.motions import MOTIONS, Course
from smallworld.clips.moving import Clip, resting
from smallworld.stills.pictures import Picture, Placement
from smallworld.training.cached_clips import CachedClips
from smallworld.training.sources import ActionSource

CAT_AND_DOG = Picture(
    "grass", 1, (Placement("cat", 0.5, 0.5, 0.3), Placement("dog", 0.5, 0.2, 0.3))
)
GROWING = Course("grow", "slow", 0.0, 3.0, 2.5)
SPINNING = Course("spin", "fast", 0.0, 1.2, 0.0)


def cached(clips: list[Clip], frames: int) -> CachedClips:
    mask = torch.arange(frames) < torch.arange(len(clips)).remainder(3)[:, None] + frames - 2
    embeddings = torch.randn(len(clips), frames, 4) * mask[:, :, None]
    return CachedClips(tuple(clips), embeddings.half(), mask)


def test_there_is_a_label_for_every_motion() -> None:
    assert len(LABELS) == len(MOTIONS) == len(set(LABELS))
    assert LABELS[MOTIONS.index("bounce")] == "bouncing"
    assert int(is_directed().sum()) == 10


def test_labels_hold_of_each_thing_that_acts() -> None:
    one = Clip(CAT_AND_DOG, GROWING, 3.0)
    two = Clip(CAT_AND_DOG, GROWING, 3.0, second=SPINNING)
    holds = holding([one, two, resting(CAT_AND_DOG, duration_s=3.0), two.backward()])
    told = [{LABELS[label] for label in row.nonzero().flatten()} for row in holds]
    assert told == [{"growing"}, {"growing", "spinning"}, set(), {"shrinking", "spinning"}]


def test_what_follows_from_an_action_is_arguable() -> None:
    falling = Clip(CAT_AND_DOG, Course("fall", "slow", 0.0, 3.0, 0.5), 3.0)
    meeting = Clip(CAT_AND_DOG, Course("meet", "slow", 0.0, 3.0, 0.4), 3.0)
    two = Clip(CAT_AND_DOG, falling.course, 3.0, second=Course("down", "slow", 0.0, 3.0, 0.5))
    told = [
        {LABELS[label] for label in row.nonzero().flatten()}
        for row in arguable([falling, meeting, two, Clip(CAT_AND_DOG, GROWING, 3.0)])
    ]
    assert told == [{"moving down"}, {"moving to the left", "moving to the right"}, set(), set()]


def test_parts_of_other_lengths_are_joined_with_padding() -> None:
    one, other = (cached([Clip(CAT_AND_DOG, GROWING, 3.0)] * 3, frames) for frames in (5, 7))
    joined = CachedClips.joined([one, other])
    assert joined.frame_embeddings.shape == (6, 7, 4)
    assert not joined.mask[:3, 5:].any()
    assert torch.equal(joined.frame_embeddings[3:], other.frame_embeddings)


def test_a_batch_holds_clips_of_one_action_of_two_and_of_none() -> None:
    parts = (
        cached([Clip(CAT_AND_DOG, GROWING, 3.0)] * 8, 5),
        cached([Clip(CAT_AND_DOG, GROWING, 3.0, second=SPINNING)] * 8, 7),
        cached([resting(CAT_AND_DOG, duration_s=3.0)] * 4, 6),
    )
    source = ActionSource(*parts, batch_size=32, seed=3)
    batch = source.batch(5)
    assert batch.labels.sum(dim=1).tolist() == [1] * 16 + [2] * 14 + [0] * 2
    assert torch.equal(batch.frames, source.batch(5).frames)
    assert not torch.equal(batch.frames, source.batch(6).frames)
    assert not batch.frames[~batch.mask].any()
