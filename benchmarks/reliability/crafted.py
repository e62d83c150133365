"""Files of weights that somebody has crafted: code in pickles, lying headers, impossible heads.

Each maker writes one file; what it would do, were it believed, is its name.
"""

import gzip
import io
import json
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from models.heads.checkpoints import HEAD_FILE

OWNED = "owned"  # a file that appears beside the weights when code in them has run
_BUNDLED = Path(__file__).parents[2] / "models" / "bundled"
_HEAD, _ACTIONS = _BUNDLED / HEAD_FILE, _BUNDLED / "actions.safetensors"
_CARD = "kinodex_head"
_MANY = 1 << 40

Maker = Callable[[Path], None]


@dataclass(frozen=True)
class Crafted:
    """A file that must be refused. suffix: what its name ends in; kind: where it is given."""

    name: str
    kind: str
    suffix: str
    write: Maker


class _Call:
    """Unpickled carelessly, it calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._reduced


def _bombs(owned: str) -> Mapping[str, Any]:
    import os
    import subprocess

    return {
        "runs a shell": _Call(os.system, f"touch {owned}"),
        "opens a file": _Call(open, owned, "w"),
        "runs Python": _Call(exec, f"open({owned!r}, 'w')"),
        "evaluates Python": _Call(eval, f"open({owned!r}, 'w')"),
        "starts a program": _Call(subprocess.call, ["touch", owned]),
        "makes a folder": _Call(os.mkdir, owned),
        "reaches for an attribute": _Call(getattr, _Call(__import__, "os"), "system"),
        "imports a module": _Call(__import__, "this"),
    }


def _with_code(what: str, *, legacy: bool = False, bare: bool = False) -> Maker:
    def write(file: Path) -> None:
        bomb = _bombs(str(file.with_name(OWNED)))[what]
        state = {"logit_scale": torch.tensor(1.0), "visual.proj": bomb}
        if bare:
            file.write_bytes(pickle.dumps(state, protocol=2))
        else:
            torch.save(state, file, _use_new_zipfile_serialization=not legacy)

    return write


def _torch(state: Callable[[], Any]) -> Maker:
    return lambda file: torch.save(state(), file)


def _bytes(content: bytes) -> Maker:
    return lambda file: _write(file, content)


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def _state() -> dict[str, torch.Tensor]:
    """The bundled model's weights."""
    with safe_open(_BUNDLED / "weights.safetensors", framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def _saved(state: Any) -> bytes:
    kept = io.BytesIO()
    torch.save(state, kept)
    return kept.getvalue()


def _archive(change: Callable[[dict[str, bytes]], dict[str, bytes]], *, packed: bool) -> Maker:
    """torch's own archive with other members; packed: deflated, which torch never does."""

    def write(file: Path) -> None:
        with zipfile.ZipFile(io.BytesIO(_saved({"visual.proj": torch.zeros(64)}))) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with zipfile.ZipFile(file, "w", how) as archive:
            for name, content in change(members).items():
                archive.writestr(name, content)

    return write


def _without(part: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda members: {name: data for name, data in members.items() if part not in name}


def _with(part: str, content: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda members: {n: content if part in n else data for n, data in members.items()}


def _rebuilt(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> Callable[[], Any]:
    """A tensor that claims another size than its memory has."""

    def state() -> Any:
        storage = torch.zeros(4).untyped_storage()
        with warnings.catch_warnings():  # torch has no other way to say what its files say
            warnings.simplefilter("ignore")
            typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32)
        claimed = _Call(torch._utils._rebuild_tensor_v2, typed, offset, size, stride, False, {})
        return {"visual.proj": claimed}

    return state


def _nested(depth: int) -> bytes:
    """A pickle of lists in lists."""
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


def _doubling(times: int) -> bytes:
    """A pickle that doubles a list again and again."""
    doubled = b"(h\x00h\x00l" + b"q\x00"
    return b"\x80\x02]q\x00" + doubled * times + b"."


def _script(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.Linear(3, 3)).save(str(file))


def _tar_with_code(file: Path) -> None:
    content = pickle.dumps(_bombs(str(file.with_name(OWNED)))["opens a file"], protocol=2)
    with tarfile.open(file, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _damaged(content: Callable[[], bytes], how: Callable[[bytes], bytes]) -> Maker:
    return lambda file: _write(file, how(content()))


def _flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    for place in range(len(changed) // 3, len(changed), len(changed) // 9):
        changed[place] ^= 0x55
    return bytes(changed)


def _cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


_TORCH: dict[str, Maker] = {
    **{f"a pickle that {what}": _with_code(what) for what in _bombs("")},
    "an old torch file that opens a file": _with_code("opens a file", legacy=True),
    "an old torch file that runs a shell": _with_code("runs a shell", legacy=True),
    "a bare pickle that opens a file": _with_code("opens a file", bare=True),
    "a tar that opens a file": _tar_with_code,
    "a whole module": _torch(lambda: torch.nn.Linear(3, 3)),
    "a compiled script": _script,
    "nothing": _bytes(b""),
    "text": _bytes(b"these are no weights\n"),
    "noise": lambda file: _write(file, torch.arange(5000).sin().numpy().tobytes()),
    "the head of a zip": _bytes(b"PK\x03\x04"),
    "an empty zip": _bytes(b"PK\x05\x06" + bytes(18)),
    "compressed": lambda file: _write(file, gzip.compress(_saved({"a": torch.zeros(3)}))),
    "an archive without its index": _archive(_without("data.pkl"), packed=False),
    "an archive without its numbers": _archive(_without("data/0"), packed=False),
    "an archive with too few numbers": _archive(_with("data/0", bytes(8)), packed=False),
    "an archive of another version": _archive(_with("version", b"99\n"), packed=False),
    "an archive that unpacks to a gigabyte": _archive(_with("data/0", bytes(1 << 30)), packed=True),
    "an archive that climbs out": _archive(
        lambda members: members | {"../../climbed": b"x"}, packed=True
    ),
    "lists in lists": _bytes(_nested(200_000)),
    "lists in lists, in an archive": _archive(_with("data.pkl", _nested(200_000)), packed=False),
    "a list doubled": _archive(_with("data.pkl", _doubling(60)), packed=False),
    "a tensor larger than its memory": _torch(_rebuilt((_MANY,), (1,))),
    "a tensor of negative size": _torch(_rebuilt((-5,), (1,))),
    "a tensor that begins behind its memory": _torch(_rebuilt((2,), (1,), offset=_MANY)),
    "a tensor that repeats its memory": _torch(_rebuilt((_MANY,), (0,))),
    "a sparse tensor": _torch(lambda: {"visual.proj": torch.eye(3).to_sparse()}),
    "a list of tensors": _torch(lambda: [torch.zeros(3)]),
    "one tensor": _torch(lambda: torch.zeros(3)),
    "no weights": _torch(dict),
    "numbered weights": _torch(lambda: {7: torch.zeros(1)}),
    "words for weights": _torch(lambda: {"visual.proj": "eye"}),
    "a table in a table": _torch(lambda: {"a": {"b": {"c": torch.zeros(1)}}}),
    "half of the weights": _torch(lambda: dict(list(_state().items())[::2])),
    "weights of one number each": _torch(
        lambda: {k: v.reshape(-1)[:1] for k, v in _state().items()}
    ),
    "a torch file cut off": _damaged(lambda: _saved(_state()), _cut(0.5)),
    "a torch file cut off early": _damaged(lambda: _saved(_state()), _cut(0.01)),
    "a torch file with bits turned": _damaged(lambda: _saved(_state())[:3000], _flipped),
}


def _safe(header: Any, data: bytes = b"", *, length: int | None = None) -> Maker:
    """A safetensors file with this header, as it is or as JSON, and the length that it claims."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = struct.pack("<Q", len(text) if length is None else length)
    return _bytes(size + text + data)


def _one(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"visual.proj": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}


_TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
_TWICE += b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
_SAFE: dict[str, Maker] = {
    "nothing": _bytes(b""),
    "a header of no length": _safe(b"", length=0),
    "a header of endless length": _safe(b"{}", length=(1 << 63)),
    "a header longer than the file": _safe(b"{}", length=5000),
    "a header longer than allowed": _safe(b"{}", length=100_000_001),
    "a header that is no JSON": _safe(b"not JSON at all!"),
    "a header that is no text": _safe(b"\xff\xfe\x00\x80"),
    "a header that is a list": _safe([1, 2, 3]),
    "a header of a number": _safe(7),
    "lists in lists": _safe(b"[" * 50_000 + b"]" * 50_000),
    "notes that are no texts": _safe({"__metadata__": {"a": 5}}),
    "numbers behind the end": _safe(_one("F32", [4], 0, 16), bytes(4)),
    "numbers far behind the end": _safe(_one("F32", [4], 1 << 50, (1 << 50) + 16), bytes(16)),
    "numbers before the start": _safe(_one("F32", [4], -16, 0), bytes(16)),
    "numbers backwards": _safe(_one("F32", [4], 16, 0), bytes(16)),
    "a shape of other size": _safe(_one("F32", [400], 0, 16), bytes(16)),
    "a shape beyond all numbers": _safe(_one("F32", [1 << 40, 1 << 40], 0, 16), bytes(16)),
    "a negative shape": _safe(_one("F32", [-4], 0, 16), bytes(16)),
    "numbers of an unknown kind": _safe(_one("F3", [4], 0, 16), bytes(16)),
    "a hole between numbers": _safe(
        {**_one("F32", [1], 0, 4), "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}},
        bytes(12),
    ),
    "numbers used twice": _safe(
        {**_one("F32", [4], 0, 16), "b": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}},
        bytes(16),
    ),
    "a name given twice": _safe(_TWICE, bytes(8)),
    "more numbers than named": _safe(_one("F32", [1], 0, 4), bytes(5000)),
    "a name that moves the cursor": _safe(
        {"\x1b[2J\x1b]0;owned\x07": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},
        bytes(4),
    ),
}


def _changed(
    tensors: Mapping[str, torch.Tensor], change: Callable[[torch.Tensor], torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The same with other numbers; whole numbers stay."""
    return {
        name: change(one).contiguous() if one.is_floating_point() else one
        for name, one in tensors.items()
    }


def _changed_weights(change: Callable[[torch.Tensor], torch.Tensor]) -> Maker:
    return lambda file: save_file(_changed(_state(), change), file)


_SAFE_WEIGHTS: dict[str, Maker] = {
    "weights that are not numbers": _changed_weights(lambda one: torch.full_like(one, torch.nan)),
    "weights that are endless": _changed_weights(lambda one: torch.full_like(one, torch.inf)),
    "weights of one number each": _changed_weights(lambda one: one.reshape(-1)[:1]),
    "a file cut off": _damaged((_BUNDLED / "weights.safetensors").read_bytes, _cut(0.5)),
}


def _head(source: Path, **changes: Any) -> Maker:
    """A head of ours with another card; a change of `config`, `encoder` or `action` is merged."""

    def write(file: Path) -> None:
        card, tensors = _parts(source)
        for name, value in changes.items():
            merges = isinstance(value, dict) and isinstance(card.get(name), dict)
            card[name] = {**card[name], **value} if merges else value
        save_file(tensors, file, metadata={_CARD: json.dumps(card)})

    return write


def _parts(source: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(source, framework="pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        return json.loads(opened.metadata()[_CARD]), tensors


def _head_with(change: Callable[[torch.Tensor], torch.Tensor]) -> Maker:
    def write(file: Path) -> None:
        card, tensors = _parts(_HEAD)
        save_file(_changed(tensors, change), file, metadata={_CARD: json.dumps(card)})

    return write


def _head_noted(notes: dict[str, str]) -> Maker:
    return lambda file: save_file(_parts(_HEAD)[1], file, metadata=notes)


_HEADS: dict[str, Maker] = {
    "a head without a card": _head_noted({}),
    "a card that is no JSON": _head_noted({_CARD: "no card"}),
    "a card that is a list": _head_noted({_CARD: "[1, 2]"}),
    "a card of lists in lists": _head_noted({_CARD: "[" * 50_000 + "]" * 50_000}),
    "a card without an encoder": _head(_HEAD, encoder=None),
    "a head wider than memory": _head(_HEAD, config={"dim": 1 << 30}),
    "a head of a million blocks": _head(_HEAD, config={"blocks": 1_000_000}),
    "a head of endless positions": _head(_HEAD, config={"positions": 1 << 40}),
    "a head of no attention heads that fit": _head(_HEAD, config={"attention_heads": 7}),
    "a head of negative blocks": _head(_HEAD, config={"blocks": -3}),
    "a head whose width is a word": _head(_HEAD, config={"dim": "wide"}),
    "a head whose width is a fraction": _head(_HEAD, config={"dim": 255.5}),
    "a head with an epsilon in words": _head(_HEAD, config={"layer_norm_epsilon": "small"}),
    "a head of an unknown kind": _head(_HEAD, config={"name": "cleverTransf"}),
    "a head of unknown properties": _head(_HEAD, config={"colour": "red"}),
    "a head that scores beyond numbers": _head(_HEAD, logit_scale=1e308),
    "a head that scores not a number": _head(_HEAD, logit_scale=float("nan")),
    "a head that scores in words": _head(_HEAD, logit_scale="much"),
    "a head of endless frames": _head(_HEAD, frames=1 << 60),
    "a head of frames in words": _head(_HEAD, frames="twelve"),
    "a head of negative frames": _head(_HEAD, frames=-12),
    "a head whose numbers are none": _head_with(lambda one: torch.full_like(one, torch.nan)),
    "a head of one number each": _head_with(lambda one: one.reshape(-1)[:1]),
    "a head for another model": _head(_HEAD, encoder={"model": "\x1b[2Jowned"}),
    "a head cut off": _damaged(_HEAD.read_bytes, _cut(0.7)),
}
_ACTION_HEADS: dict[str, Maker] = {
    "a calibration that is endless": _head(_ACTIONS, action={"scale": float("inf")}),
    "a calibration in words": _head(_ACTIONS, action={"scale": "much"}),
    "labels that are numbers": _head(_ACTIONS, action={"labels": [1, 2, 3]}),
    "labels that are one word": _head(_ACTIONS, action={"labels": "running"}),
    "a tower that does not exist": _head(_ACTIONS, action={"visual": "x-ray"}),
    "a feed-forward wider than memory": _head(_ACTIONS, config={"feed_forward": 1 << 40}),
    "dropout in words": _head(_ACTIONS, config={"dropout": "some"}),
}

# Where a file is given: to which command. See `weights.py`.
KINDS: Mapping[str, tuple[str, Mapping[str, Maker]]] = {
    "model": (".pt", _TORCH),
    "published": (".bin", _TORCH),
    "safe model": (".safetensors", {**_SAFE, **_SAFE_WEIGHTS}),
    "head": (".safetensors", {**_SAFE, **_HEADS}),
    "action head": (".safetensors", {**_SAFE, **_ACTION_HEADS}),
}


def all_crafted() -> Iterator[Crafted]:
    """Every file, for every kind of place that it can be given to."""
    for kind, (suffix, makers) in KINDS.items():
        yield from (Crafted(name, kind, suffix, make) for name, make in makers.items())


def different() -> int:
    """How many different files there are."""
    return len(_TORCH) + len(_SAFE) + len(_SAFE_WEIGHTS) + len(_HEADS) + len(_ACTION_HEADS)
