"""Shift: the in-network visual prompt of ActionCLIP (arXiv 2109.08472, section 3.2).

Part of the channels of every patch comes from the frame after, part from the frame before. It has
no weights: a tower keeps its own under their names.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from models.towers.blocks import check_tower, finish, run_blocks

PLACEMENTS = ("branch", "residual")


class FramesBeside(NamedTuple):
    """For each valid frame of clips, the rows of the frames beside it; past the last row: none.

    before, after: long (frames,)
    """

    before: torch.Tensor
    after: torch.Tensor


@dataclass(frozen=True)
class TemporalShift:
    """How a tower shifts: `channels` of them each way, in the blocks of these numbers."""

    channels: int
    placement: str
    blocks: frozenset[int]

    def encode(self, visual: Any, pictures: Any, mask: torch.Tensor) -> torch.Tensor:
        """Embeddings of the valid frames of clips, (frames, dim), as they follow in the mask.

        pictures: the valid frames, as the tower's patch projection takes them
        mask: bool (clips, frames)
        """
        neighbours = neighbours_in(mask)

        def before(number: int, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            if number not in self.blocks:
                return hidden, hidden
            shifted = shift_patches(hidden, neighbours, channels=self.channels)
            return (shifted if self.placement == "residual" else hidden), shifted

        return finish(visual, run_blocks(visual, visual._embeds(pictures), before=before))


def use_temporal_shift(
    visual: Any, *, fold: int = 8, placement: str = "branch", blocks: Collection[int] | None = None
) -> None:
    """Lets a ViT shift wherever `patches.encode_clips` hands it clips.

    The first channels of each patch, one in `fold`, come from the next valid frame of the clip,
    the second from the one before, and zeros where there is none. The class token is not shifted,
    nor is a clip of one frame. Single pictures are encoded as before.

    visual: the picture tower of an open_clip model
    fold: 8 shifts an eighth of the channels each way; 0 shifts nothing
    placement: "branch" shifts what the attention of a block reads; "residual" the block's whole
        input, as in the published models, where zeros pile up from block to block
    blocks: their numbers; left out, all

    Raises OtherTower for any other kind of tower.
    """
    check_tower(visual, "Shift")
    if fold != 0 and fold < 2:
        raise ValueError(f"fold must be 0, or 2 and more, not {fold}")
    if placement not in PLACEMENTS:
        raise ValueError(f"placement must be {' or '.join(PLACEMENTS)}, not {placement!r}")
    numbers = range(len(visual.transformer.resblocks))
    if blocks is not None and not set(blocks) <= set(numbers):
        raise ValueError(f"the tower has blocks 0 to {numbers[-1]}, not {sorted(blocks)}")
    channels = visual.transformer.width // fold if fold else 0
    chosen = frozenset(numbers if blocks is None else blocks)
    visual.temporal_shift = TemporalShift(channels, placement, chosen)


def neighbours_in(mask: torch.Tensor) -> FramesBeside:
    """Who stands beside whom among the valid frames of each clip, in order, gaps closed.

    The only frame of a clip is its own neighbour, so that shifting leaves it as it is.

    mask: bool (clips, frames)
    """
    clips = mask.nonzero()[:, 0]
    rows = torch.arange(len(clips), device=mask.device)
    nothing = torch.full_like(rows, len(clips))
    goes_on = clips[1:] == clips[:-1]
    after, before = nothing.clone(), nothing.clone()
    after[:-1] = torch.where(goes_on, rows[1:], nothing[1:])
    before[1:] = torch.where(goes_on, rows[:-1], nothing[1:])
    alone = mask.sum(dim=1)[clips] == 1
    return FramesBeside(torch.where(alone, rows, before), torch.where(alone, rows, after))


def shift_patches(hidden: torch.Tensor, neighbours: FramesBeside, *, channels: int) -> torch.Tensor:
    """Tokens whose first channels come from the next frame and second ones from the one before.

    hidden: (frames, tokens, width), the class token first, which stays
    returns: the same shape
    """
    moving = hidden[:, 1:, : 2 * channels]
    framed = torch.cat([moving, torch.zeros_like(moving[:1])])
    patches = torch.cat(
        [
            framed[neighbours.after, :, :channels],
            framed[neighbours.before, :, channels:],
            hidden[:, 1:, 2 * channels :],
        ],
        dim=-1,
    )
    return torch.cat([hidden[:, :1], patches], dim=1)
