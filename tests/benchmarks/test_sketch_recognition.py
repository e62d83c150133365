import pytest

from benchmarks.sketch_recognition import Examination, examine, keyframes, rank_correlation
from sketch.drawing.artist import Artist
from sketch.drawing.recognition import Recogniser
from smallworld.stills.sprites import shipped_things
from tests.sketch.stills import bundled, bundled_tower


def test_every_way_of_drawing_has_its_row() -> None:
    frames = keyframes(2, seed=1)
    prompts = [[f"a photo of {thing.phrases[0]}"] for thing in shipped_things()]
    judge = Recogniser(bundled(), prompts)
    rows = examine(Artist(bundled_tower()), frames, Examination(frames, [judge, judge]), [3])
    assert [row.what for row in rows] == [
        "picture",
        "sketch, 3",
        "with the model's steps, 3",
        "Canny, 3",
    ]
    assert [row.strokes for row in rows] == [0, 3, 3, 3]
    assert rows[0].judge_top1 == rows[0].drawer_top1


def test_another_seed_shows_other_things() -> None:
    shown = [[frame.thing for frame in keyframes(5, seed=seed)] for seed in (1, 1, 2)]
    assert shown[0] == shown[1] != shown[2]


def test_rank_correlation_is_spearmans() -> None:
    assert rank_correlation([1, 2, 3], [10, 200, 3000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9486833)
