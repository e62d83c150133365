"""In which order a model is shown the frames of a clip."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

FrameOrder = Literal["forward", "reverse", "random"]
FORWARD: FrameOrder = "forward"


def in_order(
    frames: torch.Tensor, mask: torch.Tensor, order: FrameOrder, random: np.random.Generator
) -> torch.Tensor:
    """Frames as they follow each other, from the last to the first, or shuffled clip by clip.

    Padding stays behind them, where `FrameCache.batch` puts it.

    frames: (clips, frames, …); mask: bool (clips, frames)
    """
    if order == FORWARD:
        return frames
    places = np.tile(np.arange(mask.shape[1]), (len(mask), 1))
    for row, count in enumerate(mask.sum(dim=1).tolist()):
        shown = random.permutation(count) if order == "random" else np.arange(count)[::-1]
        places[row, :count] = shown
    rows = torch.arange(len(mask)).unsqueeze(1)
    return frames[rows, torch.from_numpy(places)]
