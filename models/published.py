"""Reading CLIP4Clip checkpoints as they were published (arXiv 2104.08860)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from models.architectures import (
    ClipShape,
    UnknownArchitecture,
    expected_shapes,
    find_quick_gelu_architecture,
)
from models.clip4clip import LooseHead, make_head
from models.errors import KinodexError
from models.head_config import HeadConfig
from models.patches import use_3d_patches
from models.tight import TightTransf

_CLIP = "clip."
_PATCHES_2D = "clip.visual.conv1.weight"
_PATCHES_3D = "clip.visual.conv2.weight"

# A head is recognised by these keys; with none of them it is meanP.
_MARKS = {
    "lstm_visual.": "seqLSTM",
    "transformerClip.": "seqTransf",
    "similarity_dense.": "tightTransf",
}
# Published prefix → the prefix that our head of that name has.
_PREFIXES: dict[str, dict[str, str]] = {
    "meanP": {},
    "seqLSTM": {"lstm_visual.": "lstm."},
    "seqTransf": {
        "frame_position_embeddings.weight": "transformer.positions",
        "transformerClip.resblocks.": "transformer.blocks.",
    },
    "tightTransf": {
        "cross.embeddings.position_embeddings.weight": "transformer.positions",
        "cross.transformer.resblocks.": "transformer.blocks.",
        "cross.pooler.ln_pool.": "norm.",
        "cross.pooler.dense.": "dense.",
        "similarity_dense.": "score.",
    },
}
# Known keys that a published file may hold without its model using them.
_IDLE_ALWAYS = ("clip.input_resolution", "clip.context_length", "clip.vocab_size")
_IDLE_IN_LOOSE_HEADS = ("cross.", "frame_position_embeddings.weight")


class ImportRefused(KinodexError):
    """A file that is no CLIP4Clip checkpoint, or not a whole one.

    missing: the keys that it lacks
    """

    def __init__(self, message: str, *, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True)
class PublishedModel:
    """A published model, taken apart.

    architecture: open_clip's name of the backbone
    backbone: its state dict, as open_clip names it
    patch_kernel: (width, 3, 3, patch, patch), the 3D patch projection, if the model has one; the
        backbone's own then is its sum over time, which is right where nothing moves
    head: in evaluation mode
    logit_scale: the natural logarithm of the factor on the cosines
    used: how many of the file's keys are in backbone, patch kernel and head
    idle: keys that such files hold without their model using them
    unknown: keys whose meaning we do not know
    """

    architecture: str
    backbone: dict[str, torch.Tensor]
    patch_kernel: torch.Tensor | None
    head: LooseHead | TightTransf
    logit_scale: float
    used: int
    idle: tuple[str, ...]
    unknown: tuple[str, ...]


def read_clip4clip(file: Path) -> PublishedModel:
    """Backbone and head of a published checkpoint.

    Nothing in the file is executed. Raises ImportRefused, with the keys that are missing.
    """
    published = load_weights(file)
    name = _head_name(file, published)
    clip = {key.removeprefix(_CLIP): key for key in published if key.startswith(_CLIP)}
    try:
        shape = ClipShape.of_weights({ours: published[key] for ours, key in clip.items()})
        architecture = find_quick_gelu_architecture(shape)
        wanted = {_CLIP + ours: size for ours, size in expected_shapes(architecture).items()}
    except UnknownArchitecture as error:
        raise ImportRefused(f"{file.name!r} cannot be imported: {error}") from error
    config = _head_config(name, shape.embed_dim, published)
    with torch.device("meta"):
        head_shapes = {ours: t.shape for ours, t in make_head(config).state_dict().items()}
    names = {_published_name(ours, name): ours for ours in head_shapes}
    wanted |= {theirs: head_shapes[ours] for theirs, ours in names.items()}
    if _PATCHES_3D in published:
        width, colours, height, breadth = wanted.pop(_PATCHES_2D)
        wanted[_PATCHES_3D] = torch.Size((width, colours, 3, height, breadth))
    _check(file, published, wanted)
    return _assemble(published, config, architecture, names, set(wanted))


def build_backbone(model: PublishedModel) -> torch.nn.Module:
    """The published backbone as an open_clip model in evaluation mode.

    With its 3D patch projection, if it has one: `patches.encode_clips` then encodes frames as
    in training.
    """
    import open_clip

    clip = open_clip.create_model(model.architecture, pretrained=None)
    clip.load_state_dict(model.backbone)
    if model.patch_kernel is not None:
        use_3d_patches(clip.visual)
        clip.visual.conv1.load_state_dict({"weight": model.patch_kernel})
    return clip.eval()


def load_weights(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a flat torch file, on the CPU, without the `module.` of parallel training.

    Raises ImportRefused for anything else; code in the file is not run.
    """
    if not file.is_file():
        raise ImportRefused(f"there is no file {str(file)!r}")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle and zip each raise their own kinds
        raise ImportRefused(
            f"{file.name!r} cannot be loaded safely: it is damaged, no torch file, or holds "
            "more than weights"
        ) from error
    if not isinstance(state, Mapping) or not all(map(_is_weight, state.items())) or not state:
        raise ImportRefused(f"{file.name!r} is no flat table of weights, as CLIP4Clip saves them")
    parallel = all(key.startswith("module.") for key in state)
    return {key.removeprefix("module.") if parallel else key: v for key, v in state.items()}


def _is_weight(item: tuple[object, object]) -> bool:
    key, value = item
    if not (isinstance(key, str) and isinstance(value, torch.Tensor)):
        return False
    # A view that repeats its memory could ask for any amount of it.
    return value.layout == torch.strided and value.nbytes <= value.untyped_storage().nbytes()


def _head_name(file: Path, published: Mapping[str, torch.Tensor]) -> str:
    found = [
        name for mark, name in _MARKS.items() if any(key.startswith(mark) for key in published)
    ]
    if len(found) > 1:
        raise ImportRefused(f"{file.name!r} holds more than one head: {', '.join(found)}")
    return found[0] if found else "meanP"


def _head_config(name: str, dim: int, published: Mapping[str, torch.Tensor]) -> HeadConfig:
    if name not in ("seqTransf", "tightTransf"):
        return HeadConfig(name, dim)
    theirs = {ours: prefix for prefix, ours in _PREFIXES[name].items()}
    blocks, table = theirs["transformer.blocks."], published.get(theirs["transformer.positions"])
    numbers = {
        key.removeprefix(blocks).split(".")[0] for key in published if key.startswith(blocks)
    }
    rows = len(table) if table is not None and table.ndim == 2 else HeadConfig.positions
    return HeadConfig(name, dim, blocks=max(1, len(numbers)), positions=max(2, rows))


def _published_name(ours: str, head: str) -> str:
    for theirs, prefix in _PREFIXES[head].items():
        if ours.startswith(prefix):
            return theirs + ours.removeprefix(prefix)
    raise AssertionError(f"the parameter {ours} of {head} has no published name")


def _check(
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


def _listed(keys: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(keys[:5])
    return f"{shown} and {len(keys) - 5} more keys" if len(keys) > 5 else shown


def _assemble(
    published: Mapping[str, torch.Tensor],
    config: HeadConfig,
    architecture: str,
    head_names: Mapping[str, str],
    wanted: set[str],
) -> PublishedModel:
    head = make_head(config)
    head.load_state_dict({ours: published[theirs] for theirs, ours in head_names.items()})
    backbone = {key.removeprefix(_CLIP): published[key] for key in wanted if key.startswith(_CLIP)}
    patch_kernel = backbone.pop(_PATCHES_3D.removeprefix(_CLIP), None)
    if patch_kernel is not None:
        backbone[_PATCHES_2D.removeprefix(_CLIP)] = patch_kernel.sum(dim=2)
    spare = sorted(set(published) - wanted)
    idle = tuple(key for key in spare if _is_idle(key, config.name))
    return PublishedModel(
        architecture=architecture,
        backbone=backbone,
        patch_kernel=patch_kernel,
        head=head.eval(),
        logit_scale=float(backbone["logit_scale"]),
        used=len(wanted),
        idle=idle,
        unknown=tuple(key for key in spare if key not in idle),
    )


def _is_idle(key: str, head: str) -> bool:
    # Only beside a 3D patch projection is the 2D one left over.
    if key in (*_IDLE_ALWAYS, _PATCHES_2D):
        return True
    return head != "tightTransf" and key.startswith(_IDLE_IN_LOOSE_HEADS)
