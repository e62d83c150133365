import pytest

from smallworld.sprites import SpriteAtlas, shipped_atlas, shipped_things
from smallworld.stills import StillMaker


@pytest.fixture(scope="session")
def atlas() -> SpriteAtlas:
    return shipped_atlas()


@pytest.fixture(scope="session")
def still_maker(atlas: SpriteAtlas) -> StillMaker:
    return StillMaker(shipped_things(), atlas, seed=3, scene_variants=2)
