"""When a hand that draws a sketch begins each stroke, and how long it takes over it."""

import numpy as np
import torch

from sketch.bezier import lengths
from sketch.strokes import Strokes

# A quick but unhurried hand; dots too are seen to be made.
_PIXELS_PER_S = 400.0
_LEAST_S = 0.1
# Nobody watches a preview for longer.
_LONGEST_S = 6.0


def drawing_times(strokes: Strokes) -> np.ndarray:
    """When each stroke begins and how long it takes, in seconds; float64 (strokes, 2).

    One stroke follows the other, each as long as its line is; the whole takes at most 6 s.
    """
    lengths_px = lengths(torch.from_numpy(strokes.points).double()).numpy()
    lengths_s = np.maximum(_LEAST_S, lengths_px / _PIXELS_PER_S)
    lengths_s *= min(1.0, _LONGEST_S / max(_LONGEST_S, float(lengths_s.sum())))
    return np.stack([lengths_s.cumsum() - lengths_s, lengths_s], axis=1)
