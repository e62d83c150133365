"""`kinodex import`: a published checkpoint becomes files that other commands load."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from models.errors import KinodexError
from models.files import typed_path
from models.heads.card import CENTRE, WHOLE, ActionCard, HeadCard
from models.heads.checkpoints import HEAD_FILE, save_backbone, save_head
from models.heads.config import ACTION_HEADS, LOOSE, HeadConfig
from models.heads.fit import BACKBONE_FILE
from models.published.actionclip import read_actionclip
from models.published.clip4clip import read_clip4clip
from models.published.files import ImportRefused, PublishedModel
from search.tags.vocabulary import read_vocabulary
from search.wording import counted, printable, short_path
from tasks.terminal.printing import data, data_console, data_json, plain_table, talk

_PATCHES_3D = (
    "3D: a frame is seen together with the two beside it, so frames are encoded in PyTorch"
)
_SHIFTED = "Shift: its frames see the frames beside them, so it reads videos, not stored frames"
_CROPS = {
    WHOLE: "whole frames, as the model sees any picture",
    CENTRE: "the centre of each frame, in evaluation; a library sees whole frames",
}
_WITH_POSITIONS = ("seqTransf", "tightTransf", "Transf", "Transf_cls")


@dataclass(frozen=True)
class Imported:
    """Where the parts of a published model lie now; `crop` is None for a model of search."""

    source: Path
    model: PublishedModel
    backbone: Path
    head: Path
    crop: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "file": str(self.source),
            "head": self.model.head.config.to_dict(),
            "model": self.model.architecture,
            "patches": "3D" if self.model.patches_3d else "2D",
            "shift": self.model.shifted,
            **({"crop": self.crop} if self.crop else {}),
            "logit_scale": self.model.logit_scale,
            "keys_used": self.model.used,
            "keys_idle": list(self.model.idle),
            "keys_unknown": list(self.model.unknown),
            "backbone_file": str(self.backbone),
            "head_file": str(self.head),
        }


def import_clip4clip(file: Path, out: Path, *, frames: int, as_json: bool) -> None:
    """Write the backbone and the head into the folder and print what was found.

    Raises ImportRefused for a file that is not a whole checkpoint, KinodexError for a folder that
    holds other weights.
    """
    _import(file, out, read_clip4clip, lambda _: {"frames": frames}, as_json=as_json)


def import_actionclip(
    file: Path, out: Path, *, frames: int, labels: str | None, crop: str, as_json: bool
) -> None:
    """The same for ActionCLIP; `labels` names the list that the model was trained on.

    crop: what of a frame it was shown, see `ActionCard`

    Raises BadVocabulary besides.
    """
    trained_on = () if labels is None else read_vocabulary(labels).labels

    def described(model: PublishedModel) -> dict[str, Any]:
        visual = "shift" if model.shifted else "plain"
        action = ActionCard(trained_on, visual=visual, placement="residual", crop=crop)
        config = model.head.config  # the table of Transf_cls has a row for each frame and one more
        known = config.positions - 1 if config.name == "Transf_cls" else frames
        return {"frames": known, "frame_rate": 0.0, "action": action}

    _import(file, out, read_actionclip, described, as_json=as_json)


def _import(
    file: Path,
    out: Path,
    read: Callable[[Path], PublishedModel],
    describe: Callable[[PublishedModel], dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    """`describe` gives what the head's card says beside what the file tells."""
    source, folder = typed_path(file), typed_path(out)
    _check_free(folder)
    try:
        model = read(source)
    except ImportRefused as error:
        for key in error.missing:
            talk(f"missing: {printable(key)}")
        raise
    imported = _write(source, model, folder, describe(model))
    if as_json:
        data_json(imported.as_json())
    else:
        _print(imported)


def _check_free(folder: Path) -> None:
    """Weights that took hours to train must not go by a slip of the hand."""
    for name in (BACKBONE_FILE, HEAD_FILE):
        if (folder / name).exists():
            raise KinodexError(
                f"{str(folder)!r} already holds {name}: name another folder with --out"
            )


def _write(
    source: Path, model: PublishedModel, folder: Path, described: dict[str, Any]
) -> Imported:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KinodexError(f"{str(folder)!r} cannot be a folder: {error.strerror}") from error
    backbone_file, head_file = folder / BACKBONE_FILE, folder / HEAD_FILE
    save_backbone(backbone_file, model.backbone)
    # Loaded as later commands load it, so that the head's card names the very same identity.
    backbone = load_backbone(choose_model(model.architecture, weights=backbone_file), device="cpu")
    card = HeadCard(
        config=model.head.config,
        encoder=backbone.identity,
        pretrained=None,
        dataset=f"imported from {source.name}",
        figures={},
        logit_scale=model.logit_scale,
        **described,
    )
    save_head(head_file, model.head, card)
    crop = card.action.crop if card.action else None
    return Imported(source, model, backbone_file, head_file, crop)


def _print(imported: Imported) -> None:
    table = plain_table(with_headings=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(imported):
        table.add_row(name, Text(value))
    data_console.print(table)
    for title, keys in (("idle", imported.model.idle), ("unknown", imported.model.unknown)):
        for key in keys:
            data(f"{title}: {printable(key)}")
    for line in _next_steps(imported):
        talk(line)


def _lines(imported: Imported) -> list[tuple[str, str]]:
    model = imported.model
    written = (imported.backbone, imported.head, imported.head.with_suffix(".json"))
    time = [("frames", _SHIFTED)] if model.shifted else []
    return [
        ("file", printable(imported.source)),
        ("head", _described(model.head.config)),
        ("backbone", model.architecture),
        ("patches", _PATCHES_3D if model.patches_3d else "2D"),
        *time,
        *([("crop", _CROPS[imported.crop])] if imported.crop else []),
        ("keys used", str(model.used)),
        ("keys idle", f"{len(model.idle)} (part of such files, without effect)"),
        ("keys unknown", str(len(model.unknown))),
        ("written", ", ".join(printable(short_path(file)) for file in written)),
    ]


def _described(config: HeadConfig) -> str:
    if config.name not in _WITH_POSITIONS:
        return f"{config.name}, width {config.dim}"
    blocks = counted(config.blocks, "block")
    return f"{config.name}, {blocks}, width {config.dim}, {config.positions} positions"


def _next_steps(imported: Imported) -> list[str]:
    weights, head = (shlex.quote(short_path(f)) for f in (imported.backbone, imported.head))
    model = f"--model {imported.model.architecture} --weights {weights}"
    index = f"kinodex index FOLDER {model}"
    name = imported.model.head.config.name
    if imported.model.shifted:
        return [f"measure it with: kinodex evaluate actions --data DATA {model} --head {head}"]
    if name in LOOSE:
        return [f"use it with: {index} --head {head}"]
    then = f"tag --head {head}" if name in ACTION_HEADS else f"search TEXT --rerank {head}"
    return [f"use it with: {index}", f"and then: kinodex {then}"]
