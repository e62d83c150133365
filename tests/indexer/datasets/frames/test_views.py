"""Ten samplings and three crops of a clip, and how they are kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.views import by_view, centre_crop, three_crops, with_margin
from indexer.reading.clip import ClipFrames, sample_clip
from indexer.reading.sampling import SegmentSampling
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from models.clip.patches import use_3d_patches
from models.clip.sources import LoadedModel
from tests.tiny import tiny_backbone


def ramp(height: int, width: int) -> np.ndarray:
    """One frame that grows brighter along its longer side."""
    along = np.arange(max(height, width), dtype=np.uint8)
    frame = np.broadcast_to(along if width > height else along[:, None], (height, width))
    return np.repeat(frame[None, :, :, None], 3, axis=3).copy()


def test_the_centre_is_cut_out_of_a_larger_picture():
    preprocessing = tiny_backbone().preprocessing  # 32 pixels, cut from 37
    wide = centre_crop(ramp(37, 77), preprocessing)
    assert wide.shape == (1, 32, 32, 3)
    assert wide[0, 0, [0, 31], 0].tolist() == [22, 53]
    assert centre_crop(ramp(77, 37), preprocessing)[0, [0, 31], 0, 0].tolist() == [22, 53]


@pytest.mark.parametrize("size", [(480, 640), (360, 640), (640, 360), (256, 256), (100, 120)])
def test_the_centre_is_what_published_models_of_actions_are_measured_on(size):
    picture = np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8)
    preprocessing = replace(tiny_backbone().preprocessing, size=(224, 224))
    scaled = Resize(256, InterpolationMode.BICUBIC)(Image.fromarray(picture))
    expected = np.asarray(CenterCrop(224)(scaled))
    assert np.array_equal(centre_crop(picture[None], preprocessing)[0], expected)


def test_crops_lie_side_by_side_in_a_wide_picture():
    preprocessing = tiny_backbone().preprocessing  # 32 pixels, cut from 37
    crops = three_crops(ramp(37, 77), preprocessing)
    assert crops.shape == (3, 32, 32, 3)
    assert crops[:, 0, 0, 0].tolist() == [0, 22, 45]
    assert crops[:, 0, 31, 0].tolist() == [31, 53, 76]


def test_crops_of_an_upright_picture_are_top_middle_and_bottom():
    crops = three_crops(ramp(77, 37), tiny_backbone().preprocessing)
    assert crops[:, 0, 0, 0].tolist() == [0, 22, 45]


def test_crops_of_another_shape_fill_what_they_are_cut_from():
    preprocessing = replace(tiny_backbone().preprocessing, size=(32, 64))
    crops = three_crops(ramp(37, 73), preprocessing)  # as large as it has to be
    assert crops.shape == (3, 32, 64, 3)
    assert crops[:, 0, 0, 0].tolist() == [0, 4, 9]


def test_every_shift_is_a_sampling_of_its_own():
    stored = torch.arange(12).reshape(1, 12, 1)
    views = by_view(stored, SegmentSampling(4, shifts=3))
    assert views[0, :, :, 0].tolist() == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_views_are_put_together_from_shifts_and_crops():
    sampling = SegmentSampling(2, shifts=2)
    # Stored frame by frame, the crops of each side by side: number = 10 · frame + crop.
    stored = torch.tensor([10 * frame + crop for frame in range(4) for crop in range(3)])
    views = by_view(stored.reshape(1, 12, 1), sampling, crops=3)[0, :, :, 0]
    assert views.tolist() == [[0, 20], [1, 21], [2, 22], [10, 30], [11, 31], [12, 32]]


def decoded(window: ClipWindow, sampling: SegmentSampling) -> ClipFrames:
    """Frames as large as pictures of 32 pixels are cut out of."""
    whole: dict[str, None] = {"start_s": None, "end_s": None}
    settings = IndexSettings()
    return sample_clip(window.path, sampling=sampling, short_side=37, settings=settings, **whole)


def test_crop_embeddings_are_kept_by_frame_and_crop(good_videos, tmp_path):
    backbone, sampling = tiny_backbone(), SegmentSampling(2, shifts=2)
    window = ClipWindow(good_videos["plain.mp4"])
    cache = FrameCache.of_crops(tmp_path, backbone, sampling)
    assert cache.fill([window], processes=1).encoded == 1
    frames, mask = cache.batch([window])
    assert frames.shape == (1, 12, 24)
    assert mask.all()
    clip = decoded(window, sampling)
    expected = backbone.embed_frames(three_crops(clip.frames, backbone.preprocessing))
    torch.testing.assert_close(frames[0].float(), expected, atol=2e-3, rtol=0)
    views = by_view(frames, sampling, crops=3)
    torch.testing.assert_close(views[0, 4, 1], frames[0, 3 * 3 + 1])


def test_crops_are_cut_out_of_pictures_that_are_an_eighth_and_more_larger():
    assert with_margin((224, 224)) == (256, 256)
    assert with_margin((32, 64)) == (37, 73)


def test_the_centre_of_frames_is_kept_apart_from_whole_ones(good_videos, tmp_path):
    backbone, sampling = tiny_backbone(), SegmentSampling(2)
    window = ClipWindow(good_videos["plain.mp4"])
    made = [
        FrameCache.of_embeddings(tmp_path, backbone, sampling, crop="centre"),
        FrameCache.of_pixels(tmp_path, backbone.preprocessing, sampling, crop="centre"),
        FrameCache.of_embeddings(tmp_path, backbone, sampling),
        FrameCache.of_pixels(tmp_path, backbone.preprocessing, sampling),
    ]
    assert len({cache.folder for cache in made}) == 4
    for cache in made[:2]:
        assert cache.fill([window], processes=1).encoded == 1
    clip = decoded(window, sampling)
    centre = centre_crop(clip.frames, backbone.preprocessing)
    assert np.array_equal(made[1].batch([window])[0][0].numpy(), centre.transpose(0, 3, 1, 2))
    expected = backbone.embed_frames(centre)
    torch.testing.assert_close(made[0].batch([window])[0][0].float(), expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("kind", ["crops", "shifts"])
def test_frames_that_see_those_beside_them_see_those_of_their_own_view(good_videos, tmp_path, kind):
    plain = tiny_backbone()
    use_3d_patches(plain.model.visual)
    torch.nn.init.normal_(plain.model.visual.conv1.weight, std=0.05)
    backbone = Backbone.in_torch(
        plain.choice, LoadedModel(plain.model, plain.tokenize), torch.device("cpu")
    )
    sampling = SegmentSampling(3, shifts=2)
    window = ClipWindow(good_videos["plain.mp4"])
    crops = 3 if kind == "crops" else 1
    cache = (
        FrameCache.of_crops(tmp_path, backbone, sampling)
        if kind == "crops"
        else FrameCache.of_embeddings(tmp_path, backbone, sampling)
    )
    assert cache.fill([window], processes=1).encoded == 1
    clip = sample_clip(
        window.path,
        start_s=None,
        end_s=None,
        sampling=sampling,
        short_side=37 if kind == "crops" else 32,
        settings=IndexSettings(),
    )
    frames = clip.frames
    if kind == "crops":
        frames = three_crops(frames, backbone.preprocessing)
    views = by_view(cache.batch([window])[0], sampling, crops=crops)[0]
    for view, found in enumerate(views):
        expected = backbone.embed_frames(frames[view :: 2 * crops])
        torch.testing.assert_close(found.float(), expected, atol=2e-3, rtol=0)
