"""What befalls a library's files: flipped bits, lost pieces, and other things in their place."""

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

_PARTS: tuple[str, ...] = (
    "catalog.db",
    "library.toml",
    "indexing.lock",
    "sketching.lock",
    "media",
    "vectors",
)
_PARTS += ("indexing.progress", "catalog.db-wal", "catalog.db-shm", "uploads", "vocabularies")


def harm(library: Path, draw: random.Random) -> str:
    """Do one thing to a library; → what, in words."""
    done = draw.choices([one for one, _ in _HARMS], [weight for _, weight in _HARMS])[0]
    done(library, draw)
    return (done.__doc__ or "").strip(".")


def flip_bytes(library: Path, draw: random.Random) -> None:
    """Bytes of the catalog have other values."""
    content = bytearray((library / "catalog.db").read_bytes())
    for _ in range(draw.choice([1, 1, 4, 32, 256])):
        content[draw.randrange(len(content))] = draw.randrange(256)
    (library / "catalog.db").write_bytes(content)


def lose_page(library: Path, draw: random.Random) -> None:
    """A page of the catalog holds zeros."""
    with (library / "catalog.db").open("r+b") as file:
        pages = (library / "catalog.db").stat().st_size // 4096
        file.seek(4096 * draw.randrange(pages))
        file.write(bytes(4096))


def cut_off(library: Path, draw: random.Random) -> None:
    """The catalog ends too soon."""
    size_bytes = (library / "catalog.db").stat().st_size
    os.truncate(library / "catalog.db", draw.choice([0, 1, 100, 4096, size_bytes // 2]))


def other_value(library: Path, draw: random.Random) -> None:
    """A value of a row is one that no program writes."""
    values = [None, "", "x", b"", b"\xff" * 7, -1, 2**62, float("inf"), "2026-99-99", "[", "{}"]
    with closing(sqlite3.connect(library / "catalog.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        table = draw.choice([name for (name,) in tables if not name.startswith("sqlite_")])
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
        where = "" if draw.random() < 0.3 else "WHERE rowid = (SELECT max(rowid) FROM {})"
        with contextlib.suppress(sqlite3.Error):  # the table itself may forbid it
            connection.execute(
                f'UPDATE "{table}" SET "{draw.choice(columns)}" = ? {where.format(table)}',
                (draw.choice(values),),
            )


def put_in_place(library: Path, draw: random.Random) -> None:
    """Something else lies where a part of the library should."""
    part = library / draw.choice(_PARTS)
    if part.is_dir():
        shutil.rmtree(part)
    part.unlink(missing_ok=True)
    kind = draw.choice(["nothing", "garbage", "empty", "folder", "pipe", "loop", "device"])
    if kind == "garbage":
        part.write_bytes(draw.randbytes(5_000))
    elif kind == "empty":
        part.touch()
    elif kind == "folder":
        (part / "within").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(part)
    elif kind == "loop":
        part.symlink_to(part)
    elif kind == "device":
        part.symlink_to("/dev/null")


def damage_cache(library: Path, draw: random.Random) -> None:
    """A file of an index or a picture has other bytes, or is gone."""
    caches = (library / part for part in ("media", "vectors"))
    files = sorted(file for part in caches for file in part.rglob("*") if file.is_file())
    for file in draw.sample(files, min(len(files), 3)):
        content = bytearray(file.read_bytes())
        how = draw.choice(["gone", "empty", "bytes", "garbage"])
        if how == "gone":
            file.unlink()
            continue
        if how == "bytes" and content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes({"empty": b"", "garbage": draw.randbytes(900)}.get(how, bytes(content)))


_HARMS: tuple[tuple[Callable[[Path, random.Random], None], int], ...] = (
    (flip_bytes, 6),
    (lose_page, 2),
    (cut_off, 1),
    (other_value, 5),
    (put_in_place, 4),
    (damage_cache, 2),
)
