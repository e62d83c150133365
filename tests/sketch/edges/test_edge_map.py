from dataclasses import replace

import numpy as np
import pytest

from sketch.canvas import Target, on_canvas
from sketch.edges.edge_map import content_box, edge_map
from sketch.strokes import CANVAS
from sketch.subject.framing import framed
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


def target_of(picture: np.ndarray) -> Target:
    return Target.unmasked(*on_canvas(picture))


def grey(height: int = 360, width: int = 640, level: int = 127) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def letterboxed(picture: np.ndarray, bar: int = 45) -> np.ndarray:
    picture[:bar] = picture[-bar:] = 0
    return picture


def vignetted() -> np.ndarray:
    down, across = np.mgrid[-1:1:360j, -1:1:640j]
    light = 220 / (1 + 0.8 * (down**2 + across**2)) ** 2  # falls off like a lens's
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)


def noisy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("made", [target_of, framed], ids=["whole", "its subject"])
@pytest.mark.parametrize(
    "picture",
    [
        grey(),
        grey(640, 360, level=60),
        noisy(grey()),
        vignetted(),
        noisy(vignetted()),
        letterboxed(grey()),
        noisy(letterboxed(grey())),
        letterboxed(grey(640, 360)).transpose(1, 0, 2),
    ],
)
def test_where_nothing_is_no_border_is_drawn_either(picture, made):
    assert len(edge_map(made(picture)).pixels) == 0


def test_inside_of_black_bars_everything_is_drawn():
    down, across = np.mgrid[:360, :640]
    picture = letterboxed(grey())
    picture[np.hypot(down - 180, across - 320) < 90] = 230
    far = np.linalg.norm(edge_map(target_of(picture)).pixels - CANVAS / 2, axis=1)
    assert far == pytest.approx(90 * CANVAS / 640, abs=1.5)


def test_a_dark_sky_is_no_bar_and_a_horizon_is_an_edge():
    picture = grey()
    picture[:120] = 5
    assert content_box(target_of(picture))[0] == 49
    edges = edge_map(target_of(picture)).pixels
    assert len(edges) == CANVAS
    assert edges[:, 1] == pytest.approx(49 + 120 * CANVAS / 640, abs=1)
    assert content_box(target_of(grey(level=5))) == (49, 175, 0, CANVAS)


def test_a_line_out_of_focus_is_an_edge():
    across = np.arange(CANVAS) - CANVAS / 2
    ramp = 127 + 100 * np.tanh(across / 9)
    picture = np.tile(ramp[None, :, None], (CANVAS, 1, 3)).astype(np.uint8)
    edges = edge_map(target_of(picture)).pixels
    assert edges[:, 0] == pytest.approx(CANVAS / 2, abs=2)


def flower(*, petal: int) -> Target:
    """A disc far lighter than what is around it, in which lines differ by a little."""
    picture = grey(CANVAS, CANVAS, level=20)
    down, across = np.mgrid[:CANVAS, :CANVAS]
    far = np.hypot(down - 112, across - 112)
    picture[far < 90] = 220
    picture[(np.abs(down - 112) < 20) & (far < 60)] = 220 - petal
    mask = np.where(far < 90, 1, 0.25).astype(np.float32)
    return replace(target_of(picture), mask=mask)


def test_lines_inside_count_beside_their_surroundings_not_beside_a_bright_outline():
    far = np.linalg.norm(edge_map(flower(petal=40)).pixels - CANVAS / 2, axis=1)
    assert (far < 70).sum() > 150
    assert len(edge_map(flower(petal=0)).pixels) == (far > 80).sum()


def test_the_outline_is_where_the_mask_ends():
    edges = edge_map(flower(petal=60))
    far = np.linalg.norm(edges.pixels - CANVAS / 2, axis=1)
    assert edges.rim[far > 86].all()
    assert not edges.rim[far < 70].any()
    assert not edge_map(disc()).rim.any()


def test_some_of_the_edges_are_told_as_all_are():
    edges = edge_map(flower(petal=60))
    kept = edges.pixels[:, 0] < 100
    some = edges.only(kept)
    for values in (some.pixels, some.weights, some.belongs, some.rim, some.tangents):
        assert len(values) == kept.sum()
