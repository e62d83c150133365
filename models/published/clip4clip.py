"""Reading CLIP4Clip checkpoints as they were published (arXiv 2104.08860)."""

from collections.abc import Mapping
from pathlib import Path

import torch

from models.heads.config import HeadConfig
from models.published.files import (
    IDLE_IN_CLIP,
    ImportRefused,
    PublishedModel,
    check_whole,
    count_blocks,
    head_keys,
    head_marked,
    is_table_of_weights,
    load_published_head,
    open_checkpoint,
    published_architecture,
    without_parallel_prefix,
)

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
# Known keys that a published file may hold without its model using them. Only beside a 3D patch
# projection is the 2D one left over.
_IDLE_ALWAYS = (*(_CLIP + key for key in IDLE_IN_CLIP), _PATCHES_2D)
_IDLE_IN_LOOSE_HEADS = ("cross.", "frame_position_embeddings.weight")


def read_clip4clip(file: Path) -> PublishedModel:
    """Backbone and head of a published checkpoint.

    Nothing in the file is executed. Raises ImportRefused, with the keys that are missing.
    """
    state = open_checkpoint(file)
    if not is_table_of_weights(state) or not state:
        raise ImportRefused(f"{file.name!r} is no flat table of weights, as CLIP4Clip saves them")
    published = without_parallel_prefix(state)
    clip = {key.removeprefix(_CLIP): published[key] for key in published if key.startswith(_CLIP)}
    name = head_marked(file, published, _MARKS) or "meanP"
    architecture, shapes = published_architecture(file, clip)
    config = _head_config(name, shapes["text_projection"][1], published)
    head = head_keys(config, _PREFIXES[name])
    wanted = {_CLIP + ours: size for ours, size in shapes.items()}
    wanted |= {theirs: size for theirs, (_, size) in head.items()}
    if _PATCHES_3D in published:
        width, colours, height, breadth = wanted.pop(_PATCHES_2D)
        wanted[_PATCHES_3D] = torch.Size((width, colours, 3, height, breadth))
    check_whole(file, published, wanted)
    backbone = {
        key.replace(_PATCHES_3D, _PATCHES_2D).removeprefix(_CLIP): published[key]
        for key in wanted
        if key.startswith(_CLIP)
    }
    spare = sorted(set(published) - set(wanted))
    idle = tuple(key for key in spare if _is_idle(key, name))
    return PublishedModel(
        architecture=architecture,
        backbone=backbone,
        head=load_published_head(config, published, head),
        logit_scale=float(backbone["logit_scale"]),
        used=len(wanted),
        idle=idle,
        unknown=tuple(key for key in spare if key not in idle),
        patches_3d=_PATCHES_3D in published,
    )


def _head_config(name: str, dim: int, published: Mapping[str, torch.Tensor]) -> HeadConfig:
    if name not in ("seqTransf", "tightTransf"):
        return HeadConfig(name, dim)
    theirs = {ours: prefix for prefix, ours in _PREFIXES[name].items()}
    table = published.get(theirs["transformer.positions"])
    rows = len(table) if table is not None and table.ndim == 2 else HeadConfig.positions
    blocks = count_blocks(published, theirs["transformer.blocks."])
    return HeadConfig(name, dim, blocks=blocks, positions=max(2, rows))


def _is_idle(key: str, head: str) -> bool:
    return key in _IDLE_ALWAYS or (head != "tightTransf" and key.startswith(_IDLE_IN_LOOSE_HEADS))
