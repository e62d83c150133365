"""How exact and how quick the rasteriser is, beside pictures drawn with 256 samples a pixel."""

import statistics
import threading
from dataclasses import dataclass

import torch

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.supersampled import central_differences, random_strokes, supersampled
from benchmarks.measuring.timing import seconds
from models.threads import one_thread
from sketch.raster.bezier import lengths
from sketch.raster.narrow_band import NarrowBand

_SIZE = 224
_ROUNDS = 30


@dataclass(frozen=True)
class Exactness:
    """Coverage beside the supersampled picture, for strokes of one half width."""

    half_width: float
    edge_error: float  # mean, over the pixels that are covered in part
    worst: float
    ink_ratio: float


@dataclass(frozen=True)
class Quickness:
    """One forward and backward pass, medians."""

    sketches: int
    strokes: int
    length_px: float
    milliseconds_each: float
    microseconds_per_100_px: float


def exactness(half_width: float, count: int) -> Exactness:
    """How exact the coverage of random strokes is."""
    points = random_strokes(count, seed=3, size=_SIZE, length=90)
    wanted = supersampled(points, half_width, _SIZE)
    told = NarrowBand().render(points[None], half_width, size=_SIZE)[0]
    error = (told - wanted).abs()
    edge = (wanted > 0) & (wanted < 1)
    ratio = float((1 - told).sum() / (1 - wanted).sum())
    return Exactness(half_width, float(error[edge].mean()), float(error.max()), ratio)


def gradient_cosines(count: int) -> list[float]:
    """How exact each stroke's gradient is, by central differences of the supersampled picture."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.randn(1, 1, 28, 28, generator=generator)
    field = torch.nn.functional.interpolate(coarse, size=_SIZE, mode="bicubic")[0, 0]
    told = []
    for curve in random_strokes(count, seed=11, size=_SIZE, length=80):
        points = curve[None, None].clone().requires_grad_()
        (NarrowBand().render(points, 1.5, size=_SIZE)[0] * field).sum().backward()
        assert points.grad is not None
        cosine = torch.nn.functional.cosine_similarity(
            points.grad.flatten(), central_differences(curve, 1.5, field).flatten(), dim=0
        )
        told.append(float(cosine))
    return told


def quickness(sketches: int, strokes: int, length: float) -> Quickness:
    """Forward and backward of a batch."""
    every = random_strokes(sketches * strokes, seed=1, size=_SIZE, length=length)
    points = every.reshape(sketches, strokes, 4, 2).requires_grad_()

    def once() -> None:
        NarrowBand().render(points, 1.5, size=_SIZE).sum().backward()

    rounds = _ROUNDS if sketches == 1 else 6
    each_s = statistics.median([seconds(once) for _ in range(3 + rounds)][3:]) / sketches
    mean_px = float(lengths(points.detach()).mean())
    return Quickness(sketches, strokes, mean_px, 1e3 * each_s, 1e8 * each_s / (strokes * mean_px))


def beside_a_busy_core() -> float:
    """How much longer 16 strokes take while another thread keeps a core busy."""
    alone = quickness(1, 16, 95).milliseconds_each
    stop = threading.Event()

    def work() -> None:
        matrix = torch.rand(400, 400)
        while not stop.is_set():
            matrix @ matrix  # torch lets go of Python's lock meanwhile

    with one_thread():
        other = threading.Thread(target=work)
        other.start()
    try:
        return quickness(1, 16, 95).milliseconds_each / alone
    finally:
        stop.set()
        other.join()


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument(
        "--strokes", type=int, default=36, help="strokes whose gradients are checked"
    )
    with benchmark("raster", parser) as (options, report):
        exact = [exactness(half_width, 6) for half_width in (0.43, 0.5, 1.0, 1.5, 2.5, 4.0)]
        report.show("Coverage beside 256 samples a pixel", exact)
        cosines = gradient_cosines(options.strokes)
        quick = [quickness(1, n, 95) for n in (4, 8, 16, 32, 64)]
        quick += [quickness(1, 16, length) for length in (25, 50, 150)] + [quickness(32, 16, 95)]
        report.show(f"Forward and backward, {_SIZE} × {_SIZE}", quick)
        worst = [row for row in exact if row.half_width >= 0.5]
        report.figures(
            [
                Figure(
                    "mean error on edge pixels, worst", max(r.edge_error for r in worst), "<= 0.02"
                ),
                Figure(
                    "ink, farthest from 1", max(abs(r.ink_ratio - 1) for r in worst), "<= 0.005"
                ),
                Figure("gradient cosine, median", statistics.median(cosines), ">= 0.999"),
                Figure("gradient cosine, least", min(cosines), ">= 0.99"),
                Figure("16 strokes, ms", quick[2].milliseconds_each, "<= 5"),
                Figure("32 strokes, ms", quick[3].milliseconds_each, "<= 9"),
                Figure("batch of 32, ms each", quick[-1].milliseconds_each, "<= 4.5"),
                Figure("beside a busy core, times as long", beside_a_busy_core(), "about 1"),
            ]
        )


if __name__ == "__main__":
    main()
