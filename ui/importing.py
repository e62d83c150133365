"""`kinodex import clip4clip`: a published checkpoint becomes files that other commands load."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from models.backbone import load_backbone
from models.checkpoints import BACKBONE_FILE, HEAD_FILE, HeadCard, save_backbone, save_head
from models.errors import KinodexError
from models.head_config import LOOSE, HeadConfig
from models.published import ImportRefused, PublishedModel, read_clip4clip
from models.sources import choose_model
from ui.printing import counted, data, data_console, data_json, printable, short_path, talk

_PATCHES_3D = (
    "3D: frames are encoded one by one here, so it was summed over time, which is exact only "
    "where nothing moves"
)


@dataclass(frozen=True)
class Imported:
    """Where the parts of a published model lie now."""

    source: Path
    model: PublishedModel
    backbone: Path
    head: Path

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "file": str(self.source),
            "head": self.model.head.config.to_dict(),
            "model": self.model.architecture,
            "patches": "2D" if self.model.patch_kernel is None else "3D",
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
    source, folder = file.expanduser(), out.expanduser()
    _check_free(folder)
    try:
        model = read_clip4clip(source)
    except ImportRefused as error:
        for key in error.missing:
            talk(f"missing: {printable(key)}")
        raise
    imported = _write(source, model, folder, frames)
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


def _write(source: Path, model: PublishedModel, folder: Path, frames: int) -> Imported:
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
        frames=frames,
    )
    save_head(head_file, model.head, card)
    return Imported(source, model, backbone_file, head_file)


def _print(imported: Imported) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
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
    return [
        ("file", printable(imported.source)),
        ("head", _described(model.head.config)),
        ("backbone", model.architecture),
        ("patches", "2D" if model.patch_kernel is None else _PATCHES_3D),
        ("keys used", str(model.used)),
        ("keys idle", f"{len(model.idle)} (part of such files, without effect)"),
        ("keys unknown", str(len(model.unknown))),
        ("written", ", ".join(printable(short_path(file)) for file in written)),
    ]


def _described(config: HeadConfig) -> str:
    if config.name not in ("seqTransf", "tightTransf"):
        return f"{config.name}, width {config.dim}"
    blocks = counted(config.blocks, "block")
    return f"{config.name}, {blocks}, width {config.dim}, {config.positions} positions"


def _next_steps(imported: Imported) -> list[str]:
    weights, head = (shlex.quote(short_path(f)) for f in (imported.backbone, imported.head))
    index = f"kinodex index FOLDER --model {imported.model.architecture} --weights {weights}"
    if imported.model.head.config.name in LOOSE:
        return [f"use it with: {index} --head {head}"]
    return [f"use it with: {index}", f"and then: kinodex search TEXT --rerank {head}"]
