"""`kinodex verify`, `backup` and `restore`: a library checked, mended, copied and brought back."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import select

from indexer.reading.contents import hash_content
from indexer.reading.errors import DecodeFailed, GivenUp
from models.errors import KinodexError
from search.catalog.database import CatalogError
from search.catalog.soundness import HARMLESS, Part, Problem, find_problems
from search.catalog.store import Store, place_of
from search.catalog.tables import Video, VideoPath
from search.upkeep.archive import Backup, restore_backup, write_backup
from search.upkeep.caches import find_open_parts, find_stale_pictures, find_stale_vectors
from search.upkeep.repairing import BEFORE_REPAIR, repair
from search.wording import counted, printable
from tasks.terminal.bars import WorkBar
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import data, data_json, talk

_NOTHING_HELPS = "only a backup helps: 'kinodex restore'"
_READABLE = {Part.LOOKUP, Part.REFERENCES, Part.PATHS, Part.MADE}


def run_verify(folder: Path | None, *, content: bool, mend: bool, as_json: bool) -> int:
    """Say what is wrong with a library, a sentence each, and mend what can be; → the exit code.

    content: read every video too, and compare it with its digest
    """
    with stop_on_interrupt() as stop:
        try:
            with Store.open(folder) as library:
                problems = list(_find(library, stop, content=content))
                mended = repair(library, problems) if mend else []
        except CatalogError as error:  # it cannot even be opened
            problems, mended = [Problem(Part.PAGES, str(error))], []
    wrong = [problem for problem in problems if problem.part not in HARMLESS]
    mended = [problem for problem in mended if problem in wrong]
    if as_json:
        data_json({"problems": list(map(_as_json, wrong)), "mended": list(map(_as_json, mended))})
    else:
        _print(wrong, mended=mend)
    _say_harmless(problems, mended=mend)
    left = [problem for problem in wrong if problem not in mended]
    _summarise(len(wrong), len(wrong) - len(left), left)
    if stop.is_set():
        return Exit.INTERRUPTED
    return Exit.ERROR if left else Exit.DONE


def run_backup(folder: Path | None, file: Path, *, media: bool, as_json: bool) -> None:
    """Put a library into one file. Raises KinodexError."""
    target = place_of(file)
    with Store.open(folder) as library:
        try:
            backup = write_backup(library, target, media=media)
            size_bytes = target.stat().st_size
        except OSError as error:
            raise KinodexError(
                f"the backup {str(target)!r} cannot be written: {error.strerror}"
            ) from error
        uploads = _uploaded(library)
    if as_json:
        data_json({"file": str(target), "size_bytes": size_bytes, **asdict(backup)})
    talk(f"{_held(backup)} in {printable(target)} ({size_bytes / 1e6:.1f} MB)")
    if uploads:
        talk(f"{counted(uploads, 'uploaded video')} in the library's folder: back them up as files")


def run_restore(folder: Path | None, file: Path, *, replace: bool, as_json: bool) -> None:
    """Make a library from a backup. Raises KinodexError."""
    place = place_of(folder)
    try:
        backup = restore_backup(place_of(file), place, replace=replace)
    except OSError as error:
        raise KinodexError(
            f"the library in {str(place)!r} cannot be written: {error.strerror}"
        ) from error
    Store.open(place).close()  # an older catalog is brought up to date
    if as_json:
        data_json({"library": str(place), **asdict(backup)})
    talk(f"{_held(backup)} restored to {printable(place)}, as of {backup.made_at[:19]} UTC")


def _find(library: Store, stop: threading.Event, *, content: bool) -> Iterator[Problem]:
    with library.reading() as session:
        in_catalog = list(find_problems(session))
    yield from in_catalog
    # Caches are compared with a catalog that can be read.
    if all(problem.part in _READABLE for problem in in_catalog):
        yield from find_stale_vectors(library)
        yield from find_stale_pictures(library)
        if content:
            yield from _changed_contents(library, stop)
    yield from find_open_parts(library)


def _changed_contents(library: Store, stop: threading.Event) -> Iterator[Problem]:
    """Files whose size and time say that they are as they were, and whose bytes say otherwise."""
    with library.reading() as session:
        rows = session.execute(
            select(VideoPath.id, VideoPath.path, VideoPath.size_bytes, VideoPath.mtime_ns)
            .add_columns(Video.content_hash)
            .join(Video, Video.id == VideoPath.video_id)
            .where(VideoPath.missing_since.is_(None))
            .order_by(VideoPath.path)
        ).all()
    with WorkBar("reading", "videos") as bar:
        for done, (number, path, size_bytes, mtime_ns, digest) in enumerate(rows, start=1):
            if stop.is_set():
                return
            reason = _wrong_content(path, (size_bytes, mtime_ns), digest, stop)
            if reason:
                what = f"{str(path)!r} {reason}"
                remedy = "it is looked at again by the next 'kinodex index'"
                yield Problem(Part.CONTENT, what, remedy, "paths", number)
            bar.show(done, len(rows))


def _wrong_content(
    path: Path, known: tuple[int, int], digest: str, stop: threading.Event
) -> str | None:
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) != known:
            return None  # it was changed, which the next indexing sees
        found = hash_content(path, given_up=stop.is_set)
    except FileNotFoundError:
        return None
    except GivenUp:
        return None
    except (OSError, DecodeFailed) as error:
        return f"cannot be read: {error}"
    return None if found == digest else "has other bytes than it had, at the same size and time"


def _as_json(problem: Problem) -> dict[str, str | None]:
    return {"part": problem.part.value, "what": problem.what, "remedy": problem.remedy}


def _print(problems: Sequence[Problem], *, mended: bool) -> None:
    for problem in problems:
        how = "mended" if mended and problem.remedy else "--repair"
        remedy = f"{how}: {problem.remedy}" if problem.remedy else _NOTHING_HELPS
        data(f"{problem.part.value}\t{printable(problem.what)}\t{printable(remedy)}")


def _say_harmless(problems: Sequence[Problem], *, mended: bool) -> None:
    found = Counter(problem.part for problem in problems)
    if count := found[Part.ACCESS]:
        done = "were shut" if mended else "--repair shuts them"
        talk(f"{counted(count, 'part')} of the library open to more than 'group' says: {done}")
    if count := found[Part.LEFTOVER]:
        done = "were removed" if mended else "--repair removes them"
        talk(f"{counted(count, 'file')} that nothing needs any more: {done}")


def _summarise(wrong: int, mended: int, left: Sequence[Problem]) -> None:
    if not wrong:
        talk("nothing is wrong with the library")
        return
    parts = [f"{counted(wrong, 'thing')} wrong"]
    if mended:
        parts.append(f"{mended} mended (the catalog as it was: {BEFORE_REPAIR})")
    elif any(problem.remedy for problem in left):
        parts.append("'kinodex verify --repair' mends what can be")
    talk(", ".join(parts))


def _held(backup: Backup) -> str:
    counts = backup.counts
    return (
        f"{counted(counts['videos'], 'video')}, {counted(counts['segments'], 'segment')}, "
        f"{counted(counts['corrections'], 'correction')}"
    )


def _uploaded(library: Store) -> int:
    return sum(file.is_file() for file in (library.folder / "uploads").rglob("*"))
