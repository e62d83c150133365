"""The same pictures and texts through PyTorch, ONNX Runtime and OpenVINO, in turn.

    python -m benchmarks.computing.engines                       ViT-B-32, random weights; a minute
    python -m benchmarks.computing.engines --model RN50 --count 64
    python -m benchmarks.computing.engines --int8                and in int8; minutes more

Processor time says what an engine costs, time by the clock also how well it shares the cores with
whatever else runs. The pictures are parts of the demo's photographs, others than a converted model
is accepted by; the cosine is with PyTorch's embedding of the same picture. ONNX Runtime is measured
where it is installed: pip install onnx onnxruntime. The tower in int8 is made by 304 other parts of
the same photographs.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.measuring.options import add_model_options, chosen_choice, parser_for
from benchmarks.measuring.reporting import Figure, Report, benchmark
from benchmarks.measuring.timing import Timing, spread, timed
from tasks.demo.photographs import Framing, photographs

if TYPE_CHECKING:
    from models.clip.backbone import Backbone

_TEXTS = 12
_CALIBRATING = 304
Encode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
    """An engine. Times are the quickest of the rounds, for all pictures; cosines with PyTorch."""

    engine: str
    precision: str
    clock_s: float
    processor_s: float
    frames_per_s: float
    cosine_mean: float
    cosine_worst: float


@dataclass(frozen=True)
class TextRow:
    """New texts, one by one, with everything loaded: milliseconds for one."""

    engine: str
    median_ms: float
    worst_ms: float
    difference: float


def pictures_of(size: tuple[int, int], count: int) -> np.ndarray:
    """Parts of photographs, uint8 (count, *size, 3): others than engines are accepted by."""
    rng = np.random.default_rng(11)
    shown = [Image.fromarray(one).convert("RGB") for one in photographs().values()]
    parts = []
    for number in range(count):
        picture = shown[number % len(shown)]
        share = rng.uniform(0.4, 1.0)
        across, down = rng.uniform(share / 2, 1 - share / 2, 2).tolist()
        box = Framing(across, down, share).box(picture.width, picture.height)
        parts.append(np.asarray(picture.resize(size[::-1], Image.Resampling.BICUBIC, box)))
    return np.stack(parts)


def time_pictures(
    engines: dict[tuple[str, str], Encode], pictures: np.ndarray, rounds: int
) -> list[Row]:
    """Each engine in turn, several times over; the first of the engines is what others agree to."""
    for encode in engines.values():
        encode(pictures[:16])  # the first batch of a shape is slow
    timings: dict[tuple[str, str], list[Timing]] = {name: [] for name in engines}
    found = {}
    for _ in range(rounds):
        for name, encode in engines.items():
            timing, found[name] = timed(encode, pictures)
            timings[name].append(timing)
    reference = next(iter(found.values()))
    rows = []
    for name, took in timings.items():
        cosines = cosine(found[name], reference)
        clock_s = min(one.clock_s for one in took)
        rows.append(
            Row(
                *name,
                clock_s,
                min(one.processor_s for one in took),
                len(pictures) / clock_s,
                float(cosines.mean()),
                float(cosines.min()),
            )
        )
    return rows


def cosine(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Of embeddings in pairs, (n,)."""
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (ours, theirs))
    return np.asarray((one * other).sum(axis=1))


def in_batches(encode: Encode, size: int) -> Encode:
    """The same, a few pictures at a time."""

    def encoded(pictures: np.ndarray) -> np.ndarray:
        batches = range(0, len(pictures), size)
        return np.concatenate([encode(pictures[start : start + size]) for start in batches])

    return encoded


def in_int8(usual: "Backbone", measured: np.ndarray) -> Encode:
    """The picture tower in int8, made by parts of photographs that are not measured with."""
    from models.clip.engines.in_openvino import compiled, run
    from models.clip.engines.quantising import quantised

    count = len(measured)
    others = pictures_of(usual.preprocessing.size, count + _CALIBRATING)[count:]
    graph = quantised(usual.model, usual.preprocessing, np.split(others, _CALIBRATING // 8))
    tower = compiled(graph, "float32")
    return in_batches(lambda pictures: run(tower, pictures), 16)


def measure(options: argparse.Namespace, report: Report) -> None:
    """Make the engines, time them in turn, and show it."""
    import torch

    from benchmarks.measuring.onnx_model import OnnxPictures
    from models.clip.backbone import load_backbone
    from models.clip.engines.choice import EngineChoice

    choice = chosen_choice(options, usual="ViT-B-32")
    loaded = {
        name: load_backbone(choice, device="cpu", engine=EngineChoice(*name), talk=print)
        for name in (("torch", "float32"), ("openvino", "float32"), ("openvino", "bfloat16"))
    }
    usual = loaded["torch", "float32"]
    engines: dict[tuple[str, str], Encode] = {
        (one.engine.name, one.engine.precision): in_batches(one.engine.pictures, one.batch_size)
        for one in loaded.values()
    }
    if find_spec("onnxruntime") and find_spec("onnx"):
        in_onnx = OnnxPictures(usual.model, usual.preprocessing.size)

        def encode(pictures: np.ndarray) -> np.ndarray:
            rows = torch.from_numpy(pictures).permute(0, 3, 1, 2)
            return in_onnx(usual.preprocessing.normalise(rows).contiguous().numpy())

        engines["onnxruntime", "float32"] = in_batches(encode, 16)
    shown = pictures_of(usual.preprocessing.size, options.count)
    if options.int8:
        engines["openvino", "int8"] = in_int8(usual, shown)
    rows = time_pictures(engines, shown, options.rounds)
    report.show(f"{options.count} pictures, {choice}", rows)
    texts = [f"a man opens bottle number {number} slowly" for number in range(_TEXTS)]
    expected = usual.text_arrays(texts)
    said = []
    for (name, precision), one in loaded.items():
        if (name, precision) == ("openvino", "bfloat16"):
            continue  # texts are encoded in float32 whatever pictures are
        times = [timed(one.text_arrays, [f"once more: {text}"])[0].clock_s for text in texts]
        _, median, worst = spread(1000 * time_s for time_s in times[2:])
        off = float(np.abs(one.text_arrays(texts) - expected).max() / np.abs(expected).max())
        said.append(TextRow(name, median, worst, off))
    report.show("A new text", said)
    cost = {(row.engine, row.precision): row.processor_s for row in rows}
    plain = [key for key in cost if key[0] == "openvino" and key[1] != "int8"]
    best = min(plain, key=cost.__getitem__)
    others = {"torch": "≤ 0.25", "onnxruntime": "≤ 0.5"}
    figures = [
        Figure(f"openvino {best[1]} / {name}, processor time", cost[best] / took, target)
        for name, target in others.items()
        if (took := cost.get((name, "float32")))
    ]
    if options.int8:
        share = cost["openvino", "int8"] / cost[best]
        figures.append(Figure(f"openvino int8 / {best[1]}, processor time", share))
    report.figures(figures)


def main() -> None:
    parser = parser_for(__doc__)
    add_model_options(parser)
    parser.add_argument("--count", type=int, default=64, help="pictures (64)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    parser.add_argument("--int8", action="store_true", help="also a tower in int8")
    with benchmark("engines", parser) as (options, report):
        measure(options, report)


if __name__ == "__main__":
    main()
