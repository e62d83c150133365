"""Line drawings of the things: outlines and inner edges of their sprites, broken here and there.

They are made by filters alone, no stroke is fitted to anything. A model that learns from them and
from pictures knows both, as the large CLIP models do, which have seen drawings on the web.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from models.threads import one_thread
from smallworld.stills.pictures import Picture
from smallworld.stills.render import compose
from smallworld.stills.sprites import SpriteAtlas

# Lines are drawn at twice the size and averaged, which smooths them.
_FINER = 2
_GREY = torch.tensor([0.2126, 0.7152, 0.0722])


def line_drawings(
    pictures: Sequence[Picture], atlas: SpriteAtlas, generator: torch.Generator, *, size: int
) -> torch.Tensor:
    """The pictures' things in black lines on white, float32 in 0..1.

    shape: (pictures, 3, size, size). How thick and how broken the lines are, and how much is drawn
    inside the outline, differs from one to the next.
    """
    side = size * _FINER
    with one_thread():
        flat = torch.full((len(pictures), 3, side, side), 0.5)
        dark = torch.zeros_like(flat)
        painted = compose(flat, pictures, atlas)
        # What changes with the background is not covered: the things' outline.
        covered = 1 - (painted - compose(dark, pictures, atlas)).mean(dim=1, keepdim=True) * 2
        grey = (painted * _GREY[:, None, None]).sum(dim=1, keepdim=True)
        lines = torch.maximum(
            _outline(covered, generator), _inner_edges(grey, generator) * (covered > 0.9)
        )
        lines = _widened(lines, generator) * _unbroken(len(pictures), side, generator)
        ink = functional.avg_pool2d(lines, _FINER)
        darkness = _uniform(len(pictures), 0.7, 1.0, generator)
        return (1 - darkness * ink).expand(-1, 3, -1, -1).contiguous()


def _outline(covered: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One pixel inside the silhouette, left out of a few drawings."""
    shrunk = -functional.max_pool2d(-covered, 3, stride=1, padding=1)
    drawn = _uniform(len(covered), 0.0, 1.0, generator) < 0.93
    return (covered - shrunk).clamp(0, 1) * drawn


def _inner_edges(grey: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Ridges of the gradient, from very few of them to nearly all."""
    smooth = functional.avg_pool2d(grey, 5, stride=1, padding=2, count_include_pad=False)
    right = functional.pad(smooth[..., 2:] - smooth[..., :-2], (1, 1, 0, 0))
    down = functional.pad(smooth[..., 2:, :] - smooth[..., :-2, :], (0, 0, 1, 1))
    strength = (right.square() + down.square()).sqrt()
    across = torch.where(
        right.abs() > down.abs(),
        functional.max_pool2d(strength, (1, 3), stride=1, padding=(0, 1)),
        functional.max_pool2d(strength, (3, 1), stride=1, padding=(1, 0)),
    )
    wanted = _uniform(len(grey), 0.02, 0.3, generator)
    return ((strength >= across) & (strength > wanted)).float()


def _widened(lines: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Lines of one, two or three pixels."""
    two = functional.max_pool2d(functional.pad(lines, (0, 1, 0, 1)), 2, stride=1)
    three = functional.max_pool2d(lines, 3, stride=1, padding=1)
    thick = _uniform(len(lines), 0.0, 3.0, generator)
    return torch.where(thick < 1, lines, torch.where(thick < 2, two, three))


def _unbroken(count: int, side: int, generator: torch.Generator) -> torch.Tensor:
    """Where lines stand: up to half of the picture is left without any, in blots."""
    coarse = torch.randn(count, 1, side // 12, side // 12, generator=generator)
    noise = functional.interpolate(coarse, size=side, mode="bilinear", align_corners=False)
    return (noise > _uniform(count, -2.5, 0.0, generator)).float()


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """One number a drawing, shape: (count, 1, 1, 1)."""
    return (torch.rand(count, generator=generator) * (high - low) + low)[:, None, None, None]
