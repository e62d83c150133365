"""How drawings are compared."""

import cv2
import numpy as np
import pytest

from benchmarks.sketches.nearest_drawing import described

HOUSE = np.array([(20, 100), (20, 50), (60, 15), (100, 50), (100, 100), (20, 100)])


def drawn(corners: np.ndarray, *, side: int = 224) -> np.ndarray:
    paper = np.ones((side, side), np.float32)
    return cv2.polylines(paper, [corners.astype(np.int32)[:, None]], False, 0, 3)


def test_neither_place_nor_size_makes_a_difference() -> None:
    house = described(drawn(HOUSE))
    assert np.linalg.norm(house) == pytest.approx(1, abs=1e-5)
    assert described(drawn(HOUSE + 90)) @ house == pytest.approx(1, abs=1e-3)
    assert described(drawn(1.8 * HOUSE)) @ house > 0.95


def test_other_drawings_are_less_alike() -> None:
    house = described(drawn(HOUSE))
    turned = described(drawn(HOUSE[:, ::-1]))
    ring = described(cv2.circle(np.ones((224, 224), np.float32), (110, 110), 60, 0, 3))
    assert turned @ house < 0.9
    assert ring @ house < 0.9


def test_blank_paper_is_like_nothing() -> None:
    assert not described(np.ones((224, 224), np.float32)).any()
