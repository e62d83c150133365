"""Positions of frames, within what a table has learnt and past it."""

from pathlib import Path

import pytest
import torch

from models.heads.card import ActionCard, HeadCard
from models.heads.checkpoints import load_action_head, load_head, save_head
from models.heads.config import HeadConfig
from models.heads.loose import LooseHead
from models.heads.make import make_head
from models.heads.positions import frame_positions
from models.heads.tight import TightTransf
from models.identity import EncoderIdentity, HeadChoice

TABLE = torch.tensor([[0.0, 1.0], [10.0, 1.0], [20.0, 5.0]])


def valid(*lengths: int, frames: int) -> torch.Tensor:
    return torch.arange(frames) < torch.tensor(lengths)[:, None]


def test_frames_within_the_table_have_its_rows():
    assert torch.equal(frame_positions(TABLE, valid(1, 2, frames=2)), TABLE[:2])


def test_a_video_longer_than_the_table_has_it_stretched():
    rows = frame_positions(TABLE, valid(5, frames=5))[0]
    expected = [[0.0, 1.0], [5.0, 1.0], [10.0, 1.0], [15.0, 3.0], [20.0, 5.0]]
    torch.testing.assert_close(rows, torch.tensor(expected))


def test_stretching_goes_by_the_last_valid_frame_of_each_video():
    rows = frame_positions(TABLE, valid(5, 3, 9, frames=9))
    torch.testing.assert_close(rows[0, :5], frame_positions(TABLE, valid(5, frames=5))[0])
    assert torch.equal(rows[1, :3], TABLE)
    torch.testing.assert_close(rows[2, [0, 4, 8]], TABLE)


# Heads that were trained on fewer frames than their tables have rows

ENCODER = EncoderIdentity("ViT-B-32", "weights", {"size": (32, 32)}, frames_digest="frames")
WITH_TABLES = ("seqTransf", "tightTransf", "Transf", "Transf_cls")
# Positions of five frames where a training knew three: 0, ½, 1, 1½, 2.
STRETCHED = [(0, 0, 0.0), (0, 1, 0.5), (1, 1, 0.0), (1, 2, 0.5), (2, 2, 0.0)]


def trained_head(name: str) -> LooseHead | TightTransf:
    torch.manual_seed(0)
    return make_head(HeadConfig(name, 16, blocks=1, attention_heads=2, positions=9))


def frame_rows(head: LooseHead | TightTransf) -> torch.Tensor:
    """The rows for frames in the weights, beside that of the text or of the class token."""
    name = "positions" if head.config.name == "Transf_cls" else "transformer.positions"
    table = dict(head.named_parameters())[name].data
    return table[1:] if head.config.name in ("tightTransf", "Transf_cls") else table


def loaded(folder: Path, head: LooseHead | TightTransf, **known: int) -> LooseHead | TightTransf:
    is_action = head.config.name in ("Transf", "Transf_cls")
    card = HeadCard(
        config=head.config,
        encoder=ENCODER,
        pretrained=None,
        dataset="clips",
        figures={},
        logit_scale=4.6,
        action=ActionCard(()) if is_action else None,
        **known,
    )
    file = folder / "head.safetensors"
    save_head(file, head, card)
    load = load_action_head if is_action else load_head
    return load(HeadChoice(file=file), ENCODER, 16).head


def outcome(head: LooseHead | TightTransf, frames: int) -> torch.Tensor:
    inputs = torch.randn(2, frames, 16, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(2, frames, dtype=torch.bool)
    head.eval()
    with torch.no_grad():
        if isinstance(head, TightTransf):
            return head(torch.ones(1, 16), inputs, mask)
        return head(inputs, mask)


@pytest.mark.parametrize("known", [{"frames": 3}, {"frames": 12, "frames_seen": 3}])
@pytest.mark.parametrize("name", WITH_TABLES)
def test_more_frames_than_in_training_have_the_learnt_positions_stretched(tmp_path, name, known):
    head = trained_head(name)
    asked = loaded(tmp_path, head, **known)
    assert torch.equal(outcome(asked, 3), outcome(head, 3))
    rows = frame_rows(head)
    rows[:5] = torch.stack([torch.lerp(rows[a], rows[b], share) for a, b, share in STRETCHED])
    torch.testing.assert_close(outcome(asked, 5), outcome(head, 5))


@pytest.mark.parametrize("name", WITH_TABLES)
def test_rows_that_no_training_has_touched_change_nothing(tmp_path, name):
    head = trained_head(name)
    before = outcome(loaded(tmp_path, head, frames=3), 7)
    frame_rows(head)[3:] = torch.linspace(-9, 9, 16).roll(3)
    assert torch.equal(outcome(loaded(tmp_path, head, frames=3), 7), before)


@pytest.mark.parametrize("name", WITH_TABLES)
def test_a_training_that_goes_on_with_more_frames_begins_with_the_stretched_positions(
    tmp_path, name
):
    head = loaded(tmp_path, trained_head(name), frames=3)
    before, untouched = outcome(head, 5), frame_rows(head)[5:].clone()
    head.go_on_with(5)
    torch.testing.assert_close(outcome(head, 5), before)
    assert torch.equal(frame_rows(head)[5:], untouched)
    # Each of the five is learnt by itself now.
    frame_rows(head)[4] = torch.linspace(-9, 9, 16).roll(3)
    assert (outcome(head, 5) - before).abs().max() > 1e-4


def test_going_on_with_no_more_frames_leaves_the_table(tmp_path):
    head = loaded(tmp_path, trained_head("seqTransf"), frames=3)
    before = frame_rows(head).clone()
    head.go_on_with(3)
    assert torch.equal(frame_rows(head), before)
    assert loaded(tmp_path, trained_head("seqTransf"), frames=40).frames_learnt == 40
