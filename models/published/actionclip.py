"""Reading ActionCLIP checkpoints as they were published (arXiv 2109.08472)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

# The two tables of weights in a file, and what stands before their keys here.
_MODEL, _FUSION = "model_state_dict", "fusion_model_state_dict"
_CLIP, _HEAD = "model.", "fusion."

# A head is recognised by these keys; with none of them it is MeanP.
_MARKS = {
    "fusion.shift.": "Conv1D",
    "fusion.lstm_visual.": "LSTM",
    "fusion.transformer.resblocks.": "Transf",
    "fusion.transformer.cls_token": "Transf_cls",
}
# Published prefix → the prefix that our head of that name has.
_PREFIXES: dict[str, dict[str, str]] = {
    "MeanP": {},
    "LSTM": {"fusion.lstm_visual.": "lstm."},
    "Transf": {
        "fusion.frame_position_embeddings.weight": "transformer.positions",
        "fusion.transformer.resblocks.": "transformer.blocks.",
    },
    "Transf_cls": {
        "fusion.transformer.cls_token": "class_token",
        "fusion.transformer.pos_embed": "positions",
        "fusion.transformer.transformer_enc.layers.": "layers.",
        "fusion.transformer.transformer_enc.norm.": "norm.",
    },
}
_LAYERS = "fusion.transformer.transformer_enc.layers."
_ATTENTION_HEADS_OF_TRANSF_CLS = 8  # at every width; no weight tells it
# These have axes of length 1 that ours do not have.
_LEADING_AXES = {"fusion.transformer.cls_token": (1, 1), "fusion.transformer.pos_embed": (1,)}
_IDLE = (*(_CLIP + key for key in IDLE_IN_CLIP), "fusion.frame_position_embeddings.weight")

_BLOCK = re.compile(r"(model\.visual\.transformer\.resblocks\.\d+\.)")
_TABLE_OF_TIMES = re.compile(r"model\.visual\..*(time|temporal|frame)")


def read_actionclip(file: Path) -> PublishedModel:
    """Backbone and head of a published checkpoint.

    Keys are named with "model." or "fusion." before them, by the part of the file that holds them.
    Nothing in the file is executed. Raises ImportRefused, with the keys that are missing, or with
    the reason why such a model cannot be run here.
    """
    published = _read_tables(file)
    name = _head_name(file, published)
    shifted = any(".net." in key and _BLOCK.match(key) for key in published)
    clip = {
        _plain(key).removeprefix(_CLIP): published[key]
        for key in published
        if key.startswith(_CLIP)
    }
    architecture, shapes = published_architecture(file, clip)
    config = _head_config(name, shapes["text_projection"][1], published)
    head = head_keys(config, _PREFIXES[name])
    towers = {_wrapped(_CLIP + ours) if shifted else _CLIP + ours: ours for ours in shapes}
    wanted = {theirs: shapes[ours] for theirs, ours in towers.items()}
    wanted |= {
        theirs: torch.Size((*_LEADING_AXES.get(theirs, ()), *size))
        for theirs, (_, size) in head.items()
    }
    check_whole(file, published, wanted)
    spare = sorted(set(published) - set(wanted))
    return PublishedModel(
        architecture=architecture,
        backbone={ours: published[theirs] for theirs, ours in towers.items()},
        head=load_published_head(config, published, head),
        logit_scale=float(published["model.logit_scale"]),
        used=len(wanted),
        idle=tuple(key for key in spare if key in _IDLE),
        unknown=tuple(key for key in spare if key not in _IDLE),
        shifted=shifted,
    )


def _read_tables(file: Path) -> dict[str, torch.Tensor]:
    state: Any = open_checkpoint(file)
    tables = {}
    for name, prefix in ((_MODEL, _CLIP), (_FUSION, _HEAD)):
        table = state.get(name) if isinstance(state, Mapping) else None
        if not is_table_of_weights(table):
            raise ImportRefused(
                f"{file.name!r} is no checkpoint as ActionCLIP saves them: it has no table of "
                f"weights {name!r}"
            )
        plain = without_parallel_prefix(table)
        tables.update({prefix + key: tensor for key, tensor in plain.items()})
    return tables


def _head_name(file: Path, published: Mapping[str, torch.Tensor]) -> str:
    """Raises ImportRefused for what cannot be run."""
    times = [key for key in published if _TABLE_OF_TIMES.match(key)]
    if times:
        raise ImportRefused(
            f"{file.name!r} was trained with Joint ({times[0]}): the published program cannot run "
            "Joint, so what made this file is not known, nor how it used the table"
        )
    name = head_marked(file, published, _MARKS)
    if name == "Conv1D":
        raise ImportRefused(
            f"{file.name!r} has a Conv1D head: in the published program it mixes channels with "
            "time by mistake, and a right Conv1D gives other results with its weights"
        )
    odd = [key for key in published if key.startswith(_HEAD) and key not in _IDLE]
    if name is None and odd:
        raise ImportRefused(f"{file.name!r} has a head that is not known here ({odd[0]})")
    return name or "MeanP"


def _head_config(name: str, dim: int, published: Mapping[str, torch.Tensor]) -> HeadConfig:
    prefixes = {ours: theirs for theirs, ours in _PREFIXES[name].items()}
    if name == "Transf":
        blocks = count_blocks(published, prefixes["transformer.blocks."])
        rows = _size(published, prefixes["transformer.positions"], -2, HeadConfig.positions)
        return HeadConfig(name, dim, blocks=blocks, positions=max(2, rows))
    if name == "Transf_cls":
        rows = _size(published, prefixes["positions"], -2, HeadConfig.positions)
        return HeadConfig(
            name,
            dim,
            blocks=count_blocks(published, _LAYERS),
            attention_heads=_ATTENTION_HEADS_OF_TRANSF_CLS,
            positions=max(2, rows),
            feed_forward=_size(published, f"{_LAYERS}0.linear1.weight", 0, HeadConfig.feed_forward),
        )
    return HeadConfig(name, dim)


def _size(published: Mapping[str, torch.Tensor], key: str, axis: int, otherwise: int) -> int:
    table = published.get(key)
    return otherwise if table is None or table.ndim < 2 else table.shape[axis]


def _plain(key: str) -> str:
    """The key without the level that Shift's wrapper adds to the blocks of the picture tower."""
    return key.replace(".net.", ".")


def _wrapped(key: str) -> str:
    """The key with that level."""
    return _BLOCK.sub(r"\1net.", key)
