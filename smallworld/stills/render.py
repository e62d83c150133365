"""Pictures drawn as tensors, at any resolution: sprites composed over scenes."""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import SpriteAtlas


def compose(
    backgrounds: torch.Tensor, pictures: Sequence[Picture], atlas: SpriteAtlas
) -> torch.Tensor:
    """The pictures' things drawn over their backgrounds.

    `backgrounds` is float32 in 0..1, shape: (pictures, 3, height, width); the result is alike.
    """
    frames = backgrounds.clone()
    most = max(len(picture.placements) for picture in pictures)
    for layer in range(most):
        rows = [i for i, picture in enumerate(pictures) if len(picture.placements) > layer]
        _draw_layer(frames, rows, [pictures[i].placements[layer] for i in rows], atlas)
    return frames


def _draw_layer(
    frames: torch.Tensor, rows: list[int], placements: list[Placement], atlas: SpriteAtlas
) -> None:
    height, width = frames.shape[-2:]
    by_side: dict[int, list[int]] = {}
    for i, placement in enumerate(placements):
        by_side.setdefault(atlas.side_for(placement.size * height), []).append(i)
    for side, members in by_side.items():
        group = [placements[i] for i in members]
        box = _bounding_box(group, height, width)
        if box is None:
            continue
        top, bottom, left, right = box
        sprites = atlas.levels[side][[atlas.index[p.thing] for p in group]].float().div_(255)
        grid = _sampling_grid(group, box, height, width)
        drawn = functional.grid_sample(sprites, grid, align_corners=False)
        if any(placement.opacity < 1 for placement in group):
            drawn *= _opacities(group)
        targets = torch.tensor([rows[i] for i in members])
        covered = frames[targets, :, top:bottom, left:right] * (1 - drawn[:, 3:])
        frames[targets, :, top:bottom, left:right] = covered + drawn[:, :3]


def _opacities(placements: Sequence[Placement]) -> torch.Tensor:
    """How much of each thing is there, shape: (things, 1, 1, 1); colours are premultiplied."""
    opacities = [placement.opacity for placement in placements]
    return torch.tensor(opacities)[:, None, None, None]


def _bounding_box(
    placements: Sequence[Placement], height: int, width: int
) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right in pixels of what the things can touch at any angle."""
    offset = (width - height) / 2
    reach = [p.size * math.sqrt(0.5) * height for p in placements]
    left = min(offset + p.x * height - r for p, r in zip(placements, reach, strict=True))
    right = max(offset + p.x * height + r for p, r in zip(placements, reach, strict=True))
    top = min(p.y * height - r for p, r in zip(placements, reach, strict=True))
    bottom = max(p.y * height + r for p, r in zip(placements, reach, strict=True))
    box = (
        max(0, math.floor(top)),
        min(height, math.ceil(bottom)),
        max(0, math.floor(left)),
        min(width, math.ceil(right)),
    )
    return box if box[0] < box[1] and box[2] < box[3] else None


def _sampling_grid(
    placements: Sequence[Placement], box: tuple[int, int, int, int], height: int, width: int
) -> torch.Tensor:
    """Where in its sprite each pixel of the box lies, shape: (things, rows, columns, 2)."""
    top, bottom, left, right = box
    ys = (torch.arange(top, bottom) + 0.5) / height
    xs = (torch.arange(left, right) + 0.5 - (width - height) / 2) / height
    values = torch.tensor([(p.x, p.y, p.size, math.radians(p.angle_deg)) for p in placements])
    centre_x, centre_y, size, angle = (column[:, None, None] for column in values.unbind(1))
    right_by = (xs[None, None, :] - centre_x) * 2 / size
    down_by = (ys[None, :, None] - centre_y) * 2 / size
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack(
        [cosine * right_by + sine * down_by, cosine * down_by - sine * right_by], dim=-1
    )
