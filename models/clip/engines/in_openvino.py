"""OpenVINO as the engine: a model that was compiled for this processor. Free of torch."""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from models.clip.engines.agreement import LEAST_AGREEMENT, agreement
from models.clip.engines.cache import Entry, UnusableEntry
from models.clip.engines.check_inputs import check_pictures
from models.clip.engines.choice import BFLOAT16, FLOAT32, OPENVINO
from models.clip.engines.openvino_library import ov
from models.clip.engines.text_batches import Forest, by_beginning, by_length, in_order

PICTURES = "pictures"
TEXTS = "texts"
# Twice as many take no less time for each, and hold a core for longer than a decoder can wait.
_BATCH_SIZE = 16
# Queries are few and short: they need not be quick at the price of another last digit.
TEXT_PRECISION = FLOAT32
_HINTS = {FLOAT32: "f32", BFLOAT16: "bf16"}
# How many of many texts tell whether fewer digits do for all of them.
_COMPARED = 16
# A tower that was read again gives what it gave, but for how sums are ordered.
_SAME = 1e-3


class OpenVinoEngine:
    """A compiled model; each tower is read from the disk when it is first needed.

    restore: makes a damaged entry again; → its towers
    towers: those that are in memory already
    """

    name = OPENVINO
    batch_size = _BATCH_SIZE

    def __init__(
        self,
        entry: Entry,
        restore: Callable[[], dict[str, ov.CompiledModel]],
        towers: Mapping[str, ov.CompiledModel] | None = None,
    ) -> None:
        self.precision: str = entry.card["precision"]
        self.texts_precision = self.precision
        self.pads_texts: bool = entry.card["cut"] is None
        self._entry = entry
        self._restore = restore
        self._towers = dict(towers or {})
        self._files: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()  # a compiled model answers one at a time

    def pictures(self, pictures: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """As of `Engine`."""
        with self._lock:
            return run(self._tower(PICTURES), pictures)

    def tokens(self, token_ids: np.ndarray) -> np.ndarray:
        """As of `Engine`."""
        return in_order(self.many_texts(token_ids, precision=TEXT_PRECISION), len(token_ids))

    def many_texts(
        self, token_ids: np.ndarray, *, precision: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """As of `Engine`."""
        cut = self._entry.card["cut"]
        lengths = text_lengths(token_ids, cut)
        coarser = self._coarser(token_ids, precision)
        batches = by_beginning(token_ids, lengths) if _is_causal(cut) else by_length(lengths)
        for rows in batches:
            inputs = text_inputs(token_ids[rows], cut)
            yield rows, run(coarser[0], *inputs) if coarser else self._texts(inputs)

    def _texts(self, inputs: list[np.ndarray]) -> np.ndarray:
        with self._lock:
            return run(self._tower(TEXTS), *inputs)

    def _coarser(
        self, token_ids: np.ndarray, precision: str
    ) -> tuple[ov.CompiledModel, np.ndarray] | None:
        """The text tower in fewer digits, and its file in memory, where some of the texts agree.

        It is of one caller alone, beside whom pictures and queries go on.
        """
        if precision == TEXT_PRECISION or not has_bfloat16():
            return None
        some = token_ids[:: max(1, len(token_ids) // _COMPARED)]
        inputs = text_inputs(some, self._entry.card["cut"])
        expected = self._texts(inputs)
        try:
            tower, in_file = _imported(self._entry, TEXTS, precision)
        except UnusableEntry:  # such as one that a full disk did not take
            return None
        agrees = agreement(run(tower, *inputs), expected) >= LEAST_AGREEMENT
        return (tower, in_file) if agrees else None

    def _tower(self, name: str) -> ov.CompiledModel:
        if name not in self._towers:
            try:
                self._towers[name], self._files[name] = _read(self._entry, name)
            except UnusableEntry:
                self._towers = self._restore()
        return self._towers[name]


def blob_name(tower: str) -> str:
    """The file that holds a compiled tower."""
    return f"{tower}.blob"


def compiled(graph: ov.Model, precision: str) -> ov.CompiledModel:
    """A graph for this processor."""
    return _core().compile_model(graph, "CPU", _settings(precision))


def read_graph(xml: bytes, numbers: bytes) -> ov.Model:
    """A graph as it was written down."""
    return _core().read_model(xml, numbers)


@functools.cache
def _core() -> ov.Core:
    # One for the whole life of a process: each sets up a stack for signals, and takes it away as
    # it goes although another one has been set up since. The next Ctrl-C ends the program then.
    return ov.Core()


def _settings(precision: str) -> dict[str, str | bool]:
    # Threads go where there is room, for decoders run beside them.
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }


def run(tower: ov.CompiledModel, *inputs: np.ndarray) -> np.ndarray:
    """What a compiled tower gives, float32."""
    return np.asarray(tower([np.ascontiguousarray(one) for one in inputs])[0], np.float32)


def text_lengths(token_ids: np.ndarray, cut: dict[str, int] | None) -> np.ndarray:
    """How many ids of each text matter, int64 (texts,): those up to its end, or all.

    cut: as of `models.clip.text.cut_of`
    """
    if cut is None:
        return np.full(len(token_ids), token_ids.shape[1])
    if "padding" in cut:
        return np.maximum(1, (token_ids != cut["padding"]).sum(axis=1))
    is_end = token_ids == cut["end"] if "end" in cut else token_ids
    return is_end.argmax(axis=1) + 1


def text_inputs(token_ids: np.ndarray, cut: dict[str, int] | None) -> list[np.ndarray]:
    """What a text tower takes of ids (texts, context): a causal one a `Forest`, others the ids."""
    lengths = text_lengths(token_ids, cut)
    if not _is_causal(cut):
        return [token_ids[:, : lengths.max()]]
    forest = Forest.of(token_ids, lengths)
    return [forest.token_ids, forest.positions, forest.mask, forest.ends]


def _is_causal(cut: dict[str, int] | None) -> bool:
    return cut is not None and "padding" not in cut


def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _read(entry: Entry, name: str) -> tuple[ov.CompiledModel, np.ndarray]:
    """A tower as it was compiled, and its file in memory.

    Raises UnusableEntry for what is damaged, or gives something else than it gave.
    """
    tower, in_file = _imported(
        entry, name, entry.card["precision"] if name == PICTURES else TEXT_PRECISION
    )
    try:
        probe = entry.card["probes"][name]
        given = run(tower, *probe_inputs(name, probe["input"], entry.card["cut"]))[0]
        expected = np.asarray(probe["output"], np.float32)
    except Exception as error:  # OpenVINO raises what it likes
        raise UnusableEntry(f"the {name} cannot be used: {error}") from error
    if not np.abs(given - expected).max() <= _SAME * np.abs(expected).max():
        raise UnusableEntry(f"the {name} are encoded otherwise than they were")
    return tower, in_file


def _imported(entry: Entry, name: str, precision: str) -> tuple[ov.CompiledModel, np.ndarray]:
    """A tower, and its file in memory, in which it goes on reading for as long as it lives.

    precision: what is kept leaves this open. Raises UnusableEntry for what is damaged.
    """
    content = entry.read(blob_name(name))
    in_file = np.frombuffer(content, np.uint8)
    try:
        shared = ov.Tensor(in_file, shared_memory=True)
        return _core().import_model(shared, "CPU", _settings(precision)), in_file
    except Exception as error:  # OpenVINO raises what it likes
        raise UnusableEntry(f"the {name} cannot be used: {error}") from error


def probe_inputs(name: str, kept: list[int], cut: dict[str, int] | None) -> list[Any]:
    """One input to see by whether a tower still gives what it gave: of a picture's size, or of ids.

    cut: as of `models.clip.text.cut_of`
    """
    if name == PICTURES:
        height, width = kept
        return [check_pictures((height, width))[:1]]
    return text_inputs(np.array([kept], np.int64), cut)
