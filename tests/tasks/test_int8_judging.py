"""A tower in int8 is taken only where it does no harm, and its figures are told."""

from dataclasses import replace

import numpy as np
import pytest

from tasks import int8_judging
from tasks.int8_judging import Judgement
from tests.tiny import tiny_backbone

GOOD = Judgement(0.9951, "things found", 80.0, 79.5, 20.0, 40.0)


@pytest.mark.parametrize(
    ("change", "is_good"),
    [({}, True), ({"cosine": 0.9899}, False), ({"now": 79.0}, True), ({"now": 78.9}, False)],
)
def test_both_figures_must_be_reached(change, is_good):
    assert replace(GOOD, **change).is_good == is_good


def test_the_figures_are_told_beside_what_they_must_be():
    assert str(GOOD) == (
        "mean cosine 0.9951 (at least 0.99), things found 79.5 % (before 80.0, and at most 1 "
        "less), 40 frames/s here (before 20)"
    )
    assert str(replace(GOOD, speed=20.0)).endswith(", so this processor gains nothing by it")


def test_a_model_is_judged_by_frames_and_texts_of_its_own():
    plain = tiny_backbone()
    frames = np.random.default_rng(3).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    same = int8_judging.judge(plain, plain, frames)
    assert (same.cosine, same.before, same.now) == (pytest.approx(1.0), 100.0, 100.0)
    other = int8_judging.judge(plain, tiny_backbone(2), frames)
    assert other.cosine < 0.9
    assert other.now < 80


def test_what_a_text_finds_first_must_stay_among_the_first_ten():
    plain = tiny_backbone()
    texts = int8_judging.normalised(plain.text_arrays(["a dog"] * 400))
    first, other = texts[0], np.roll(texts[0], 1)
    ours = np.stack([first, *[other] * 20])
    for worse, kept in ((9, 100.0), (10, 0.0)):
        # So many have come before it.
        theirs = np.stack([0.5 * first, *[first] * worse, *[other] * (20 - worse)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain, "text_arrays", lambda labels: texts[: len(labels)])
            assert int8_judging._kept_first(plain, ours, theirs) == kept


def test_each_is_as_fast_as_at_its_best_of_two_rounds_in_turn(monkeypatch):
    plain, other = tiny_backbone(), tiny_backbone(2)
    took_s = iter([(plain, 4.0), (other, 2.0), (plain, 0.5), (other, 8.0)])

    def seconds(backbone, frames) -> float:
        expected, took = next(took_s)
        assert backbone is expected
        return took

    monkeypatch.setattr(int8_judging, "_seconds", seconds)
    embedded, speeds = int8_judging._timed([plain, other], np.zeros((4, 32, 32, 3), np.uint8))
    assert speeds == [8.0, 2.0]
    assert next(took_s, None) is None
    assert [one.shape for one in embedded] == [(4, 24), (4, 24)]
    monkeypatch.undo()
    clock = iter([1.0, 3.5])
    monkeypatch.setattr(int8_judging.time, "perf_counter", lambda: next(clock))
    assert int8_judging._seconds(plain, np.zeros((1, 32, 32, 3), np.uint8)) == 2.5
