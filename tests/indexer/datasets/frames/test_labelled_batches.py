"""Batches of labelled clips: the same whenever they are asked for, shifted anew each time."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.datasets.clips import DatasetError
from indexer.datasets.frames.augmentation import Augmentation
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.labelled_batches import LabelledClips, centre_frames
from indexer.datasets.labelled import LabelledClip, LabelledDataset
from indexer.reading.sampling import Sampling, SegmentSampling
from tests.tiny import tiny_backbone

SAMPLING = SegmentSampling(4, shifts=3)


def dataset_of(count: int) -> LabelledDataset:
    """Clip v has the label v % 3; the last one has none."""
    clips = [LabelledClip(f"v{at}", Path(f"{at}.mp4"), (at % 3,)) for at in range(count - 1)]
    clips.append(LabelledClip(f"v{count - 1}", Path(f"{count - 1}.mp4"), ()))
    return LabelledDataset("made up", "train", ("a", "b", "c"), tuple(clips))


def put(cache: FrameCache, rows_of_clip) -> None:
    """Into the cache, without decoding anything."""
    with cache._store.filling() as appender:
        for clip, window in enumerate(dataset_of(40).windows):
            appender.add(window, None, rows_of_clip(clip))


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture
def cache(backbone, tmp_path: Path) -> FrameCache:
    """Frame f of clip v is the embedding (v, f, 0, 0, …)."""
    cache = FrameCache.of_embeddings(tmp_path, backbone, SAMPLING)
    frames = np.arange(12)
    put(
        cache,
        lambda clip: np.pad([[clip, frame] for frame in frames], ((0, 0), (0, 22))).astype("f2"),
    )
    return cache


def clips_of(source: LabelledClips, epoch: int) -> list[list[int]]:
    steps = range(epoch * source.steps_per_epoch, (epoch + 1) * source.steps_per_epoch)
    return [source.batch(step).frames[:, 0, 0].int().tolist() for step in steps]


def test_rows_of_a_batch_belong_together(cache):
    batch = LabelledClips(dataset_of(40), cache, batch_size=16, seed=1).batch(0)
    clips = batch.frames[:, 0, 0].long()
    assert (batch.frames[:, :, 0] == clips[:, None]).all()
    expected = torch.nn.functional.one_hot(clips % 3, 3).bool() & (clips != 39)[:, None]
    assert (batch.labels == expected).all()
    assert (batch.mask.shape, batch.frames.dtype) == ((16, 4), torch.float32)
    assert batch.mask.all()


def test_an_epoch_has_every_clip_once_in_an_order_of_its_own(cache):
    source = LabelledClips(dataset_of(40), cache, batch_size=8, seed=1)
    first, second = clips_of(source, 0), clips_of(source, 1)
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(40))
    assert first != second


def test_the_same_step_gives_the_same_batch_in_another_run(cache):
    batches = [
        LabelledClips(dataset_of(40), cache, batch_size=8, seed=seed).batch(7).frames
        for seed in (1, 1, 2)
    ]
    assert torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])


def test_frames_are_shifted_within_their_segments(cache):
    source = LabelledClips(dataset_of(40), cache, batch_size=40, seed=1)
    frames = torch.stack([source.batch(step).frames[:, :, 1] for step in range(5)])
    assert (frames // 3 == torch.arange(4)).all()
    assert (frames[0] != frames[1]).any()


def test_measuring_takes_the_centres(cache):
    frames, mask = centre_frames(dataset_of(40), cache, 10, 13)
    assert frames[:, :, :2].tolist() == [[[v, 1], [v, 4], [v, 7], [v, 10]] for v in (10, 11, 12)]
    assert (mask.shape, frames.dtype) == ((3, 4), torch.float32)


@pytest.fixture
def pixels(backbone, tmp_path: Path) -> FrameCache:
    cache = FrameCache.of_pixels(tmp_path, backbone.preprocessing, SAMPLING)
    random = np.random.default_rng(0)
    put(cache, lambda _: random.integers(0, 256, (12, 3, 32, 32), np.uint8))
    return cache


def test_pixels_are_changed_by_step_and_row_alone(pixels):
    augmentation = Augmentation((24, 24), flip=True)
    source, again = (
        LabelledClips(dataset_of(40), pixels, batch_size=size, seed=1, augmentation=augmentation)
        for size in (4, 8)
    )
    first = source.batch(0).pixels
    assert (first.shape, first.dtype) == ((4, 4, 3, 24, 24), torch.uint8)
    assert torch.equal(first, source.batch(0).pixels)
    assert torch.equal(again.batch(0).pixels[:2], again.batch(0).pixels[:2])
    assert not torch.equal(first, source.batch(10).pixels)


def test_pixels_stay_as_they_are_without_augmentation(pixels):
    batch = LabelledClips(dataset_of(40), pixels, batch_size=4, seed=1).batch(0)
    assert batch.pixels.shape == (4, 4, 3, 32, 32)


def test_too_few_clips_for_a_batch_are_an_error(cache):
    with pytest.raises(DatasetError, match="40 clips in its split 'train': too few for one batch"):
        LabelledClips(dataset_of(40), cache, batch_size=41, seed=1)


def test_another_way_of_sampling_is_refused(backbone, tmp_path):
    cache = FrameCache.of_embeddings(tmp_path, backbone, Sampling(frames=3))
    with pytest.raises(ValueError, match="sampled by segments"):
        LabelledClips(dataset_of(40), cache, batch_size=4, seed=1)


def test_chance_is_the_same_in_all_versions_so_that_runs_can_go_on(cache, pixels):
    clips = np.random.default_rng([5, 2]).permutation(40)[8:16]
    source = LabelledClips(dataset_of(40), cache, batch_size=8, seed=5)
    batch = source.batch(11)  # the second of the third epoch, of five batches each
    shifts = SAMPLING.shifted(8, np.random.default_rng([5, 11, 7]))
    assert batch.frames[:, 0, 0].tolist() == clips.tolist()
    assert batch.frames[:, :, 1].tolist() == shifts.tolist()
    augmentation = Augmentation((24, 24), flip=True)
    changed = LabelledClips(
        dataset_of(40), pixels, batch_size=8, seed=5, augmentation=augmentation
    ).batch(11)
    plain = LabelledClips(dataset_of(40), pixels, batch_size=8, seed=5).batch(11)
    for row in range(len(clips)):
        expected = augmentation(plain.pixels[row], np.random.default_rng([5, 11, row, 13]))
        assert torch.equal(changed.pixels[row], expected)


def test_a_batch_may_be_all_that_there_is(cache):
    source = LabelledClips(dataset_of(40), cache, batch_size=40, seed=1)
    assert source.steps_per_epoch == 1
    assert LabelledClips(dataset_of(40), cache, batch_size=13, seed=1).steps_per_epoch == 3
