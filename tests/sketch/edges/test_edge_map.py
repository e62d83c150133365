from dataclasses import replace

import numpy as np

from sketch.canvas import Target, on_canvas
from sketch.edges.edge_map import edge_map
from sketch.strokes import CANVAS
from tests.sketch.stills import blank, target

EVERYWHERE = np.ones((CANVAS, CANVAS), np.float32)


def disc(shape: tuple[int, int] = (CANVAS, CANVAS), *, noise: float = 0.0) -> Target:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    far = np.hypot(rows - shape[0] / 2, columns - shape[1] / 2)
    grey = np.where(far < 50, 60.0, 200.0) + noise * rng.standard_normal(shape)
    pixels = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    picture, placed = on_canvas(pixels)
    return Target(picture, EVERYWHERE, placed)


def test_the_edge_of_a_disc_is_its_rim() -> None:
    edges = edge_map(disc())
    far = np.linalg.norm(edges.pixels - CANVAS / 2, axis=1)
    assert abs(far - 50).max() < 2
    assert 250 < edges.length_px < 400


def test_tangents_run_along_the_edge() -> None:
    edges = edge_map(disc())
    outward = edges.pixels - CANVAS / 2
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert np.abs((edges.tangents * outward).sum(axis=1)).max() < 0.2
    assert np.allclose(np.linalg.norm(edges.tangents, axis=1), 1, atol=1e-4)


def test_the_distance_is_to_the_nearest_edge() -> None:
    distance = edge_map(disc()).distance
    assert abs(float(distance[112, 112]) - 50) < 2
    assert float(distance[112, 112 + 50]) < 2


def test_padding_makes_no_edge() -> None:
    edges = edge_map(disc((112, 224)))
    assert len(edges.pixels)
    assert edges.pixels[:, 1].min() > 60
    assert edges.pixels[:, 1].max() < 164


def test_noise_makes_no_edges() -> None:
    edges = edge_map(disc(noise=8.0))
    far = np.abs(np.linalg.norm(edges.pixels - CANVAS / 2, axis=1) - 50)
    assert float((far > 4).mean()) < 0.05


def test_a_blank_picture_has_none() -> None:
    edges = edge_map(blank())
    assert edges.pixels.shape == (0, 2)
    assert edges.length_px == 0


def test_edges_beside_the_subject_are_left_out() -> None:
    whole = target("cat", "mountains", size=0.4)
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    mask[64:160, 64:160] = 1
    edges = edge_map(replace(whole, mask=mask))
    assert 0 < len(edges.pixels) < len(edge_map(whole).pixels)
    assert edges.pixels.min() > 55
    assert edges.pixels.max() < 169
