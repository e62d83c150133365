"""Figures of recognised actions on small tables whose right answers can be read off."""

import math

import pytest
import torch

from models.metrics.actions import (
    NOTHING_SAID,
    confusion_matrix,
    detection,
    label_ranks,
    mean_average_precision,
    mean_per_class,
    predicted_labels,
    top_k,
)
from models.metrics.scores import ScoresNotFinite

# Four clips of three labels; the last one's label is only its second.
PROBABILITIES = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.1, 0.5, 0.4]])
LABELS = torch.tensor([0, 1, 2, 2])
SILENT = torch.full((1, 3), NOTHING_SAID)


def test_a_clip_is_right_when_its_label_is_among_the_most_probable():
    assert label_ranks(PROBABILITIES, LABELS).tolist() == [1, 1, 1, 2]
    assert top_k(PROBABILITIES, LABELS, 1) == 75.0
    assert top_k(PROBABILITIES, LABELS, 2) == 100.0


def test_a_model_that_finds_all_labels_as_probable_knows_nothing():
    same = torch.full((3, 3), 1 / 3)
    labels = torch.tensor([0, 1, 2])
    assert label_ranks(same, labels).tolist() == [3, 3, 3]
    assert top_k(same, labels, 2) == 0.0
    assert confusion_matrix(same, labels).diagonal().tolist() == [0, 0, 0]


def test_a_clip_of_which_nothing_was_said_is_wrong_however_many_guesses_are_allowed():
    probabilities, labels = torch.cat([PROBABILITIES, SILENT]), torch.tensor([0, 1, 2, 2, 0])
    assert label_ranks(probabilities, labels).tolist() == [1, 1, 1, 2, 4]
    assert top_k(probabilities, labels, 3) == 80.0
    assert top_k(probabilities, labels, 5) == 80.0


def test_of_several_labels_the_best_one_counts_and_the_others_are_no_rivals():
    probabilities = torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]])
    holds = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]).bool()
    assert label_ranks(probabilities, holds).tolist() == [1, 3, 5]


def test_no_number_is_refused_by_clip_and_label():
    probabilities = PROBABILITIES.clone()
    probabilities[2, 1] = torch.nan
    for measure in (label_ranks, mean_per_class, confusion_matrix):
        with pytest.raises(ScoresNotFinite, match="label 1 for clip 2 is NaN"):
            measure(probabilities, LABELS)
    with pytest.raises(ScoresNotFinite):
        mean_average_precision(probabilities, torch.ones(4, 3).bool())
    with pytest.raises(ScoresNotFinite):
        detection(probabilities, torch.ones(4, 3).bool(), threshold=0.5)


def test_other_shapes_and_no_clips_are_refused():
    with pytest.raises(ValueError, match="different shapes"):
        top_k(PROBABILITIES, torch.tensor([0, 1]), 1)
    with pytest.raises(ValueError, match="different shapes"):
        mean_average_precision(PROBABILITIES, torch.ones(4, 2).bool())
    with pytest.raises(ValueError, match="no clips"):
        top_k(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), 1)
    with pytest.raises(ValueError, match="no clips"):
        mean_average_precision(PROBABILITIES, torch.zeros(4, 3).bool())


def test_a_label_with_few_clips_weighs_as_much_as_one_with_many():
    probabilities = torch.tensor([[0.9, 0.1, 0.0]] * 9 + [[0.9, 0.1, 0.0]])
    labels = torch.tensor([0] * 9 + [1])
    found = mean_per_class(probabilities, labels)
    assert top_k(probabilities, labels, 1) == pytest.approx(90.0)
    assert found.mean == 50.0
    assert found.of_label[:2].tolist() == [100.0, 0.0]
    assert math.isnan(found.of_label[2])
    assert found.labels_without_clips == 1


def average_precision(scores: list[float], holds: list[bool]) -> float:
    """Of one label, by its definition: the worst order of equals, one clip after the other."""
    ordered = sorted(zip(scores, holds, strict=True), key=lambda clip: (-clip[0], clip[1]))
    precisions, found = [], 0
    for place, (_, is_right) in enumerate(ordered, start=1):
        found += is_right
        if is_right:
            precisions.append(found / place)
    return sum(precisions) / len(precisions)


def test_average_precision_of_one_label_can_be_counted_by_hand():
    probabilities = torch.tensor([[0.9], [0.8], [0.7], [0.6]])
    holds = torch.tensor([[1], [0], [1], [0]]).bool()
    # Clips without label take no part: both that are left are right.
    assert mean_average_precision(probabilities, holds).mean == 100.0
    other = torch.tensor([[0], [1], [0], [1]]).bool()
    found = mean_average_precision(probabilities.repeat(1, 2), torch.cat([holds, other], dim=1))
    assert found.of_label.tolist() == pytest.approx(
        [100 * (1 + 2 / 3) / 2, 100 * (1 / 2 + 2 / 4) / 2]
    )


def test_average_precision_agrees_with_its_definition_on_many_labels_with_equal_scores():
    random = torch.Generator().manual_seed(6)
    probabilities = torch.randint(0, 8, (60, 5), generator=random) / 8
    holds = torch.rand(60, 5, generator=random) < 0.3
    holds[:, 3] = False
    found = mean_average_precision(probabilities, holds)
    kept = holds.any(dim=1)
    expected = [
        100 * average_precision(probabilities[kept, label].tolist(), holds[kept, label].tolist())
        for label in (0, 1, 2, 4)
    ]
    assert found.of_label[[0, 1, 2, 4]].tolist() == pytest.approx(expected)
    assert found.mean == pytest.approx(sum(expected) / 4)
    assert found.labels_without_clips == 1


def test_a_clip_of_which_nothing_was_said_is_never_found_on_average():
    probabilities = torch.cat([torch.tensor([[0.9], [0.8]]), torch.tensor([[NOTHING_SAID]])])
    holds = torch.ones(3, 1).bool()
    assert mean_average_precision(probabilities, holds).mean == pytest.approx(100 * 2 / 3)


def test_detection_counts_what_was_said_and_what_should_have_been():
    probabilities = torch.tensor([[0.9, 0.6], [0.5, 0.4], [0.7, 0.1], [0.1, 0.2], [0.2, 0.8]])
    holds = torch.tensor([[1, 1], [1, 1], [0, 1], [0, 0], [0, 0]]).bool()
    found = detection(probabilities, holds, threshold=0.5)
    # Said: both of clip 0, one of 1, one wrong one of 2 and one of 4.
    assert found.precision == pytest.approx(100 * 3 / 5)
    assert found.recall == pytest.approx(100 * 3 / 5)
    assert found.silent == 50.0


def test_detection_has_no_figure_for_what_never_happened():
    found = detection(torch.zeros(2, 2), torch.ones(2, 2).bool(), threshold=0.5)
    assert (found.precision, found.recall, found.silent) == (None, 0.0, None)


def test_rows_of_the_confusion_matrix_add_up_to_the_clips_of_each_label():
    probabilities, labels = torch.cat([PROBABILITIES, SILENT]), torch.tensor([0, 1, 2, 2, 0])
    assert predicted_labels(probabilities, labels).tolist() == [0, 1, 2, 1, -1]
    assert confusion_matrix(probabilities, labels).tolist() == [
        [1, 0, 0, 1],
        [0, 1, 0, 0],
        [0, 1, 1, 0],
    ]


def test_the_diagonal_of_the_confusion_matrix_agrees_with_top_1():
    random = torch.Generator().manual_seed(8)
    probabilities = torch.randint(0, 3, (50, 4), generator=random) / 3
    labels = torch.randint(0, 4, (50,), generator=random)
    right = int(confusion_matrix(probabilities, labels).diagonal().sum())
    assert 2 * right == top_k(probabilities, labels, 1)
