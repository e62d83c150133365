"""Joint: the pre-network visual prompt of ActionCLIP (arXiv 2109.08472, section 3.2).

The patches of all frames form one sequence with a single class token; the tower's own blocks then
see space and time at once, and the class token is the embedding of the whole video.
"""

from typing import Any

import torch
from torch import nn

from models.clip.patches import reach_of
from models.frame_sets import check_mask
from models.heads.positions import frame_positions
from models.towers.blocks import OtherTower, check_tower, finish, run_blocks


def use_joint_space_time(visual: Any, *, frames: int) -> None:
    """Gives a ViT a table for the places of frames, of zeros at first; see `encode_videos`.

    Its state then has `temporal_embedding` of shape (frames, width). It still takes pictures, and
    encodes them as before.

    visual: the picture tower of an open_clip model

    Raises OtherTower for any other kind of tower.
    """
    check_tower(visual, "Joint")
    if reach_of(visual):
        raise OtherTower("Joint sees all frames at once already: choose a model with 2D patches")
    if visual.attn_pool is not None or visual.pool_type != "tok":
        raise OtherTower("Joint needs a picture tower that is read at its class token")
    if frames < 1:
        raise ValueError(f"frames must be 1 or more, not {frames}")
    table = visual.positional_embedding.new_zeros(frames, visual.transformer.width)
    visual.temporal_embedding = nn.Parameter(table.detach())


def encode_videos(visual: Any, pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Embeddings of whole videos, (videos, dim), un-normalised.

    visual: a tower that went through `use_joint_space_time`. While its table is zeros, a video
        whose frames are all alike gets the embedding of that picture, and so does a video of one
        frame: the class token counts for as many tokens as there are frames, so more frames do
        not make it fainter beside the patches.
    pixels: (videos, frames, 3, height, width), normalised as the model wants; any number of frames
        (the table is interpolated past its end); padding may hold anything
    mask: bool (videos, frames)

    Raises EmptyVideo.
    """
    check_mask(pixels, mask)
    counts = mask.sum(dim=1)
    kept = torch.arange(int(counts.max()), device=mask.device) < counts.unsqueeze(1)
    tokens = _placed_patches(visual, pixels[mask], kept)
    first = (visual.class_embedding + visual.positional_embedding[0]).to(tokens.dtype)
    hidden = torch.cat([first.expand(len(tokens), 1, -1), tokens], dim=1)
    hidden = run_blocks(visual, visual.ln_pre(hidden), key_bias=_key_bias(kept, hidden.shape[1]))
    return finish(visual, hidden)


def _placed_patches(visual: Any, pictures: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Patches with their places in space and time, (videos, frames · patches, width).

    pictures: the valid frames of all videos, one video after the other
    kept: bool (videos, frames), each video's frames in front
    """
    patches = visual.conv1(pictures).flatten(2).mT
    patches = patches + visual.positional_embedding[1:].to(patches.dtype)
    placed = patches.new_zeros(*kept.shape, *patches.shape[1:])
    placed[kept] = patches
    times = frame_positions(visual.temporal_embedding, kept).unsqueeze(-2)
    return (placed + times.to(patches.dtype)).flatten(1, 2)


def _key_bias(kept: torch.Tensor, tokens: int) -> torch.Tensor:
    """What is added for each key: the logarithm of how often it counts, (videos, tokens)."""
    patches = (tokens - 1) // kept.shape[1]
    bias = kept.float().log().repeat_interleave(patches, dim=1)
    return torch.cat([kept.sum(dim=1, keepdim=True).float().log(), bias], dim=1)
