"""`kinodex models`: those to choose from, and what is kept of them: compiled, and texts read."""

from datetime import datetime
from typing import Any

from models.clip.engines import cache, speed
from models.clip.engines.choice import EngineChoice, kind_of_device
from models.clip.kept_texts import COUNT
from models.clip.usual import hours_an_hour
from models.named import NAMES, meant_by
from search.wording import counted, printable
from tasks.terminal.printing import data_json, print_rows, talk

_HEADINGS = ("name", "model", "hours of video an hour", "compiled", "agrees to", "MB", "last used")


_NOT_COMPILED: dict[str, Any] = {
    COUNT: None,
    "precision": None,
    "agreement": None,
    "refused": None,
    "size_bytes": 0,
    "last_used": None,
    "folder": None,
}


def list_models(*, measure: bool, as_json: bool) -> None:
    """What the names stand for on this machine, and the compiled models, the one used last first.

    measure: see first how fast this machine is with those that have names
    """
    kind, asked = kind_of_device(None), EngineChoice.from_environment()
    if measure:
        for name in NAMES:
            choice = meant_by(name, kind)
            talk(f"measuring '{name}', {choice}")
            speed.measured(choice.name, asked, kind)
    kept = [_kept(entry) for entry in cache.entries()]
    rows = _all(kept, asked, kind)
    if as_json:
        for row in rows:
            data_json(row)
    else:
        print_rows(_HEADINGS, [_cells(row) for row in rows], names=2)
    talk(
        f"{_counted(kept)} in {printable(cache.cache_folder())}, at most "
        f"{cache.most_bytes() / 1e9:g} GB; 'kinodex models --clear' removes them, and the next use "
        "of a model compiles it again"
    )
    if any(row["name"] and row["frames_per_s"] is None for row in rows):
        talk("'kinodex models --measure' tells how fast this machine is, without any download")


def clear_models(*, as_json: bool) -> None:
    """Remove all compiled models, and count them."""
    found = _counted([_kept(entry) for entry in cache.entries()])
    removed, size_bytes = cache.clear()
    if as_json:
        data_json({"removed": removed, "size_bytes": size_bytes})
    talk(f"{found} removed ({size_bytes / 1e6:.0f} MB)")


def _counted(kept: list[dict[str, Any]]) -> str:
    read = sum(bool(row[COUNT]) for row in kept)
    models = counted(len(kept) - read, "compiled model")
    return f"{models} and {counted(read, 'list')} of read texts" if read else models


def _all(kept: list[dict[str, Any]], asked: EngineChoice, kind: str) -> list[dict[str, Any]]:
    """Those with a name first, whether anything is kept of them or not."""
    named = {str(meant_by(name, kind)): name for name in NAMES}
    there = {row["model"] for row in kept if not row[COUNT]}
    missing = [_NOT_COMPILED | {"model": model} for model in named if model not in there]
    rows = [row | {"name": named.get(row["model"])} for row in (*missing, *kept)]
    for row in rows:
        architecture = row["model"].split(" (")[0]
        row["frames_per_s"] = speed.remembered(architecture, asked, kind)
    order = list(named.values())
    return sorted(rows, key=lambda row: order.index(row["name"]) if row["name"] else len(order))


def _kept(entry: cache.Entry) -> dict[str, Any]:
    used = datetime.fromtimestamp(entry.folder.stat().st_mtime)
    told = {name: entry.card.get(name) for name in ("precision", "agreement", "refused", COUNT)}
    return {
        "model": str(entry.card.get("name", "?")),
        **told,
        "size_bytes": cache.size_of(entry.folder),
        "last_used": used.isoformat(" ", "minutes"),
        "folder": str(entry.folder),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    frames_per_s, agreement = row["frames_per_s"], row["agreement"]
    return [
        row["name"] or "",
        printable(row["model"]),
        f"{hours_an_hour(frames_per_s):g}" if frames_per_s else "",
        _how(row),
        f"{agreement:.6f}" if agreement else "",
        f"{row['size_bytes'] / 1e6:.0f}" if row["size_bytes"] else "",
        row["last_used"] or "",
    ]


def _how(row: dict[str, Any]) -> str:
    """What is kept of a model: in what it was compiled, why it was not, or how much it has read."""
    if row[COUNT]:
        return counted(row[COUNT], "text")
    if row["refused"]:
        return f"torch: {printable(row['refused'])}"
    return row["precision"] or "not yet"
