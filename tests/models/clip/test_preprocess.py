"""Preprocessing does what open_clip's own transform does."""

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from models.clip.preprocess import Preprocessing


def prepared(config: PreprocessCfg, picture: np.ndarray) -> torch.Tensor:
    preprocessing = Preprocessing.from_config(vars(config))
    fitted = torch.from_numpy(preprocessing.fit(picture[None])).permute(0, 3, 1, 2)
    return preprocessing.normalise(fitted)[0]


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
    ours = prepared(config, picture)
    torch.testing.assert_close(ours, theirs(Image.fromarray(picture)), atol=1e-6, rtol=0)


def test_non_square_models_are_served():
    config = PreprocessCfg(size=(64, 96))
    picture = photo(200, 400)
    ours = prepared(config, picture)
    theirs = image_transform_v2(config, is_train=False)(Image.fromarray(picture))
    assert ours.shape == (3, 64, 96)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_frames_of_the_models_size_are_only_cropped():
    preprocessing = Preprocessing.from_config(vars(PreprocessCfg(size=224)))
    frames = photo(224, 400)[None]
    assert np.array_equal(preprocessing.fit(frames), frames[:, :, 88:312])


def test_an_identity_is_all_that_is_done_to_a_picture():
    preprocessing = Preprocessing.from_config(vars(PreprocessCfg(size=(64, 96), fill_color=7)))
    assert preprocessing.identity() == {
        "size": (64, 96),
        "mean": (0.48145466, 0.4578275, 0.40821073),
        "std": (0.26862954, 0.26130258, 0.27577711),
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "fill_color": 7,
    }
    assert preprocessing.short_side == 96


@pytest.mark.parametrize(
    ("size", "left", "top"), [((10, 6), 2, 0), ((10, 7), 1, 0), ((7, 10), 0, 1)]
)
def test_padding_lies_on_both_sides_and_has_the_fill_colour(size, left, top):
    config = PreprocessCfg(size=10, resize_mode="longest", fill_color=200)
    fitted = Preprocessing.from_config(vars(config)).fit(np.zeros((1, *size, 3), np.uint8))
    expected = np.full((1, 10, 10, 3), 200, np.uint8)
    expected[:, top : top + size[0], left : left + size[1]] = 0
    assert np.array_equal(fitted, expected)
