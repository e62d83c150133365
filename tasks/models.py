"""`kinodex models`: what is kept of models that were compiled for this processor."""

from datetime import datetime
from typing import Any

from rich.table import Table

from models.clip.engines import cache
from search.wording import counted, printable
from tasks.terminal.printing import data_console, data_json, talk


def list_models(*, as_json: bool) -> None:
    """The compiled models, the one used last first."""
    rows = [_row(entry) for entry in cache.entries()]
    if as_json:
        for row in rows:
            data_json(row)
        return
    table = Table("model", "precision", "agrees to", "MB", "last used", box=None, pad_edge=False)
    for row in rows:
        agreement = f"{row['agreement']:.6f}" if row["agreement"] else printable(row["refused"])
        size = f"{row['size_bytes'] / 1e6:.0f}"
        table.add_row(
            printable(row["model"]), row["precision"] or "torch", agreement, size, row["last_used"]
        )
    if rows:
        data_console.print(table)
    talk(
        f"{counted(len(rows), 'model')} in {printable(cache.cache_folder())}, at most "
        f"{cache.most_bytes() / 1e9:g} GB; 'kinodex models --clear' removes them, and the next use "
        "of a model compiles it again"
    )


def clear_models(*, as_json: bool) -> None:
    """Remove all compiled models, and count them."""
    removed, size_bytes = cache.clear()
    if as_json:
        data_json({"removed": removed, "size_bytes": size_bytes})
    talk(f"{counted(removed, 'compiled model')} removed ({size_bytes / 1e6:.0f} MB)")


def _row(entry: cache.Entry) -> dict[str, Any]:
    used = datetime.fromtimestamp(entry.folder.stat().st_mtime)
    card = entry.card
    return {
        "model": card.get("name", "?"),
        "precision": card.get("precision"),
        "agreement": card.get("agreement"),
        "refused": card.get("refused"),
        "size_bytes": cache.size_of(entry.folder),
        "last_used": used.isoformat(" ", "minutes"),
        "folder": str(entry.folder),
    }
