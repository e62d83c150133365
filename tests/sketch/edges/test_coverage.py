import numpy as np
import torch

from sketch.edges.coverage import EdgeCoverage
from tests.sketch.edge_pictures import edges_of

SIDE = 224
ROWS = torch.zeros(1, dtype=torch.long)


def drawn(*rows: int) -> torch.Tensor:
    image = torch.ones(1, SIDE, SIDE)
    for row in rows:
        image[0, row, 50:151] = 0
    return image


def test_a_clear_edge_weighs_more_than_a_faint_one_but_is_no_longer() -> None:
    lines = [[(50, 60), (150, 60)], [(50, 120), (150, 120)]]
    edges = edges_of(*lines, weights=(0.9, 0.1))
    coverage = EdgeCoverage([edges], SIDE, torch.device("cpu"))
    shares = {
        "nothing": (drawn(), 1.0, 1.0),
        "the clear one": (drawn(60), 0.1, 0.5),
        "both": (drawn(60, 120), 0.0, 0.0),
    }
    for name, (image, weight, length) in shares.items():
        assert abs(float(coverage.missed(image, ROWS)) - weight) < 1e-4, name
        assert abs(float(coverage.missed_length(image, ROWS)) - length) < 1e-4, name


def test_a_picture_without_edges_misses_nothing() -> None:
    coverage = EdgeCoverage([edges_of()], SIDE, torch.device("cpu"))
    assert float(coverage.missed(drawn(), ROWS)) == 0
    assert float(coverage.missed_length(drawn(), ROWS)) == 0


def test_an_edge_off_the_subject_has_no_length() -> None:
    edges = edges_of([(50, 60), (150, 60)], [(50, 120), (150, 120)])
    beside = edges.pixels[:, 1] > 100
    edges.belongs[beside] = 0
    coverage = EdgeCoverage([edges], SIDE, torch.device("cpu"))
    assert np.isclose(float(coverage.missed_length(drawn(60), ROWS)), 0)
