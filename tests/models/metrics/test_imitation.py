"""How nearly a student answers as its teacher does."""

import numpy as np
import pytest

from models.metrics.imitation import first_clips_kept, same_first_text

TEXTS = np.eye(3)
THEIRS = np.array([[1.0, 0.1, 0.0], [0.1, 1.0, 0.0], [0.0, 0.1, 1.0], [0.9, 0.5, 0.0]])


def test_a_clip_counts_where_both_have_the_same_text_first():
    ours = THEIRS.copy()
    ours[0] = [0.0, 1.0, 0.0]
    assert same_first_text(ours, THEIRS, TEXTS) == 75.0
    assert same_first_text(THEIRS, THEIRS, TEXTS) == 100.0


def test_of_the_first_clips_of_each_text_those_count_that_are_among_ours_too():
    ours = THEIRS.copy()
    ours[0] = [0.0, 0.2, 0.95]  # no more among the first two of text 0; now of text 2
    # Theirs, by text: {0, 3}, {1, 3}, {2, 0 or 1 or 3}; the ties go to the first clip.
    assert first_clips_kept(ours, THEIRS, TEXTS, first=2) == pytest.approx(100 * 5 / 6)
    assert first_clips_kept(ours, THEIRS, TEXTS, first=9) == 100.0
