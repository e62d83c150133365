"""Values that belong to places of a picture: position embeddings, and maps of one number each."""

import torch
from torch.nn import functional


def fitted_positions(positions: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Position embeddings for another number of places.

    positions: (1 + side², width), one for the picture as a whole before those of a square grid
    grid: (rows, columns) of places wanted

    returns: (1 + rows * columns, width); the same tensor where the grid is the tower's own
    """
    side = round((len(positions) - 1) ** 0.5)
    if grid == (side, side):
        return positions
    whole, places = positions[:1], positions[1:]
    spread = places.T.reshape(1, -1, side, side)
    fitted = functional.interpolate(
        spread, grid, mode="bicubic", align_corners=False, antialias=True
    )
    return torch.cat([whole, fitted[0].flatten(1).T])


def stretched(maps: torch.Tensor) -> torch.Tensor:
    """Each map (batch, h, w) moved and scaled to 0..1; all zero where every place is alike."""
    least, greatest = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - least) / (greatest - least).clamp_min(1e-6)
