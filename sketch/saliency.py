"""Where the paper's strokes begin: at random, where the model looks and the picture is dark.

Vinker et al. 2022, section 3.3.
"""

import cv2
import numpy as np
import torch
from torch.nn import functional

from models.hidden_maps import PictureTower
from sketch.strokes import CANVAS
from sketch.target import Target

_TEMPERATURE = 0.3
_STEP = 0.05  # of a scribble's inner points, as a share of the canvas
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
_LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)


def xdog(picture: np.ndarray) -> np.ndarray:
    """What is darker than its surroundings, float32 (height, width), 1 there and 0 on paper.

    picture: float32 RGB, 0 to 1. Winnemöller et al., "XDoG: An eXtended difference-of-Gaussians
    compendium", 2012, cut at Otsu's threshold.
    """
    grey = ((picture - _MEAN) / _DEVIATION) @ _LUMINANCE
    fine = cv2.GaussianBlur(grey, (0, 0), 0.8, borderType=cv2.BORDER_REFLECT)
    coarse = cv2.GaussianBlur(grey, (0, 0), 8.0, borderType=cv2.BORDER_REFLECT)
    difference = fine - 0.98 * coarse
    shade = np.where(difference < -0.1, 1.0, 1 + np.tanh(200 * difference))
    spread = float(shade.max() - shade.min())
    if spread < 1e-6:
        return np.zeros(grey.shape, np.float32)
    levels = np.round((shade - shade.min()) / spread * 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    paper = (levels > threshold).astype(np.float32)
    # Where a fine line is dark, the shade is 1, between black and the white of bright paper.
    return np.where(difference < -0.1, 1.0, 1 - paper).astype(np.float32)


def attention_saliency(tower: PictureTower, target: Target) -> np.ndarray:
    """Attention times darkness, float32 (224, 224), 0 to 1; 0 where no stroke may begin."""
    picture = torch.from_numpy(target.softened).permute(2, 0, 1)[None].to(tower.device)
    fitted = functional.interpolate(
        picture, size=(tower.size, tower.size), mode="bilinear", antialias=True
    )
    seen = functional.interpolate(
        tower.attention(fitted)[:, None], size=(CANVAS, CANVAS), mode="bicubic"
    )[0, 0]
    attention = seen.float().cpu().numpy()
    spread = max(float(attention.max() - attention.min()), 1e-9)
    return (xdog(target.softened) * (attention - attention.min()) / spread).astype(np.float32)


def start_probabilities(saliency: np.ndarray) -> np.ndarray:
    """A softmax over what is above 0, summing to 1; even where nothing is."""
    if not (saliency > 0).any():
        return np.full(saliency.shape, 1 / saliency.size)
    weights = np.where(saliency > 0, np.exp(saliency / _TEMPERATURE), 0.0)
    return np.asarray(weights / weights.sum())


def start_points(saliency: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Distinct pixels' corners, float32 (count, 2), x and y."""
    probabilities = start_probabilities(saliency)
    if np.count_nonzero(probabilities) < count:
        probabilities = 0.99 * probabilities + 0.01 / probabilities.size
    rng = np.random.default_rng([seed, 11])
    chosen = rng.choice(probabilities.size, count, replace=False, p=probabilities.ravel())
    rows, columns = np.divmod(chosen, saliency.shape[1])
    return np.stack([columns, rows], axis=1).astype(np.float32)


def scribbles(starts: np.ndarray, seed: int) -> np.ndarray:
    """Short random strokes from there, float32 (count, 4, 2)."""
    rng = np.random.default_rng([seed, 12])
    steps = _STEP * CANVAS * (rng.random((len(starts), 3, 2)) - 0.5)
    inner = starts[:, None] + np.cumsum(steps, axis=1)
    return np.concatenate([starts[:, None], inner], axis=1).astype(np.float32)
