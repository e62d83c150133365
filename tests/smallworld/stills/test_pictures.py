from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from smallworld.stills.pictures import (
    PLACES,
    Picture,
    PictureSampler,
    Placement,
    angle_word,
    is_at,
    is_held_out,
    place_word,
    size_word,
)
from smallworld.stills.scenes import SCENES
from smallworld.stills.things import load_things


def sampler(seed: int = 1) -> PictureSampler:
    return PictureSampler(load_things(), np.random.default_rng(seed))


def pairs(picture: Picture) -> set[tuple[str, str]]:
    return {(placement.thing, picture.scene) for placement in picture.placements}


def test_words_of_a_placement() -> None:
    placement = Placement("cat", x=0.2, y=0.8, size=0.28, angle_deg=-45)
    assert place_word(placement) == "bottom left"
    assert size_word(placement) == "small"
    assert angle_word(placement) == "tilted left"


def test_between_two_words_there_is_none() -> None:
    placement = Placement("cat", x=0.36, y=0.5, size=0.22, angle_deg=20)
    assert place_word(placement) is None
    assert size_word(placement) is None
    assert angle_word(placement) is None


@pytest.mark.parametrize(
    ("angle_deg", "word"),
    [
        (0, "upright"),
        (355, "upright"),
        (180, "upside down"),
        (-180, "upside down"),
        (90, "on its side"),
        (270, "on its side"),
        (45, "tilted right"),
        (315, "tilted left"),
    ],
)
def test_angles_are_named_whatever_the_turn_they_are_counted_in(angle_deg: int, word: str) -> None:
    assert angle_word(Placement("cat", 0.5, 0.5, 0.4, angle_deg)) == word


def test_a_corner_is_also_at_its_two_sides() -> None:
    placement = Placement("cat", 0.2, 0.2, 0.3)
    true_of = {
        word for word in ("left", "right", "top", "bottom", *PLACES) if is_at(placement, word)
    }
    assert true_of == {"left", "top", "top left"}


def test_a_thing_that_fills_the_picture_has_no_place() -> None:
    assert place_word(Placement("cat", 0.5, 0.5, 0.9)) is None


def test_the_same_seed_draws_the_same_pictures() -> None:
    first, second, other = sampler(), sampler(), sampler(2)
    drawn = [first.picture() for _ in range(20)]
    assert drawn == [second.picture() for _ in range(20)]
    assert drawn != [other.picture() for _ in range(20)]


def test_about_one_pair_of_thing_and_scene_in_ten_is_held_out() -> None:
    held = [is_held_out(thing.name, scene) for thing in load_things() for scene in SCENES]
    assert 0.08 < sum(held) / len(held) < 0.12


def test_training_pictures_never_show_a_held_out_pair() -> None:
    draw = sampler()
    pictures = [draw.picture() for _ in range(1500)]
    pictures += [draw.easy_picture() for _ in range(300)]
    for aspect in ("place", "size", "angle", "scene"):
        pictures += [p for _ in range(60) for p in draw.variants(4, aspect=aspect)]
    shown = set().union(*(pairs(picture) for picture in pictures))
    assert [pair for pair in shown if is_held_out(*pair)] == []


def test_held_out_pictures_show_only_held_out_pairs() -> None:
    draw = sampler()
    shown = set().union(*(pairs(draw.picture(held_out=True)) for _ in range(300)))
    assert all(is_held_out(*pair) for pair in shown)


@pytest.mark.parametrize(
    ("aspect", "word_of"), [("place", place_word), ("size", size_word), ("angle", angle_word)]
)
def test_variants_differ_in_one_aspect_only(
    aspect: str, word_of: Callable[[Placement], str | None]
) -> None:
    pictures = sampler().variants(4, aspect=aspect)
    placements = [picture.placements[0] for picture in pictures]
    assert len({word_of(placement) for placement in placements}) == 4
    assert len({(p.scene, p.scene_seed, p.placements[0].thing) for p in pictures}) == 1
    unchanged = {"place": "size", "size": "angle_deg", "angle": "size"}[aspect]
    assert len({getattr(placement, unchanged) for placement in placements}) == 1


def test_variants_of_scene_keep_the_thing_as_it_is() -> None:
    pictures = sampler().variants(4, aspect="scene")
    assert len({picture.scene for picture in pictures}) == 4
    assert len({picture.placements for picture in pictures}) == 1


def test_a_turned_pair_differs_in_the_angle_only() -> None:
    pairs_of_pictures = [sampler(seed).turned_pair() for seed in range(20)]
    for first, second in pairs_of_pictures:
        (one,), (other,) = first.placements, second.placements
        assert one.angle_deg != other.angle_deg
        assert replace(one, angle_deg=0) == replace(other, angle_deg=0)
        assert one.size >= 0.45
    angles = [picture.placements[0].angle_deg for pair in pairs_of_pictures for picture in pair]
    assert max(angles) - min(angles) > 270


def test_a_free_picture_keeps_to_the_pairs_that_may_be_shown() -> None:
    seen = [sampler(seed).free_picture() for seed in range(100)]
    assert not any(is_held_out(*pair) for picture in seen for pair in pairs(picture))
    assert min(picture.placements[0].x for picture in seen) < 0.1
    assert max(picture.placements[0].x for picture in seen) > 0.9
