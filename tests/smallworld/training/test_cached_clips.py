from smallworld.training.cached_clips import CachedClips


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
