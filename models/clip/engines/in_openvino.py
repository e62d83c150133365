"""OpenVINO as the engine: a model that was compiled for this processor. Free of torch."""

import functools
import threading
from collections.abc import Callable, Mapping

import numpy as np

from models.clip.engines.cache import Entry, UnusableEntry
from models.clip.engines.check_inputs import check_pictures
from models.clip.engines.choice import BFLOAT16, FLOAT32, OPENVINO
from models.clip.engines.openvino_library import ov

PICTURES = "pictures"
TEXTS = "texts"
# Twice as many take no less time for each, and hold a core for longer than a decoder can wait.
_BATCH_SIZE = 16
# Queries are few and short: they need not be quick at the price of another last digit.
TEXT_PRECISION = FLOAT32
_HINTS = {FLOAT32: "f32", BFLOAT16: "bf16"}
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
        self._entry = entry
        self._restore = restore
        self._towers = dict(towers or {})
        self._files: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()  # a compiled model answers one at a time

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """As of `Engine`."""
        with self._lock:
            return run(self._tower(PICTURES), pictures)

    def tokens(self, token_ids: np.ndarray) -> np.ndarray:
        """As of `Engine`."""
        with self._lock:
            return run(self._tower(TEXTS), token_ids[:, : self._longest(token_ids)])

    def _longest(self, token_ids: np.ndarray) -> int:
        """How many ids of each text matter: those up to the last end of a text."""
        cut = self._entry.card["cut"]
        if cut is None:
            return token_ids.shape[1]
        if "padding" in cut:
            return max(1, int((token_ids != cut["padding"]).sum(axis=1).max()))
        is_end = token_ids == cut["end"] if "end" in cut else token_ids
        return int(is_end.argmax(axis=1).max()) + 1

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


def run(tower: ov.CompiledModel, inputs: np.ndarray) -> np.ndarray:
    """What a compiled tower gives, float32."""
    return np.asarray(tower(np.ascontiguousarray(inputs))[0], np.float32)


def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _read(entry: Entry, name: str) -> tuple[ov.CompiledModel, np.ndarray]:
    """A tower and its file in memory, in which it goes on reading for as long as it lives.

    Raises UnusableEntry for what is damaged, or gives something else than it gave.
    """
    content = entry.read(blob_name(name))
    try:
        precision = entry.card["precision"] if name == PICTURES else TEXT_PRECISION
        in_file = np.frombuffer(content, np.uint8)
        shared = ov.Tensor(in_file, shared_memory=True)
        tower = _core().import_model(shared, "CPU", _settings(precision))
        probe = entry.card["probes"][name]
        given = run(tower, probe_inputs(name, probe["input"]))[0]
        expected = np.asarray(probe["output"], np.float32)
    except Exception as error:  # OpenVINO raises what it likes
        raise UnusableEntry(f"the {name} cannot be used: {error}") from error
    if not np.abs(given - expected).max() <= _SAME * np.abs(expected).max():
        raise UnusableEntry(f"the {name} are encoded otherwise than they were")
    return tower, in_file


def probe_inputs(name: str, kept: list[int]) -> np.ndarray:
    """One input to see by whether a tower still gives what it gave: a picture's size, or ids."""
    if name == PICTURES:
        height, width = kept
        return check_pictures((height, width))[:1]
    return np.array([kept], np.int64)
