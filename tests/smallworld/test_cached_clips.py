import pytest
import torch

from smallworld.cached_clips import CachedClips, ClipSource, cache_clips, training_clips
from smallworld.clip_frames import ClipPainter
from smallworld.model import load_model, load_tokenizer
from smallworld.sprites import SpriteAtlas, shipped_things


@pytest.fixture(scope="module")
def cached(atlas: SpriteAtlas) -> CachedClips:
    painter = ClipPainter(atlas, seed=3, scene_variants=2)
    clips = training_clips(shipped_things(), seed=1, count=32)
    return cache_clips(load_model(), painter, clips, seed=1)


def test_every_real_frame_has_an_embedding_and_padding_has_none(cached: CachedClips) -> None:
    assert cached.frame_embeddings.shape == (*cached.mask.shape, 256)
    assert cached.mask.shape[0] == 32
    assert int(cached.mask.sum(dim=1).min()) >= 8
    lengths = cached.frame_embeddings.float().norm(dim=-1)
    assert bool((lengths[cached.mask] > 0).all())
    assert not lengths[~cached.mask].any()


def test_training_clips_come_in_groups_of_the_same_things(cached: CachedClips) -> None:
    for start in range(0, 24, 6):
        group = cached.clips[start : start + 6]
        things = {frozenset(p.thing for p in clip.picture.placements) for clip in group}
        assert len(things) == 1
        assert len({clip.picture.scene for clip in group}) == 1
        assert len({(clip.event, clip.speed) for clip in group}) > 1


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
