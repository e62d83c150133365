import torch

from sketch.drawing.ordering import Order, greedy_order
from sketch.raster.choosing import rasteriser
from sketch.raster.narrow_band import stroke_layers

LONG = torch.tensor([[4.0, 8.0], [12.0, 8.0], [20.0, 8.0], [28.0, 8.0]])
STROKES = torch.stack([LONG * 0.3, LONG, LONG * 0.6 + torch.tensor([0.0, 14.0])])
WIDTHS = torch.full((3,), 1.5)


def more_ink_is_better(images: torch.Tensor) -> torch.Tensor:
    return images.mean(dim=(1, 2))


def test_the_stroke_that_gains_most_comes_first() -> None:
    order = greedy_order(STROKES, WIDTHS, more_ink_is_better, size=32)
    assert order.strokes == [1, 2, 0]
    assert order.losses == sorted(order.losses, reverse=True)


def test_the_whole_set_has_the_loss_of_the_sketch_and_each_prefix_its_own() -> None:
    order = greedy_order(STROKES, WIDTHS, more_ink_is_better, size=32)
    layers = stroke_layers(STROKES[None], WIDTHS[None], size=32)[0]
    for count in range(4):
        picture = (1 - layers[order.strokes[:count]]).prod(dim=0)
        assert abs(float(picture.mean()) - order.losses[count]) < 1e-5
    whole = rasteriser().render(STROKES[None], 1.5, size=32)
    assert abs(float(whole.mean()) - order.losses[-1]) < 1e-3


def test_gains_sum_to_one() -> None:
    order = greedy_order(STROKES, WIDTHS, more_ink_is_better, size=32)
    assert abs(sum(order.gains) - 1) < 1e-6


def test_nothing_gained_is_no_gain() -> None:
    order = greedy_order(STROKES, WIDTHS, lambda images: torch.zeros(len(images)), size=32)
    assert order.gains == [0.0, 0.0, 0.0]
    assert order.enough(0.05) == 1


def test_enough_is_the_shortest_prefix_that_is_nearly_the_best() -> None:
    order = Order([0, 1, 2, 3], [10.0, 6.0, 2.4, 2.0, 2.0])
    assert order.enough(0.05) == 2
    assert order.enough(0.0) == 3


def test_strokes_that_make_it_worse_are_not_waited_for() -> None:
    assert Order([0, 1, 2], [10.0, 4.0, 3.0, 9.0]).enough(0.05) == 2
