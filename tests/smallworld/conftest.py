import pytest

from smallworld.stills.sprites import SpriteAtlas, shipped_atlas, shipped_things
from smallworld.training.cached_clips import CachedClips, cache_clips, training_clips
from smallworld.training.clip_frames import ClipPainter
from smallworld.training.model import load_own_model
from smallworld.training.still_batches import StillMaker


@pytest.fixture(scope="session")
def atlas() -> SpriteAtlas:
    return shipped_atlas()


@pytest.fixture(scope="session")
def still_maker(atlas: SpriteAtlas) -> StillMaker:
    return StillMaker(shipped_things(), atlas, seed=3, scene_variants=2)


@pytest.fixture(scope="session")
def cached(atlas: SpriteAtlas) -> CachedClips:
    painter = ClipPainter(atlas, seed=3, scene_variants=2)
    clips = training_clips(shipped_things(), seed=1, count=32)
    return cache_clips(load_own_model(), painter, clips, seed=1)
