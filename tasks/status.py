"""`kinodex status`, `failed`, `remove` and `where`: what the library says about itself."""

from pathlib import Path

from rich.text import Text
from sqlalchemy.orm import Session

from models.clip.engines.choice import INT8, OPENVINO, TORCH, EngineChoice, kind_of_device
from models.clip.engines.keys import find_entry
from models.errors import KinodexError
from models.files import typed_path
from models.named import name_of
from search.catalog.keeping import count_unheld
from search.catalog.settings import LibrarySettings
from search.catalog.spaces import active_space, choice_of, encoder_of
from search.catalog.store import Store, default_folder
from search.catalog.summary import Summary, failures, summarise
from search.catalog.tables import Space
from search.catalog.writing import remove_paths as forget
from search.wording import clock, counted, printable, short_path
from tasks.terminal.printing import data, data_console, data_json, field, plain_table, talk


def print_status(folder: Path | None, *, as_json: bool) -> None:
    """Counts, model and space used, one a line."""
    with Store.open(folder) as library:
        summary = summarise(library)
        with library.reading() as session:
            space = active_space(session)
    engine, named = (_engine(space), _named(space)) if space else (None, None)
    if as_json:
        data_json(summary.as_json() | {"named": named, "engine": engine})
        return
    table = plain_table(with_headings=False)
    for name, value in _lines(summary, named, engine):
        table.add_row(name, Text(value))
    data_console.print(table)


def _named(space: Space) -> str | None:
    """Which of the three names stands for a library's model on this machine."""
    return name_of(choice_of(space), kind_of_device(None))


def _engine(space: Space) -> str:
    """What computes embeddings for a library on this machine. Nothing is loaded for the answer."""
    kind, asked = kind_of_device(None), EngineChoice.from_environment()
    if space.int8:
        return f"{OPENVINO}, {INT8}"
    if asked.name_for(kind) == TORCH:
        return f"{TORCH}, on {kind}"
    entry = find_entry(choice_of(space), asked.plain_precision, encoder_of(space))
    if entry is None:
        return f"{OPENVINO}: the model will be compiled at its next use"
    if "refused" in entry.card:
        return f"{TORCH}, on {kind}: {entry.card['refused']}"
    return f"{OPENVINO}, {entry.card['precision']}"


def _lines(summary: Summary, named: str | None, engine: str | None) -> list[tuple[str, str]]:
    model = summary.model or "none yet"
    head = f", head {summary.head}" if summary.head else ""
    return [
        ("library", printable(summary.folder)),
        ("model", f"{named}: {model}{head}" if named else f"{model}{head}"),
        ("engine", engine or "none yet"),
        ("videos", f"{summary.videos} ({clock(summary.hours * 3600)} in all)"),
        ("segments", str(summary.segments)),
        ("tags", _tags(summary)),
        ("sketches", _sketches(summary)),
        ("files", _counts(summary)),
        ("kept", f"{counted(summary.kept, 'video')} that no file holds any more"),
        ("space used", f"{summary.size_bytes / 1e6:.1f} MB"),
    ]


def _tags(summary: Summary) -> str:
    if summary.vocabulary is None:
        return "none yet: 'kinodex tag' makes them"
    return f"{printable(summary.vocabulary)}, on {counted(summary.tagged, 'segment')}"


def _sketches(summary: Summary) -> str:
    if not summary.sketched:
        return "none yet: 'kinodex sketch' draws them"
    return f"{summary.sketched} of {counted(summary.segments, 'segment')}"


def _counts(summary: Summary) -> str:
    counts = {
        "indexed": summary.indexed,
        "waiting": summary.waiting,
        "failed": summary.failed,
        "missing": summary.missing,
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def print_failed(folder: Path | None, *, as_json: bool) -> None:
    """The files that failed, each with stage, reason and number of attempts."""
    with Store.open(folder) as library:
        rows = failures(library)
    for row in rows:
        if as_json:
            data_json(row.as_json())
        else:
            data(f"{field(short_path(row.path))}\t{row.stage}\t{row.reason}")
    if rows and not as_json:
        talk(f"{counted(len(rows), 'file')} failed: 'kinodex failed --retry' tries them again")


def remove_paths(folder: Path | None, paths: list[Path], *, as_json: bool) -> None:
    """Forget files and folders: all, or none if the library does not know one of them.

    What was encoded of them is kept for a time.
    """
    removed = 0
    with Store.open(folder) as library:
        with library.writing() as session:
            before = count_unheld(session).videos
            for path in paths:
                removed += _forget(session, typed_path(path).absolute())
            kept = count_unheld(session).videos - before
        days = library.settings(LibrarySettings).keep_days
    if as_json:
        data_json({"removed": removed, "kept": kept})
    talk(f"{counted(removed, 'file')} removed from the library (not from the disk)")
    if kept:
        talk(
            f"what was encoded of {counted(kept, 'video')} is kept for {days:g} days, should they "
            "come back; 'kinodex clean --now' deletes it"
        )


def _forget(session: Session, place: Path) -> int:
    # As it was typed, else where its links lead: names are stored resolved.
    count = forget(session, place) or forget(session, place.resolve())
    if not count:
        raise KinodexError(f"the library knows nothing at {str(place)!r}: nothing was removed")
    return count


def print_places(folder: Path | None, *, as_json: bool) -> None:
    """The folders and files that make up the library, whether they exist yet or not."""
    place = typed_path(folder or default_folder()).resolve()
    places = {
        "library": place,
        "catalog": place / "catalog.db",
        "vectors": place / "vectors",
        "media": place / "media",
        "settings": place / "library.toml",
    }
    if as_json:
        data_json({name: str(path) for name, path in places.items()})
        return
    for name, path in places.items():
        data(f"{name}\t{field(path)}")
