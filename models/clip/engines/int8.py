"""A library's own picture tower in int8: kept beside its catalog, and used as an engine.

Free of torch. A tower is made by `models.clip.engines.quantising`. It is no cache: by other frames
another one would come out, whose embeddings do not meet those that the library has.
"""

import hashlib
import json
import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.clip.engines.agreement import LEAST_AGREEMENT, agreement
from models.clip.engines.check_inputs import check_pictures
from models.clip.engines.choice import FLOAT32, INT8, OPENVINO
from models.clip.engines.protocol import Engine
from models.errors import ModelUnavailable
from models.files import make_folder, replaced_whole

if TYPE_CHECKING:
    from models.clip.engines.openvino_library import ov

# As of the usual engine: more at a time take no less for each.
_BATCH_SIZE = 16
_NAMES_BEFORE = re.compile(rb'\s*<attribute name="fused_names"[^>]*/>')
_WAY_OUT = "bring it back from a backup, or run 'kinodex index --reindex' to encode all videos anew"


@dataclass(frozen=True)
class Int8Tower:
    """A tower in a folder, known by the digest of its content."""

    folder: Path
    digest: str

    @classmethod
    def keep(cls, graph: "ov.Model", size: tuple[int, int], folder: Path) -> "Int8Tower":
        """Write a tower down, with what it gives for a few pictures of its input's size."""
        from models.clip.engines.in_openvino import compiled, run

        content = _serialised(graph)
        tower = cls(folder, _digest(content))
        gives = run(compiled(graph, FLOAT32), check_pictures(size))
        make_folder(folder)
        card = {"size": list(size), "gives": [[float(f"{x:.6g}") for x in row] for row in gives]}
        files = {**content, "json": json.dumps(card).encode()}
        for kind, part in files.items():
            with replaced_whole(tower._file(kind), as_folder=True, durable=True) as draft:
                draft.write_bytes(part)
        return tower

    def read(self) -> "ov.CompiledModel":
        """The tower, compiled for this processor.

        Raises ModelUnavailable where it is gone or damaged, and where it computes otherwise here.
        """
        try:
            from models.clip.engines.in_openvino import compiled, read_graph, run

            content = {kind: self._file(kind).read_bytes() for kind in ("xml", "bin")}
            card: dict[str, Any] = json.loads(self._file("json").read_bytes())
            if _digest(content) != self.digest:
                raise ModelUnavailable(self._told("is damaged"))
            # The little that is no int8 is float32, on every processor.
            tower = compiled(read_graph(content["xml"], content["bin"]), FLOAT32)
            gives = run(tower, check_pictures((card["size"][0], card["size"][1])))
            agreed = agreement(gives, np.asarray(card["gives"], np.float32))
        except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
            raise ModelUnavailable(self._told(f"cannot be read ({error})")) from error
        if not agreed >= LEAST_AGREEMENT:
            raise ModelUnavailable(
                self._told(f"computes otherwise on this processor (cosine {agreed:.4f})")
            )
        return tower

    def remove(self) -> None:
        """Delete its files: nothing was encoded with it."""
        for kind in ("xml", "bin", "json"):
            self._file(kind).unlink(missing_ok=True)

    def _file(self, kind: str) -> Path:
        return self.folder / f"{self.digest}.{kind}"

    def _told(self, problem: str) -> str:
        return f"the library's tower in int8, {str(self._file('bin'))!r}, {problem}: {_WAY_OUT}"


class Int8Engine:
    """Pictures by a tower in int8, which is read when the first come; texts as without it."""

    name = OPENVINO
    precision = INT8
    batch_size = _BATCH_SIZE

    def __init__(self, usual: Engine, tower: Int8Tower) -> None:
        self.pads_texts = usual.pads_texts
        self.texts_precision = usual.texts_precision
        self._usual = usual
        self._tower = tower
        self._compiled: ov.CompiledModel | None = None
        self._lock = threading.Lock()  # a compiled model answers one at a time

    def pictures(self, pictures: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """As of `Engine`. Raises ModelUnavailable."""
        with self._lock:
            if self._compiled is None:
                self._compiled = self._tower.read()
            from models.clip.engines.in_openvino import run

            return run(self._compiled, pictures)

    def tokens(self, token_ids: np.ndarray) -> np.ndarray:
        """As of `Engine`."""
        return self._usual.tokens(token_ids)

    def many_texts(
        self, token_ids: np.ndarray, *, precision: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """As of `Engine`."""
        return self._usual.many_texts(token_ids, precision=precision)


def _serialised(graph: "ov.Model") -> dict[str, bytes]:
    """A graph as OpenVINO writes it down: what is done, and the numbers to do it with."""
    from models.clip.engines.openvino_library import ov

    # Names count what a process has made before. Without them the same frames give the same tower.
    graph.set_friendly_name(INT8)
    for number, operation in enumerate(graph.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    with tempfile.TemporaryDirectory() as folder:
        xml, numbers = Path(folder) / "tower.xml", Path(folder) / "tower.bin"
        ov.serialize(graph, xml, numbers)
        nameless = _NAMES_BEFORE.sub(b"", xml.read_bytes())
        return {"xml": nameless, "bin": numbers.read_bytes()}


def _digest(content: dict[str, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in (content["xml"], content["bin"]):
        digest.update(part)
    return digest.hexdigest()
