import torch

from smallworld.training.cached_clips import CachedClips
from smallworld.training.model import load_tokenizer
from smallworld.training.sources import ClipSource


def test_a_batch_is_fixed_by_its_step(cached: CachedClips) -> None:
    source = ClipSource(cached, load_tokenizer(), batch_size=16, seed=5)
    first, again, other = source.batch(3), source.batch(3), source.batch(4)
    assert first.token_ids is not None
    assert torch.equal(first.texts, again.texts)
    assert torch.equal(first.frames, again.frames)
    assert not torch.equal(first.texts, other.texts)
    assert len(first) == 16


def test_a_caption_never_counts_against_a_clip_of_which_it_is_true(cached: CachedClips) -> None:
    batch = ClipSource(cached, load_tokenizer(), batch_size=24, seed=5).batch(0)
    assert batch.ignored is not None
    assert not batch.ignored.diagonal().any()
    assert 0 < int(batch.ignored.sum()) < 24 * 23 / 4


def test_clips_run_backwards_with_the_frames_in_the_opposite_order(cached: CachedClips) -> None:
    source = ClipSource(cached, load_tokenizer(), batch_size=32, seed=5)
    seen = {1: 0, -1: 0}
    for step in range(3):
        batch = source.batch(step)
        for frames, mask in zip(batch.frames, batch.mask, strict=True):
            nearest = {
                (way, row): float((stored.flip(0) if way < 0 else stored).sub(frames[mask]).norm())
                for row in range(len(cached.clips))
                for stored in [cached.frame_embeddings[row][cached.mask[row]].float()]
                for way in (1, -1)
                if len(stored) == int(mask.sum())
            }
            seen[min(nearest, key=nearest.__getitem__)[0]] += 1
    assert seen[1] > 20
    assert seen[-1] > 20


def test_padding_stays_empty_under_the_noise(cached: CachedClips) -> None:
    batch = ClipSource(cached, load_tokenizer(), batch_size=32, seed=5).batch(0)
    assert not batch.frames[~batch.mask].any()
    stored = cached.frame_embeddings.float()
    assert not any(torch.equal(row, other) for row in batch.frames[:, 0] for other in stored[:, 0])
