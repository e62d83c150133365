"""Probabilities of labels against formulas written out here; floors that pull hub labels down."""

import math

import pytest
import torch
from torch.nn import functional as F

from models.labels.prompts import NEUTRAL_SENTENCES
from models.labels.tagging import (
    FLOOR_ROWS,
    Background,
    Calibration,
    averaged_embeddings,
    best_labels,
    class_probabilities,
    measure_floor,
    rows_for_floor,
    tag_probabilities,
    tag_scores,
    unit_texts,
)

LN_100 = math.log(100)


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator), dim=-1)


VIDEOS, TEXTS = unit(5, 8, seed=1), unit(3, 4, 8, seed=2)


def test_class_probabilities_are_softmaxes_averaged_over_templates():
    found = class_probabilities(VIDEOS, TEXTS, logit_scale=math.log(20))
    for video in range(5):
        for label in range(4):
            expected = 0.0
            for template in range(3):
                odds = [math.exp(20 * float(VIDEOS[video] @ text)) for text in TEXTS[template]]
                expected += odds[label] / sum(odds) / 3
            assert float(found[video, label]) == pytest.approx(expected, abs=1e-5)


def test_class_probabilities_sum_to_one():
    sums = class_probabilities(VIDEOS, TEXTS, logit_scale=LN_100).sum(dim=1)
    torch.testing.assert_close(sums, torch.ones(5))


def test_one_template_is_a_plain_softmax():
    plain = (100 * VIDEOS @ TEXTS[0].T).softmax(dim=1)
    for texts in (TEXTS[:1], TEXTS[0]):
        torch.testing.assert_close(class_probabilities(VIDEOS, texts, logit_scale=LN_100), plain)


def test_doubled_or_reordered_templates_change_nothing():
    found = class_probabilities(VIDEOS, TEXTS, logit_scale=LN_100)
    for texts in (torch.cat([TEXTS, TEXTS]), TEXTS.flip(0)):
        torch.testing.assert_close(class_probabilities(VIDEOS, texts, logit_scale=LN_100), found)


def test_reordered_labels_reorder_the_probabilities():
    order = torch.tensor([2, 0, 3, 1])
    found = class_probabilities(VIDEOS, TEXTS, logit_scale=LN_100)
    moved = class_probabilities(VIDEOS, TEXTS[:, order], logit_scale=LN_100)
    torch.testing.assert_close(moved, found[:, order])


def test_a_factor_given_in_the_place_of_its_logarithm_is_refused():
    with pytest.raises(ValueError, match=r"a logit scale of 100\.0 is none"):
        class_probabilities(VIDEOS, TEXTS, logit_scale=100.0)
    with pytest.raises(ValueError, match=r"a logit scale of 10\.5 is none"):
        class_probabilities(VIDEOS, TEXTS, logit_scale=10.5)
    class_probabilities(VIDEOS, TEXTS, logit_scale=10.0)


def test_averaged_embeddings_are_unit_means_over_templates():
    stretched = TEXTS * torch.tensor([1.0, 5.0, 0.2])[:, None, None]
    expected = TEXTS.sum(dim=0) / TEXTS.sum(dim=0).norm(dim=-1, keepdim=True)
    torch.testing.assert_close(averaged_embeddings(stretched), expected)
    torch.testing.assert_close(averaged_embeddings(TEXTS[:1]), TEXTS[0])


def test_a_tags_probability_is_its_formula():
    background = Background(unit(6, 8, seed=3), torch.tensor([0.1, 0.0, -0.05, 0.02]))
    calibration = Calibration(0.7, -0.4)
    found = tag_probabilities(VIDEOS, TEXTS[0], background, calibration, logit_scale=math.log(30))
    for video in range(5):
        neutral = sum(math.exp(30 * float(VIDEOS[video] @ text)) for text in background.neutral)
        for label in range(4):
            cosine = float(VIDEOS[video] @ TEXTS[0][label])
            score = 30 * (cosine - float(background.label_floor[label])) - math.log(neutral)
            expected = 1 / (1 + math.exp(-(0.7 * score - 0.4)))
            assert float(found[video, label]) == pytest.approx(expected, abs=1e-5)


def test_without_examples_a_score_is_a_logit():
    background = Background.unmeasured(unit(6, 8, seed=3), labels=4)
    scores = tag_scores(VIDEOS, TEXTS[0], background, logit_scale=1.0)
    found = tag_probabilities(VIDEOS, TEXTS[0], background, Calibration(), logit_scale=1.0)
    torch.testing.assert_close(found, scores.sigmoid())


def test_tags_neither_exclude_nor_need_each_other():
    labels, neutral = torch.eye(4)[:2], torch.eye(4)[2:3]
    videos = F.normalize(torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]), dim=-1)
    background = Background(neutral, torch.tensor([0.2, 0.2]))
    found = tag_probabilities(videos, labels, background, Calibration(), logit_scale=LN_100)
    assert (found > 0.5).tolist() == [[True, True], [True, False], [False, False]]


def test_more_labels_change_no_tag():
    background = Background.unmeasured(unit(6, 8, seed=3), labels=4)
    scores = tag_scores(VIDEOS, TEXTS[0], background, logit_scale=LN_100)
    few = Background.unmeasured(background.neutral, labels=2)
    fewer = tag_scores(VIDEOS, TEXTS[0][:2], few, logit_scale=LN_100)
    torch.testing.assert_close(fewer, scores[:, :2])


def test_stored_half_precision_gives_nearly_the_same_probabilities():
    background = Background.unmeasured(unit(6, 8, seed=3), labels=4)
    exact = tag_scores(VIDEOS, TEXTS[0], background, logit_scale=LN_100)
    half = tag_scores(VIDEOS.half(), TEXTS[0].half(), background, logit_scale=LN_100)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, atol=0.15, rtol=0)


def test_a_hub_label_gets_a_high_floor_and_a_frequent_one_does_not():
    # Channel 0 is in everything and label 0 is all of it; label 1 holds in half of the videos.
    common, often, seldom = torch.eye(16)[:3]
    videos = 0.8 * common + 0.1 * unit(4000, 16, seed=4)
    videos[::2] += 0.5 * often
    labels = torch.stack([common, often, seldom])
    floor = measure_floor(F.normalize(videos, dim=-1), labels)
    assert float(floor[0]) > 0.5
    assert float((floor[1] - floor[2]).abs()) < 0.02
    assert float(floor.sum()) == pytest.approx(0, abs=1e-5)


def test_a_floor_is_the_low_quarter_of_a_labels_cosines():
    videos, labels = unit(8, 8, seed=5), unit(4, 8, seed=6)
    low = torch.tensor([sorted((videos @ label).tolist())[1] for label in labels])
    expected = (low - low.mean()) * 8 / 208
    torch.testing.assert_close(measure_floor(videos, labels), expected)


def test_a_small_library_hardly_moves_the_floor():
    common = torch.eye(16)[0]
    videos = F.normalize(common + 0.1 * unit(100, 16, seed=4), dim=-1)
    labels = torch.stack([common, torch.eye(16)[1]])
    few, many = measure_floor(videos[:10], labels), measure_floor(videos, labels, segments=100_000)
    assert 0 < float(few[0]) < 0.1 * float(many[0])
    assert torch.equal(measure_floor(videos[:0], labels), torch.zeros(2))


def test_some_rows_stand_for_a_large_library():
    rows = rows_for_floor(50_000)
    assert (rows.start, rows.stop, rows.step) == (0, 50_000, 6)
    assert FLOOR_ROWS <= len(rows) < 2 * FLOOR_ROWS
    assert len(rows_for_floor(3)) == 3
    assert len(rows_for_floor(0)) == 0
    videos, labels = unit(20_000, 8, seed=7), unit(5, 8, seed=8)
    chosen = videos[:: rows_for_floor(20_000).step]
    assert torch.equal(
        measure_floor(videos, labels), measure_floor(chosen, labels, segments=20_000)
    )


def test_the_best_labels_come_first():
    probabilities = torch.tensor([[0.1, 0.9, 0.4], [0.8, 0.2, 0.3]])
    numbers, values = best_labels(probabilities, most=2)
    assert numbers.tolist() == [[1, 2], [0, 2]]
    torch.testing.assert_close(values, torch.tensor([[0.9, 0.4], [0.8, 0.3]]))
    assert best_labels(probabilities, most=9)[0].shape == (2, 3)


def test_texts_are_scaled_to_unit_length():
    lengths = unit_texts(3 * TEXTS.half()).norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones(3, 4))


def test_the_neutral_sentences_are_twenty_different_ones():
    assert len(set(NEUTRAL_SENTENCES)) == len(NEUTRAL_SENTENCES) == 20
