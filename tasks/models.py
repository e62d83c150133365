"""`kinodex models`: what is kept of models, as compiled for this processor and as texts read."""

from datetime import datetime
from typing import Any

from models.clip.engines import cache
from models.clip.kept_texts import COUNT
from search.wording import counted, printable
from tasks.terminal.printing import data_json, print_rows, talk

_HEADINGS = ("model", "last used", "precision", "agrees to", "MB")


def list_models(*, as_json: bool) -> None:
    """The compiled models, the one used last first."""
    rows = [_row(entry) for entry in cache.entries()]
    if as_json:
        for row in rows:
            data_json(row)
    else:
        print_rows(_HEADINGS, [_cells(row) for row in rows], names=2)
    talk(
        f"{_counted(cache.entries())} in {printable(cache.cache_folder())}, at most "
        f"{cache.most_bytes() / 1e9:g} GB; 'kinodex models --clear' removes them, and the next use "
        "of a model compiles it again"
    )


def clear_models(*, as_json: bool) -> None:
    """Remove all compiled models, and count them."""
    found = _counted(cache.entries())
    removed, size_bytes = cache.clear()
    if as_json:
        data_json({"removed": removed, "size_bytes": size_bytes})
    talk(f"{found} removed ({size_bytes / 1e6:.0f} MB)")


def _counted(entries: list[cache.Entry]) -> str:
    read = sum(COUNT in entry.card for entry in entries)
    models = counted(len(entries) - read, "compiled model")
    return f"{models} and {counted(read, 'list')} of read texts" if read else models


def _row(entry: cache.Entry) -> dict[str, Any]:
    used = datetime.fromtimestamp(entry.folder.stat().st_mtime)
    told = {name: entry.card.get(name) for name in ("precision", "agreement", "refused", COUNT)}
    return {
        "model": entry.card.get("name", "?"),
        **told,
        "size_bytes": cache.size_of(entry.folder),
        "last_used": used.isoformat(" ", "minutes"),
        "folder": str(entry.folder),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    name, size = printable(row["model"]), f"{row['size_bytes'] / 1e6:.0f}"
    if row[COUNT]:
        return [name, row["last_used"], "", counted(row[COUNT], "text"), size]
    if row["refused"]:
        return [name, row["last_used"], "torch", printable(row["refused"]), size]
    return [name, row["last_used"], row["precision"], f"{row['agreement']:.6f}", size]
