"""Checkpoints that others published: opened safely, checked key by key, and made models of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import torch

from models.errors import KinodexError
from models.heads.config import HeadConfig
from models.heads.loose import LooseHead
from models.heads.make import make_head
from models.heads.tight import TightTransf
from models.published.architectures import (
    ClipShape,
    UnknownArchitecture,
    expected_shapes,
    find_quick_gelu_architecture,
)

# Every CLIP of OpenAI's has these; they say what the other weights say by their shapes.
IDLE_IN_CLIP = ("input_resolution", "context_length", "vocab_size")


class ImportRefused(KinodexError):
    """A file that is no checkpoint of the kind that was meant, or not a whole one.

    missing: the keys that it lacks
    """

    def __init__(self, message: str, *, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True)
class PublishedModel:
    """A published model, taken apart.

    architecture: open_clip's name of the backbone
    backbone: its state dict, as open_clip names it; the patch projection may be 3D, see
        `models.clip.patches`
    head: in evaluation mode
    logit_scale: the natural logarithm of the factor on the cosines
    used: how many of the file's keys are in backbone and head
    idle: keys that such files hold without their model using them
    unknown: keys whose meaning we do not know
    patches_3d: each frame is cut into patches together with the two beside it
    shifted: the picture tower shifts in time, on its residual path
    """

    architecture: str
    backbone: dict[str, torch.Tensor]
    head: LooseHead | TightTransf
    logit_scale: float
    used: int
    idle: tuple[str, ...]
    unknown: tuple[str, ...]
    patches_3d: bool = False
    shifted: bool = False


def open_checkpoint(file: Path) -> object:
    """What a torch file holds, on the CPU.

    Raises ImportRefused; code in the file is not run.
    """
    if not file.is_file():
        raise ImportRefused(f"there is no file {str(file)!r}")
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle and zip each raise their own kinds
        raise ImportRefused(
            f"{file.name!r} cannot be loaded safely: it is damaged, no torch file, or holds "
            "more than weights"
        ) from error


def is_table_of_weights(state: object) -> TypeGuard[Mapping[str, torch.Tensor]]:
    """Whether it is a mapping of names to plain tensors."""
    return isinstance(state, Mapping) and all(map(_is_weight, state.items()))


def without_parallel_prefix(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same without the `module.` of parallel training."""
    parallel = all(key.startswith("module.") for key in state)
    return {key.removeprefix("module.") if parallel else key: v for key, v in state.items()}


def published_architecture(
    file: Path, clip: Mapping[str, torch.Tensor]
) -> tuple[str, dict[str, torch.Size]]:
    """open_clip's name for a CLIP with OpenAI's names, and the shapes that its weights must have.

    Raises ImportRefused.
    """
    try:
        architecture = find_quick_gelu_architecture(ClipShape.of_weights(clip))
        return architecture, expected_shapes(architecture)
    except UnknownArchitecture as error:
        raise ImportRefused(f"{file.name!r} cannot be imported: {error}") from error


def count_blocks(keys: Iterable[str], prefix: str) -> int:
    """How many different numbers follow the prefix, at least one."""
    return max(1, len({k.removeprefix(prefix).split(".")[0] for k in keys if k.startswith(prefix)}))


def check_whole(
    file: Path, published: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Size]
) -> None:
    """Raises ImportRefused unless all that is wanted is there, in shape and finite."""
    missing = tuple(key for key in wanted if key not in published)
    if missing:
        raise ImportRefused(
            f"{file.name!r} is not whole: it lacks {_listed(missing)}", missing=missing
        )
    misshapen = [key for key, size in wanted.items() if published[key].shape != size]
    if misshapen:
        first = misshapen[0]
        found, size = (tuple(shape) for shape in (published[first].shape, wanted[first]))
        raise ImportRefused(
            f"{file.name!r} has weights of the wrong shape: {_listed(misshapen)} "
            f"(the first is {found}, not {size})"
        )
    broken = [key for key in wanted if not published[key].isfinite().all()]
    if broken:
        raise ImportRefused(f"{file.name!r} holds NaN or infinite numbers in {_listed(broken)}")


def head_marked(file: Path, keys: Iterable[str], marks: Mapping[str, str]) -> str | None:
    """The head whose mark some keys begin with; `marks`: prefix → head. Raises ImportRefused."""
    known = list(keys)
    found = [name for mark, name in marks.items() if any(key.startswith(mark) for key in known)]
    if len(found) > 1:
        raise ImportRefused(f"{file.name!r} holds more than one head: {', '.join(found)}")
    return found[0] if found else None


def head_keys(config: HeadConfig, prefixes: Mapping[str, str]) -> dict[str, tuple[str, torch.Size]]:
    """Published name → our name and our shape, for all weights of a head.

    prefixes: published prefix → our prefix
    """
    with torch.device("meta"):
        shapes = {ours: tensor.shape for ours, tensor in make_head(config).state_dict().items()}
    return {_published_name(ours, prefixes): (ours, shape) for ours, shape in shapes.items()}


def load_published_head(
    config: HeadConfig,
    published: Mapping[str, torch.Tensor],
    keys: Mapping[str, tuple[str, torch.Size]],
) -> LooseHead | TightTransf:
    """The head in evaluation mode; `keys` from `head_keys`. Axes of length 1 may differ."""
    head = make_head(config)
    head.load_state_dict(
        {ours: published[theirs].reshape(shape) for theirs, (ours, shape) in keys.items()}
    )
    return head.eval()


def _published_name(ours: str, prefixes: Mapping[str, str]) -> str:
    theirs, prefix = next(pair for pair in prefixes.items() if ours.startswith(pair[1]))
    return theirs + ours.removeprefix(prefix)


def _listed(keys: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(keys[:5])
    return f"{shown} and {len(keys) - 5} more keys" if len(keys) > 5 else shown


def _is_weight(item: tuple[object, object]) -> bool:
    key, value = item
    if not (isinstance(key, str) and isinstance(value, torch.Tensor)):
        return False
    # A view that repeats its memory could ask for any amount of it.
    return value.layout == torch.strided and value.nbytes <= value.untyped_storage().nbytes()
