import importlib.util
import math
import sys

import pytest
import torch

from benchmarks.measuring.supersampled import central_differences, random_strokes, supersampled
from models.errors import KinodexError
from sketch.raster.bezier import split
from sketch.raster.choosing import rasteriser
from sketch.raster.interface import Rasteriser
from sketch.raster.narrow_band import render_strokes, stroke_layers
from sketch.strokes import Strokes
from tests.sketch.raster.diffvg_stand_in import stand_in

BACKENDS = ["narrow-band", "diffvg"]
DIFFVG_IS_HERE = importlib.util.find_spec("pydiffvg") is not None
LINE = torch.tensor([[[40.0, 112.3], [80.0, 112.3], [120.0, 112.3], [160.0, 112.3]]])
OBLIQUE = torch.tensor([[[40.0, 50.7], [70.0, 80.0], [100.0, 110.0], [130.0, 139.3]]])
CURVES = torch.tensor(
    [
        [[40.0, 60.0], [90.0, 20.0], [60.0, 150.0], [170.0, 130.0]],
        [[30.0, 180.0], [100.0, 190.0], [150.0, 60.0], [200.0, 170.0]],
    ]
)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Rasteriser:
    if not DIFFVG_IS_HERE:
        monkeypatch.setitem(sys.modules, "pydiffvg", stand_in())
    return rasteriser(request.param)


def draw(points: torch.Tensor, half_width: float = 1.5, size: int = 224) -> torch.Tensor:
    return rasteriser().render(points[None], half_width, size=size)[0]


def ink(points: torch.Tensor, half_width: float = 1.5) -> float:
    return float((1 - draw(points, half_width)).sum())


class TestEveryBackend:
    def test_a_picture_is_white_but_for_the_strokes(self, backend: Rasteriser) -> None:
        image = backend.render(CURVES[None], 1.5, size=224)
        assert image.shape == (1, 224, 224)
        assert float(image.max()) == pytest.approx(1, abs=1e-3)
        assert float(image.min()) < 0.01

    def test_a_curve_has_as_much_ink_as_its_length_and_width_say(self, backend: Rasteriser) -> None:
        bent = CURVES[None, :1]
        told = float((1 - backend.render(bent, 1.5, size=224)).sum())
        wanted = float((1 - supersampled(bent[0], 1.5, 224, fineness=4)).sum())
        assert told == pytest.approx(wanted, rel=0.02)

    def test_a_stroke_is_pulled_to_where_it_should_be(self, backend: Rasteriser) -> None:
        wanted = backend.render(CURVES[None, :1], 1.5, size=224).detach()
        points = (CURVES[None, :1] + torch.tensor([1.2, -1.6])).requires_grad_()
        optimiser = torch.optim.Adam([points], lr=0.5)
        for step in range(100):
            optimiser.param_groups[0]["lr"] = 0.5 * (1 - step / 100)
            optimiser.zero_grad()
            (backend.render(points, 1.5, size=224) - wanted).square().sum().backward()
            optimiser.step()
        ends = (points.detach() - CURVES[:1])[0, 0, [0, 3]].norm(dim=-1)
        assert float(ends.max()) < 0.3

    def test_strokes_off_the_canvas_leave_it_white_and_feel_nothing(
        self, backend: Rasteriser
    ) -> None:
        points = torch.full((1, 2, 4, 2), -60.0) + torch.arange(4.0)[:, None] * 5
        points.requires_grad_()
        image = backend.render(points, 1.5, size=224)
        image.sum().backward()
        assert bool((image == 1).all())
        assert points.grad is not None
        assert float(points.grad.abs().max()) == 0

    @pytest.mark.parametrize(("batch", "strokes"), [(2, 0), (0, 3), (0, 0)])
    def test_no_strokes_are_a_white_canvas_with_nothing_to_feel(
        self, backend: Rasteriser, batch: int, strokes: int
    ) -> None:
        points = torch.zeros(batch, strokes, 4, 2, requires_grad=True)
        image = backend.render(points, 1.5, size=32)
        assert image.shape == (batch, 32, 32)
        assert bool((image == 1).all())
        image.sum().backward()
        assert points.grad is not None
        assert points.grad.shape == points.shape

    @pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
    def test_points_that_are_no_numbers_are_refused(
        self, backend: Rasteriser, value: float
    ) -> None:
        points = CURVES[None].clone()
        points[0, 1, 2, 0] = value
        with pytest.raises(ValueError, match="the points of a stroke must be finite numbers"):
            backend.render(points, 1.5, size=32)

    def test_each_sketch_of_a_batch_is_drawn_as_alone(self, backend: Rasteriser) -> None:
        batch = torch.stack([CURVES, CURVES.flip(0) + 3.3])
        widths = torch.tensor([[0.6, 1.5], [3.0, 1.0]])
        together = backend.render(batch, widths, size=224)
        for row, points in enumerate(batch):
            alone = backend.render(points[None], widths[row : row + 1], size=224)
            assert torch.allclose(together[row], alone[0], atol=1e-6)

    def test_transparent_strokes_are_not_there(self, backend: Rasteriser) -> None:
        image = backend.render(CURVES[None], 1.5, size=224, opacities=torch.zeros(1, 2))
        assert bool((image == 1).all())


def test_ink_of_straight_lines() -> None:
    assert ink(LINE) == pytest.approx(3 * 120 + math.pi * 2.25, rel=0.005)
    length = float((OBLIQUE[0, 3] - OBLIQUE[0, 0]).norm())
    assert ink(OBLIQUE) == pytest.approx(3 * length + math.pi * 2.25, rel=0.005)


@pytest.mark.parametrize(("half_width", "tolerance"), [(1.5, 0.05), (3.0, 0.01)])
def test_a_stroke_of_no_length_is_a_dot(half_width: float, tolerance: float) -> None:
    points = torch.full((1, 1, 4, 2), 100.37, requires_grad=True)
    image = rasteriser().render(points, half_width, size=224)
    (image * torch.arange(224.0)).sum().backward()
    told = float((1 - image.detach()).sum())
    assert told == pytest.approx(math.pi * half_width**2, rel=tolerance)
    assert points.grad is not None
    assert bool(torch.isfinite(points.grad).all())


def test_a_stroke_may_end_in_the_very_centre_of_a_pixel() -> None:
    points = torch.tensor([[[20.5, 20.5], [24.5, 20.5], [28.5, 20.5], [32.5, 20.5]]])
    points.requires_grad_()
    image = draw(points, size=64)
    image.sum().backward()
    assert bool(torch.isfinite(image).all())
    assert float((1 - image.detach()).sum()) == pytest.approx(3 * 12 + math.pi * 2.25, rel=0.01)
    assert points.grad is not None
    assert bool(torch.isfinite(points.grad).all())


def test_ink_grows_with_the_width_as_the_outline_is_long() -> None:
    width = torch.full((1, 1), 1.5, requires_grad=True)
    (1 - rasteriser().render(LINE[None], width, size=224)).sum().backward()
    assert float(width.grad) == pytest.approx(2 * 120 + 2 * math.pi * 1.5, rel=0.01)


def test_whole_pixels_of_shift_shift_the_picture() -> None:
    moved = draw(CURVES + torch.tensor([7.0, -5.0]))
    assert float((moved[10:200, 20:200] - draw(CURVES)[15:205, 13:193]).abs().max()) < 1e-3


def test_mirrored_strokes_draw_the_mirrored_picture() -> None:
    assert float((draw(CURVES.flip(-1)) - draw(CURVES).T).abs().max()) < 1e-5


def test_neither_order_nor_direction_matters() -> None:
    many = torch.cat([CURVES + shift for shift in range(0, 36, 3)])
    shuffled = many[torch.randperm(len(many), generator=torch.Generator().manual_seed(0))]
    assert torch.equal(draw(shuffled), draw(many))
    picture = draw(CURVES)
    assert float((draw(CURVES.flip(1)) - picture).abs().max()) < 1e-3


def test_a_split_curve_draws_the_same() -> None:
    halves = torch.cat(split(CURVES, 0.4))
    assert float((draw(halves) - draw(CURVES)).abs().mean()) < 1e-4


def test_a_batch_draws_what_each_sketch_draws_alone() -> None:
    batch = torch.stack([CURVES, CURVES.flip(0) + 3.3, CURVES - 20])
    widths = torch.tensor([[0.4, 1.5], [3.0, 1.0], [0.7, 0.7]])
    together = rasteriser().render(batch, widths, size=224)
    for row, points in enumerate(batch):
        alone = rasteriser().render(points[None], widths[row : row + 1], size=224)
        assert torch.equal(together[row], alone[0])


def test_strokes_far_longer_than_the_canvas_have_no_gaps() -> None:
    ends = torch.linspace(-10_000, 10_000, 4)
    line = torch.stack([ends, torch.full((4,), 112.3)], dim=1)[None]
    assert ink(line) == pytest.approx(3 * 224, rel=0.001)


def test_values_stay_between_ink_and_paper() -> None:
    image = draw(torch.cat([CURVES, CURVES, CURVES]), 4.0)
    assert float(image.min()) >= -0.0011
    assert float(image.max()) <= 1


def test_wider_and_darker_strokes_have_more_ink() -> None:
    inks = [ink(CURVES, half_width) for half_width in (0.3, 0.75, 1.0, 1.5, 2.0)]
    assert inks == sorted(inks)
    shades = [
        float((1 - rasteriser().render(CURVES[None], 1.5, size=224, opacities=o)).sum())
        for o in (torch.full((1, 2), share) for share in (0.2, 0.5, 1.0))
    ]
    assert shades == sorted(shades)


def test_ink_lies_within_the_control_polygons_box() -> None:
    image = draw(CURVES[:1])
    rows, columns = (image < 0.999).nonzero().unbind(1)
    low, high = CURVES[0].amin(0) - 2.5, CURVES[0].amax(0) + 2.5
    assert low[0] <= columns.min()
    assert columns.max() <= high[0]
    assert low[1] <= rows.min()
    assert rows.max() <= high[1]


@pytest.mark.parametrize("radius", [6.0, 12.0, 30.0, 60.0])
def test_bent_strokes_feel_a_field_by_their_ink(radius: float) -> None:
    """Moving an arc in a linear field changes the sum by slope × ink, whatever its radius."""
    handle = 4 / 3 * math.tan(math.pi / 8) * radius
    points = 110.3 + torch.tensor(
        [[radius, 0.0], [radius, handle], [handle, radius], [0.0, radius]]
    )
    points = points[None, None].clone().requires_grad_()
    image = rasteriser().render(points, 1.5, size=224)
    # The field is about zero where the stroke is: a constant would only add the noise of the grid.
    (image * (torch.arange(224.0) - 110.8 - radius / 2) / 20).sum().backward()
    assert points.grad is not None
    told = float(points.grad[..., 0].sum())
    assert told == pytest.approx(-float((1 - image).detach().sum()) / 20, rel=0.05)


@pytest.mark.parametrize("half_width", [0.43, 0.5, 1.0, 1.5, 4.0])
def test_coverage_is_that_of_many_samples(half_width: float) -> None:
    strokes = random_strokes(3, seed=5, size=160, length=90)
    wanted = supersampled(strokes, half_width, 160)
    told = rasteriser().render(strokes[None], half_width, size=160)[0]
    edge = (wanted > 0) & (wanted < 1)
    assert float((told - wanted)[edge].abs().mean()) < 0.02
    assert float((1 - told).sum()) == pytest.approx(float((1 - wanted).sum()), rel=0.005)


def test_gradients_are_those_of_the_supersampled_picture() -> None:
    """Central differences of half a pixel, of a smooth random loss, one stroke at a time."""
    generator = torch.Generator().manual_seed(1)
    field = torch.nn.functional.interpolate(
        torch.randn(1, 1, 12, 12, generator=generator), size=96, mode="bicubic"
    )[0, 0]
    for stroke in random_strokes(6, seed=9, size=96, length=45):
        points = stroke[None, None].clone().requires_grad_()
        (rasteriser().render(points, 1.5, size=96)[0] * field).sum().backward()
        assert points.grad is not None
        wanted = central_differences(stroke, 1.5, field)
        alike = torch.nn.functional.cosine_similarity(
            points.grad.flatten(), wanted.flatten(), dim=0
        )
        assert float(alike) > 0.99


def test_a_layer_is_its_strokes_ink() -> None:
    layers = stroke_layers(CURVES[None], torch.full((1, 2), 1.5), size=224)
    assert layers.shape == (1, 2, 224, 224)
    assert torch.allclose((1 - layers[0]).prod(dim=0), draw(CURVES), atol=2e-3)


def test_strokes_are_scaled_from_the_canvas() -> None:
    image = render_strokes(Strokes.plain(CURVES.numpy()), size=448)
    assert image.shape == (448, 448)
    assert float((1 - image).sum()) == pytest.approx(4 * ink(CURVES), rel=0.01)


def test_drawing_leaves_the_number_of_threads_alone() -> None:
    before = torch.get_num_threads()
    draw(CURVES)
    assert torch.get_num_threads() == before


def test_an_unknown_rasteriser_is_one_sentence() -> None:
    with pytest.raises(KinodexError, match="choose 'narrow-band' or 'diffvg'"):
        rasteriser("crayon")


@pytest.mark.skipif(DIFFVG_IS_HERE, reason="diffvg is installed here")
def test_a_missing_diffvg_is_one_sentence() -> None:
    with pytest.raises(KinodexError, match="pydiffvg is not installed"):
        rasteriser("diffvg")
