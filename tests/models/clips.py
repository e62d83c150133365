"""Clips of random pixels with ragged masks, and a small picture tower with lively weights."""

import torch
from torch import nn

from tests.models.tiny_clip import tiny_clip

MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0]]).bool()
ATTENTION_HEADS = 2


def random_tower() -> nn.Module:
    """Width 64, 2 blocks, pictures of 32 pixels in 4 patches, 48 channels; the same every time."""
    visual = tiny_clip(dim=48).visual
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in visual.named_parameters():
            if "weight" not in name or parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn(parameter.shape))
    return visual


def random_pixels(videos: int = 4, frames: int = 4, *, seed: int = 0) -> torch.Tensor:
    """(videos, frames, 3, 32, 32), normalised."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(videos, frames, 3, 32, 32, generator=generator)


def still_pixels() -> torch.Tensor:
    """As many, but nothing moves."""
    return random_pixels()[:, :1].expand(-1, 4, -1, -1, -1)


def double_weights(visual: nn.Module) -> dict[str, torch.Tensor]:
    """For formulas."""
    return {key: value.double() for key, value in visual.state_dict().items()}
