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


def columns_missed(images: torch.Tensor) -> torch.Tensor:
    """The share of the sixteen columns from 8 to 23 in which there is no ink."""
    return (images[:, :, 8:24].amin(dim=1) > 0.5).float().mean(dim=1)


def test_strokes_join_until_little_is_missing_and_as_few_as_possible() -> None:
    flat = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])

    def across(begin: float, end: float, row: float) -> torch.Tensor:
        return torch.tensor([begin, row]) + flat * (end - begin) / 3

    # A long line, the same again, a short one, and the rest of the columns.
    strokes = torch.stack(
        [across(8, 16, 5), across(8, 16, 9), across(17, 18, 9), across(17, 23, 20)]
    )
    first = Order([0], [2.0, 1.0])
    widths = torch.full((4,), 1.0)
    joined = first.with_missing(strokes, widths, columns_missed, share=0.1, size=32)
    assert joined.strokes == [0, 3]
    assert joined.losses == [2.0, 1.0, 1.0]
    assert joined.gains == [1.0, 0.0]
    assert first.with_missing(strokes, widths, columns_missed, share=0.6, size=32) == first
    whole = Order([0, 1, 2, 3], [2.0, 1.0, 1.0, 1.0, 1.0])
    assert whole.with_missing(strokes, widths, columns_missed, share=0.0, size=32) is whole


def test_nothing_joins_where_there_is_nothing_to_miss() -> None:
    first = Order([1], [2.0, 1.0])
    joined = first.with_missing(
        STROKES, WIDTHS, lambda images: torch.zeros(len(images)), share=0.1, size=32
    )
    assert joined == first


def test_the_first_of_an_order_keep_their_losses() -> None:
    assert Order([2, 0, 1], [9.0, 4.0, 3.0, 2.0]).first(2) == Order([2, 0], [9.0, 4.0, 3.0])
