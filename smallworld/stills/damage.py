"""What cameras and encoders do to pictures: light, blur, noise, block compression."""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

_BLOCK = 8


def damage(
    frames: torch.Tensor, generator: torch.Generator, *, clip_lengths: Sequence[int] | None = None
) -> torch.Tensor:
    """Randomly damaged copies of `frames`, each in its own way.

    Float32 in 0..1, shape: (frames, 3, height, width); height and width are multiples of 8.
    `clip_lengths` tells how many frames after one another are of one clip: they are damaged alike;
    only the grain of the noise is each frame's own.
    """
    lengths = torch.ones(len(frames), dtype=torch.long)
    if clip_lengths is not None:
        lengths = torch.tensor(clip_lengths)
    frames = _relight(frames, lengths, generator)
    for harm, share in ((_blur, 0.6), (_add_noise, 0.5), (_compress, 0.5)):
        chosen = torch.rand(len(lengths), generator=generator) < share
        rows = chosen.repeat_interleave(lengths)
        frames[rows] = harm(frames[rows], lengths[chosen], generator).clamp_(0, 1)
    return frames


def _uniform(
    lengths: torch.Tensor, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """One number for each clip, the same for all its frames."""
    values = torch.rand(len(lengths), generator=generator) * (high - low) + low
    return values.repeat_interleave(lengths)[:, None, None, None]


def _relight(
    frames: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    gamma = _uniform(lengths, -0.3, 0.3, generator).exp()
    contrast = _uniform(lengths, 0.75, 1.15, generator)
    brightness = _uniform(lengths, -0.08, 0.08, generator)
    tint = 1 + 0.05 * torch.randn(len(lengths), 3, 1, 1, generator=generator)
    tint = tint.repeat_interleave(lengths, dim=0)
    lit = frames.clamp(1e-4, 1).pow_(gamma).mul_(tint * contrast)
    return lit.add_(0.5 - 0.5 * contrast + brightness).clamp_(0, 1)


def _blur(frames: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mixes in a softened copy."""
    share = _uniform(lengths, 0.0, 1.0, generator)
    softened = functional.avg_pool2d(
        functional.pad(frames, (1, 1, 1, 1), mode="replicate"), kernel_size=3, stride=1
    )
    return frames * (1 - share) + softened * share


def _add_noise(
    frames: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    strength = _uniform(lengths, 0.0, 0.05, generator)
    return frames + strength * torch.randn(frames.shape, generator=generator)


def _compress(
    frames: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Rounds the cosine coefficients of 8×8 blocks, finer ones more coarsely, as JPEG does."""
    step = _uniform(lengths, 0.002, 0.03, generator)[..., None, None]
    count, channels, height, width = frames.shape
    blocks = frames.reshape(count, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    blocks = blocks.transpose(3, 4)
    basis = _cosine_basis()
    coefficients = basis @ blocks @ basis.T
    order = torch.arange(_BLOCK)
    steps = step * (1 + order[:, None] + order[None, :])
    rounded = (coefficients / steps).round_().mul_(steps)
    return (basis.T @ rounded @ basis).transpose(3, 4).reshape(frames.shape)


def _cosine_basis() -> torch.Tensor:
    """The orthonormal cosine transform of length 8, one function a row."""
    order = torch.arange(_BLOCK)
    basis = torch.cos(math.pi / _BLOCK * (order[None, :] + 0.5) * order[:, None])
    return basis * torch.where(order[:, None] == 0, math.sqrt(1 / _BLOCK), math.sqrt(2 / _BLOCK))
