"""Where the first strokes are put: where the model looks and the picture is darker than around.

CLIPasso (Vinker et al., 2022), section 3.3; the dark bands are those of XDoG (Winnemöller et al.,
"XDoG: An eXtended difference-of-Gaussians compendium", 2012).
"""

import cv2
import numpy as np
import torch
from torch.nn import functional

from models.towers.blocks import stretched
from models.towers.hidden_maps import PictureTower
from sketch.canvas import Target
from sketch.strokes import CANVAS

_LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)
_NARROW_SIGMA_PX = 0.8
_WIDE_SIGMA_PX = 8.0
_WIDE_WEIGHT = 0.98
_STEEPNESS = 200.0
_FLAT = 1e-4  # a picture of one tone has no dark bands
_TEMPERATURE = 0.3
_STEP = 0.05  # of the canvas, from one control point to the next: half of it either way


def xdog(picture: np.ndarray) -> np.ndarray:
    """What is darker than its surroundings: float32 (height, width), 1 there, 0 on paper.

    picture: float32 RGB (height, width, 3), 0 to 1
    """
    grey = picture.astype(np.float32) @ _LUMINANCE
    difference = _blurred(grey, _NARROW_SIGMA_PX) - _WIDE_WEIGHT * _blurred(grey, _WIDE_SIGMA_PX)
    # The paper's code lets go of what is very much darker; without that step fine lines stay whole.
    tone = np.tanh(_STEEPNESS * difference)
    if np.ptp(tone) < _FLAT:
        return np.zeros_like(grey)
    levels = cv2.normalize(tone, None, 0, 255, cv2.NORM_MINMAX).round().astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return (levels <= threshold).astype(np.float32)


def attention_saliency(tower: PictureTower, target: Target) -> np.ndarray:
    """Where strokes should begin: float32 (224, 224), 0 to 1; all zero where nothing stands out.

    The model's attention to the picture with its background faded, at dark bands of the subject.
    """
    picture = target.softened
    inputs = torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]
    shown = functional.interpolate(
        inputs, (tower.size, tower.size), mode="bilinear", align_corners=False, antialias=True
    )
    coarse = tower.attention(shown)[:, None].cpu()
    fine = functional.interpolate(coarse, (CANVAS, CANVAS), mode="bicubic", align_corners=False)
    attention = stretched(fine[:, 0])[0].numpy()
    saliency: np.ndarray = attention * xdog(picture) * target.mask
    return saliency.astype(np.float32)


def start_probabilities(saliency_map: np.ndarray) -> np.ndarray:
    """The chance of each pixel to be a start, same shape, summing to 1; zero where the map is."""
    chosen = saliency_map > 0
    if not chosen.any():
        return np.full(saliency_map.shape, 1 / saliency_map.size)
    heights = saliency_map.astype(np.float64) / _TEMPERATURE
    weights = np.where(chosen, np.exp(heights - heights.max()), 0.0)
    return np.asarray(weights / weights.sum())


def start_points(saliency_map: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Centres of `count` different pixels, more of them where the map is higher.

    saliency_map: (height, width), none negative. Once its pixels are used up, any pixel will do.

    returns: float32 (count, 2), x and y
    """
    rng = np.random.default_rng(seed)
    probabilities = start_probabilities(saliency_map).reshape(-1)
    possible = min(count, int(np.count_nonzero(probabilities)))
    chosen = rng.choice(len(probabilities), possible, replace=False, p=probabilities)
    if possible < count:
        rest = np.setdiff1d(np.arange(len(probabilities)), chosen)
        chosen = np.append(chosen, rng.choice(rest, count - possible, replace=False))
    row, column = np.divmod(chosen, saliency_map.shape[1])
    return np.stack([column, row], 1).astype(np.float32) + 0.5


def scribbles(starts: np.ndarray, seed: int) -> np.ndarray:
    """A short random stroke from each start: float32 (count, 4, 2), canvas pixels."""
    rng = np.random.default_rng(seed)
    steps = (rng.uniform(size=(len(starts), 3, 2)) - 0.5) * _STEP * CANVAS
    points = np.concatenate([starts[:, None], steps], axis=1).cumsum(1)
    return np.asarray(points, np.float32)


def _blurred(grey: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(grey, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
