"""Batches of pairs: the same whenever they are asked for, and no pair forgotten."""

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.datasets.clips import CaptionedClip, Dataset, DatasetError
from indexer.datasets.frames import pair_batches
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.pair_batches import BatchPlan, PairSource
from indexer.reading.sampling import Sampling
from tests.tiny import tiny_backbone


def dataset_of(captions_per_video: list[int]) -> Dataset:
    """Videos with so many captions each; a caption is its own position as text."""
    owners = [video for video, count in enumerate(captions_per_video) for _ in range(count)]
    clips = [
        CaptionedClip(f"v{video}", Path(f"{video}.mp4"), str(row))
        for row, video in enumerate(owners)
    ]
    return Dataset("made up", "train", tuple(clips))


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture
def cache(backbone, tmp_path: Path) -> FrameCache:
    """A cache with 40 videos that were never decoded: video v has v % 3 + 1 frames, all v."""
    cache = FrameCache.of_embeddings(tmp_path, backbone, Sampling(frames=3))
    windows = dataset_of([1] * 40).windows
    with cache._store.filling() as appender:
        for video, window in enumerate(windows):
            appender.add(window, None, np.full((video % 3 + 1, 24), video, np.float16))
    return cache


def source_of(dataset: Dataset, cache: FrameCache, **plan) -> PairSource:
    return PairSource(dataset, cache, BatchPlan(**plan), tokenize=row_tokens)


def row_tokens(texts: list[str]) -> torch.Tensor:
    return torch.tensor([[int(text)] for text in texts])


def epoch(source: PairSource, number: int) -> list[list[int]]:
    """The clips of each batch."""
    steps = range(number * source.steps_per_epoch, (number + 1) * source.steps_per_epoch)
    return [source.batch(step).token_ids[:, 0].tolist() for step in steps]


def test_rows_of_a_batch_belong_together(cache):
    dataset = dataset_of([2] * 40)
    batch = source_of(dataset, cache, batch_size=16).batch(3)
    assert batch.frame_embeddings.shape == (16, 3, 24)
    assert batch.frame_embeddings.dtype == torch.float32
    for row in range(16):
        video = batch.video_ids[row].item()
        assert batch.token_ids[row].item() // 2 == video
        assert batch.mask[row].sum() == video % 3 + 1
        assert batch.frame_embeddings[row, 0].tolist() == [float(video)] * 24
        assert not batch.frame_embeddings[row, video % 3 + 1 :].any()


def test_ready_text_embeddings_come_in_the_place_of_tokens(cache):
    dataset = dataset_of([1] * 40)
    embeddings = torch.arange(40.0)[:, None].repeat(1, 24)
    source = PairSource(dataset, cache, BatchPlan(batch_size=8), text_embeddings=embeddings)
    batch = source.batch(0)
    assert batch.token_ids is None
    assert batch.text_embeddings[:, 0].tolist() == batch.video_ids.tolist()


def test_pixels_stay_as_they_are(backbone, tmp_path):
    cache = FrameCache.of_pixels(tmp_path, backbone.preprocessing, Sampling(frames=2))
    dataset = dataset_of([1, 1])
    with cache._store.filling() as appender:
        for window in dataset.windows:
            appender.add(window, None, np.full((1, 3, 32, 32), 9, np.uint8))
    batch = source_of(dataset, cache, batch_size=2).batch(0)
    assert (batch.pixels.shape, batch.pixels.dtype) == ((2, 2, 3, 32, 32), torch.uint8)
    assert batch.frame_embeddings is None


def test_expanded_epochs_pass_once_over_all_pairs_in_another_order_each(cache):
    source = source_of(dataset_of([1, 5, 2] * 10), cache, batch_size=16)
    assert source.steps_per_epoch == 5
    first, second = (list(chain(*epoch(source, number))) for number in (0, 1))
    assert sorted(first) == sorted(second) == list(range(80))
    assert first != second


def test_one_caption_epochs_pass_once_over_all_videos(cache):
    source = source_of(dataset_of([1, 5, 2] * 10), cache, batch_size=10, pairs="one_caption")
    assert source.steps_per_epoch == 3
    owners = dataset_of([1, 5, 2] * 10).video_of_clip
    chosen = [list(chain(*epoch(source, number))) for number in range(4)]
    for clips in chosen:
        assert sorted(owners[clip] for clip in clips) == list(range(30))
    # In time another caption is chosen.
    assert len(set(map(tuple, map(sorted, chosen)))) == 4


def test_a_batch_does_not_depend_on_what_was_asked_before(cache):
    dataset = dataset_of([3] * 40)
    plan = {"batch_size": 8, "unique_videos": True}
    forwards, backwards = source_of(dataset, cache, **plan), source_of(dataset, cache, **plan)
    steps = (0, 3, 20, 47)
    there = {step: forwards.batch(step).token_ids.tolist() for step in steps}
    back = {step: backwards.batch(step).token_ids.tolist() for step in reversed(steps)}
    assert there == back


def test_another_seed_gives_another_order(cache):
    dataset = dataset_of([3] * 40)
    assert epoch(source_of(dataset, cache, batch_size=8, seed=1), 0) != epoch(
        source_of(dataset, cache, batch_size=8, seed=2), 0
    )


@pytest.mark.parametrize(
    ("captions", "batch_size", "steps"),
    [
        ([20] * 40, 32, 25),
        ([1, 2, 30] * 10, 8, 41),
        # Two videos have nearly all captions: only so many batches of different videos exist.
        ([100, 100, 1, 1, 1, 1], 3, 4),
        ([5] * 8, 8, 5),
    ],
)
def test_unique_batches_never_hold_a_video_twice(cache, captions, batch_size, steps):
    dataset = dataset_of(captions)
    source = source_of(dataset, cache, batch_size=batch_size, unique_videos=True)
    assert source.steps_per_epoch == steps
    for number in (0, 1):
        batches = epoch(source, number)
        for clips in batches:
            assert len(clips) == batch_size
            assert len({dataset.video_of_clip[clip] for clip in clips}) == batch_size
        assert max(Counter(chain(*batches)).values()) == 1


def test_too_little_for_one_batch_is_an_error_that_says_what_to_do(cache):
    with pytest.raises(DatasetError, match=r"5 captions of 1 videos .* choose a smaller batch"):
        source_of(dataset_of([5]), cache, batch_size=2, pairs="one_caption")
    with pytest.raises(DatasetError, match="too few for one batch of 8"):
        source_of(dataset_of([5]), cache, batch_size=8)


def test_texts_come_in_one_form_only(cache):
    with pytest.raises(ValueError, match="either tokenize or text_embeddings"):
        PairSource(dataset_of([2, 2]), cache, BatchPlan(batch_size=2))


def test_chance_is_the_same_in_all_versions_so_that_runs_can_go_on(cache):
    source = source_of(dataset_of([1] * 40), cache, batch_size=8)
    order = np.random.default_rng([42, 2]).permutation(40)
    assert epoch(source, 2) == order.reshape(5, 8).tolist()
    # Captions of one video may meet in a batch where nobody said otherwise.
    source = source_of(dataset_of([20, 20]), cache, batch_size=8)
    assert epoch(source, 2) == order.reshape(5, 8).tolist()


def test_all_captions_are_passed_over_unless_it_is_said():
    plan = BatchPlan(8)
    assert (plan.pairs, plan.unique_videos, plan.seed) == ("expanded", False, 42)


@pytest.mark.parametrize(
    ("captions", "batch_size", "steps"),
    [([3, 3], 2, 3), ([9, 1], 2, 1), ([1, 1], 2, 1), ([4, 2, 2], 2, 4), ([2, 2, 2], 3, 2)],
)
def test_as_many_batches_of_different_videos_are_made_as_there_can_be(
    cache, captions, batch_size, steps
):
    source = source_of(dataset_of(captions), cache, batch_size=batch_size, unique_videos=True)
    assert source.steps_per_epoch == steps
    for batch in epoch(source, 0):
        videos = np.repeat(range(len(captions)), captions)[batch]
        assert len(set(videos.tolist())) == batch_size


def test_where_nothing_can_be_swapped_videos_are_dealt_out_in_turn(cache, monkeypatch):
    monkeypatch.setattr(pair_batches, "_TRIES", 0)
    [first, second, third] = epoch(
        source_of(dataset_of([3, 3]), cache, batch_size=2, unique_videos=True), 0
    )
    for batch in (first, second, third):
        assert sorted(clip // 3 for clip in batch) == [0, 1]
    assert sorted(first + second + third) == list(range(6))


def test_one_batch_of_all_videos_is_enough(cache):
    assert source_of(dataset_of([1] * 8), cache, batch_size=8).steps_per_epoch == 1
    one_each = source_of(dataset_of([2] * 8), cache, batch_size=8, pairs="one_caption")
    assert one_each.steps_per_epoch == 1
