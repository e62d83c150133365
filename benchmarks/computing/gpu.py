"""How quickly a GPU encodes pictures, beside the bare forward pass and the card's own peak.

    python -m benchmarks.computing.gpu                  ViT-B-32, random weights; a minute
    python -m benchmarks.computing.gpu --model ViT-L-14 --compile

* engine: as indexing does it, from pictures in memory to embeddings in memory, batch after batch;
* forward: the model alone, with a batch that lies on the card already;
* graph: the same, recorded once and played again (CUDA graphs);
* compiled: the same through torch.compile, with --compile.

The peak is a large product of matrices in the same precision. A card's use is what the forward pass
multiplies and adds in a second, as a share of that.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring.options import add_model_options, chosen_choice, parser_for
from benchmarks.measuring.reporting import Figure, Report, benchmark
from models.clip.backbone import Backbone, load_backbone
from models.clip.engines.in_torch import TorchEngine

_SIDE = 8192
NO_GPU = "there is no CUDA device here, and this measures nothing else"


@dataclass(frozen=True)
class Row:
    """One way to encode. use: of the card's peak, percent"""

    way: str
    frames_per_s: float
    use: float


@dataclass(frozen=True)
class Card:
    """The card, what the engine computes in on it, and its peak in that."""

    card: str
    precision: str
    batch: int
    peak_tflops: float


def operations(engine: TorchEngine, pictures: torch.Tensor) -> float:
    """Multiplications and additions of the forward pass for one picture."""
    with FlopCounterMode(display=False) as counter:
        engine.encoded(pictures)
    return counter.get_total_flops() / len(pictures)


def rate(work: Callable[[], object], device: torch.device, *, rounds: int) -> float:
    """How often a second something is done at its best; twice before, unmeasured."""
    took_s = []
    for _ in range(rounds + 2):
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        took_s.append(time.perf_counter() - started)
    return 1 / min(took_s[2:])


def peak(device: torch.device, kind: torch.dtype, *, rounds: int, side: int = _SIDE) -> float:
    """Operations a second in a product of two square matrices."""
    one, other = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    return 2 * side**3 * rate(lambda: one @ other, device, rounds=rounds)


def ways_of(
    backbone: Backbone, pictures: np.ndarray, *, compiled: bool
) -> dict[str, Callable[[], object]]:
    """What is measured, by name; each encodes all pictures, one batch."""
    engine = cast(TorchEngine, backbone.engine)
    there = torch.from_numpy(pictures).to(engine.device)
    ways: dict[str, Callable[[], object]] = {
        "engine": lambda: backbone.clip_arrays([pictures]),
        "forward": lambda: engine.encoded(there),
    }
    if engine.device.type == "cuda":
        ways["graph"] = _recorded(engine, there)
    if compiled:
        encode = torch.compile(engine.encoded, mode="max-autotune-no-cudagraphs")
        ways["compiled"] = lambda: encode(there)
    return ways


def _recorded(engine: TorchEngine, there: torch.Tensor) -> Callable[[], object]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # what is made at first use must not be recorded
        for _ in range(3):
            engine.encoded(there)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        engine.encoded(there)
    return graph.replay


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(options: argparse.Namespace, report: Report, device: torch.device) -> None:
    """Measure the card, and each way on it."""
    backbone = load_backbone(
        chosen_choice(options, usual="ViT-B-32"), device=device.type, talk=print
    )
    engine = cast(TorchEngine, backbone.engine)
    size = (options.batch or engine.batch_size, *backbone.preprocessing.size, 3)
    pictures = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    most = peak(device, getattr(torch, engine.precision), rounds=options.rounds, side=options.side)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    report.show("Card", [Card(name, engine.precision, size[0], most / 1e12)])
    cost = operations(engine, torch.from_numpy(pictures[:1]).to(device))
    rows = []
    for way, work in ways_of(backbone, pictures, compiled=options.compile).items():
        frames_per_s = size[0] * rate(work, device, rounds=options.rounds)
        rows.append(Row(way, frames_per_s, 100 * cost * frames_per_s / most))
    report.show(str(backbone.choice), rows)
    took = {row.way: row.frames_per_s for row in rows}
    report.figures([Figure("engine / forward, frames a second", took["engine"] / took["forward"])])


def main() -> None:
    parser = parser_for(__doc__)
    add_model_options(parser)
    parser.add_argument("--batch", type=int, help="pictures at a time (as indexing has it)")
    parser.add_argument("--rounds", type=int, default=20, help="rounds (20)")
    parser.add_argument("--side", type=int, default=_SIDE, help=f"of the matrices ({_SIDE})")
    parser.add_argument("--compile", action="store_true", help="also through torch.compile")
    parser.parse_args()  # --help and mistakes come before a word on the card
    if not torch.cuda.is_available():
        sys.exit(NO_GPU)
    with benchmark("gpu", parser) as (options, report):
        measure(options, report, torch.device("cuda"))


if __name__ == "__main__":
    main()
