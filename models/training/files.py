"""What a training run leaves in its folder, each file whole at every moment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from models.errors import KinodexError
from models.files import replaced_whole

CHECKPOINT_FILE = "checkpoint.pt"
HISTORY_FILE = "history.jsonl"
# A run may be saved more or less often when it goes on: that changes no weight.
_FREE_TO_CHANGE = {"save_every"}


def save_checkpoint(file: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint as a whole: a crash leaves the old one or the new one."""
    with replaced_whole(file, durable=True, one_writer=True) as draft, draft.open("wb") as stream:
        torch.save(state, stream)


def load_checkpoint(
    file: Path, meant: Mapping[str, Any], device: torch.device
) -> dict[str, Any] | None:
    """The saved state, or None where there is none.

    Raises KinodexError when the file is damaged or belongs to a run that was meant otherwise.
    """
    if not file.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
        before: dict[str, Any] = state["meant"]
    except Exception as error:  # torch raises several kinds for a damaged file
        raise KinodexError(
            f"{str(file)!r} is not a readable checkpoint: delete it to train from the start"
        ) from error
    differences = [
        f"{name} was {before.get(name)}, now {meant.get(name)}"
        for name in sorted({*before, *meant} - _FREE_TO_CHANGE)
        if before.get(name) != meant.get(name)
    ]
    if differences:
        raise KinodexError(
            f"{str(file.parent)!r} holds another run ({'; '.join(differences)}): "
            "take another output folder, or give the same options to go on"
        )
    return state


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The steps of a run, in order. A line that a crash cut short ends them."""
    file = folder / HISTORY_FILE
    if not file.is_file():
        return []
    records: list[dict[str, Any]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


class History:
    """One JSON line a step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / HISTORY_FILE

    def add(self, record: Mapping[str, Any]) -> None:
        """Append a step."""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def cut_after(self, step: int) -> None:
        """Forget the steps after `step`: they will be taken again."""
        if not self._file.is_file():
            return
        kept = [record for record in read_history(self._folder) if record["step"] <= step]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        with replaced_whole(self._file) as draft:
            draft.write_text(text, encoding="utf-8")
