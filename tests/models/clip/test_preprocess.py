"""Preprocessing on the tensor batch does what open_clip's own transform does."""

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from models.clip.preprocess import Preprocessing

TOLERANCE_GREY_LEVELS = 2.0  # of 255; Pillow and torch round the resized picture differently


def photo(height: int, width: int) -> np.ndarray:
    """A picture with smooth and sharp parts, as photographs have."""
    noise = np.random.default_rng(5).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))
    picture = smooth.copy()
    picture[height // 4 : height // 2, width // 4 : width // 2] = (255, 0, 30)
    return picture


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(360, 640), (640, 360), (224, 224), (100, 90), (224, 399)])
def test_equals_open_clips_transform(mode, interpolation, size):
    config = PreprocessCfg(resize_mode=mode, interpolation=interpolation, size=224)
    theirs = image_transform_v2(config, is_train=False)
    picture = photo(*size)
    ours = Preprocessing.from_config(vars(config))(torch.from_numpy(picture)[None])[0]
    difference = (ours - theirs(Image.fromarray(picture))).abs()
    grey_levels = difference * 255 * torch.tensor(config.std).view(3, 1, 1)
    assert grey_levels.max() <= TOLERANCE_GREY_LEVELS + 1e-3


def test_non_square_models_are_served():
    config = PreprocessCfg(size=(64, 96))
    picture = photo(200, 400)
    ours = Preprocessing.from_config(vars(config))(torch.from_numpy(picture)[None])
    theirs = image_transform_v2(config, is_train=False)(Image.fromarray(picture))
    assert ours.shape == (1, 3, 64, 96)
    assert (ours[0] - theirs).abs().max() * 255 * 0.28 <= TOLERANCE_GREY_LEVELS


def test_frames_of_the_models_size_are_only_cropped():
    preprocessing = Preprocessing.from_config(vars(PreprocessCfg(size=224)))
    frames = torch.from_numpy(photo(224, 400))[None]
    assert torch.equal(preprocessing.fit(frames), frames[:, :, 88:312].permute(0, 3, 1, 2))
