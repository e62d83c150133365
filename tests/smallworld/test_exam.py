"""What the small world asks of a model."""

import numpy as np
import pytest

from smallworld.exam import Exam, exam


@pytest.fixture(scope="module")
def asked() -> Exam:
    return exam()


def test_each_question_has_an_answer_and_is_the_same_each_time(asked):
    again = exam()
    assert (len(asked.texts), asked.texts) == (200, again.texts)
    assert asked.shows.any(axis=1).all()
    assert not asked.shows.all(axis=1).any()
    assert asked.pictures.shape == (400, 96, 128, 3)
    assert (asked.pictures == again.pictures).all()


def test_the_first_picture_counts(asked):
    pictures = np.eye(asked.shows.shape[1])
    right, wrong = asked.shows.argmax(axis=1), asked.shows.argmin(axis=1)
    assert asked.first_right(pictures[right], pictures) == 100.0
    mixed = np.concatenate([right[:50], wrong[50:]])
    assert asked.first_right(pictures[mixed], pictures) == 25.0
