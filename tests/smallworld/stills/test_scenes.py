import numpy as np
import pytest

from smallworld.stills.scenes import SCENES, draw_scene
from smallworld.words import grammar


def test_every_scene_has_words() -> None:
    assert set(grammar.SCENE_PHRASES) == set(SCENES)
    assert set(grammar.SCENE_ALONE) == set(SCENES)
    assert len(SCENES) >= 10


@pytest.mark.parametrize("scene", SCENES)
def test_a_seed_fixes_the_scene_and_another_seed_changes_it(scene: str) -> None:
    first = draw_scene(scene, seed=4, width=64, height=48)
    assert first.shape == (48, 64, 3)
    assert np.array_equal(first, draw_scene(scene, seed=4, width=64, height=48))
    assert not np.array_equal(first, draw_scene(scene, seed=5, width=64, height=48))


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_looks_the_same_at_another_resolution(scene: str) -> None:
    small = draw_scene(scene, seed=4, width=60, height=60).astype(float)
    large = draw_scene(scene, seed=4, width=240, height=240).astype(float)
    shrunk = large.reshape(60, 4, 60, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - shrunk).mean() < 8
