"""A disk that fails at the n-th call, or a process that dies there, by `failing_disk.c`."""

import errno
import mmap
import os
import struct
import subprocess
from enum import IntFlag
from pathlib import Path

VARIABLE = "KINODEX_FAILING_DISK"
_SOURCE = Path(__file__).with_name("failing_disk.c")
_NUMBERS = struct.Struct("=7q")
_SIZE = _NUMBERS.size + 4040
_COUNT, _FAILED = 8, 48  # where these two numbers stand, in bytes
_EVER = 2**62


class Calls(IntFlag):
    """The kinds of calls, as failing_disk.c numbers them."""

    OPEN = 1
    CREATE = 2
    READ = 4
    WRITE = 8
    SYNC = 16
    RENAME = 32
    TRUNCATE = 64
    FOLDER = 128
    REMOVE = 256
    LOOK = 512
    LIST = 1024
    MAP = 2048
    CLOSE = 4096
    ATTRIBUTES = 8192


READING = Calls.OPEN | Calls.READ | Calls.LOOK | Calls.LIST | Calls.MAP
NEEDING_SPACE = Calls.CREATE | Calls.WRITE | Calls.SYNC | Calls.RENAME | Calls.TRUNCATE
NEEDING_SPACE |= Calls.FOLDER
CHANGING = NEEDING_SPACE | Calls.REMOVE | Calls.ATTRIBUTES | Calls.CLOSE


def compiled(folder: Path, compiler: str = "cc") -> Path:
    """The library to preload, made in `folder`."""
    target = folder / "failing_disk.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-U_FORTIFY_SOURCE"]
    subprocess.run([*command, "-o", str(target), str(_SOURCE), "-ldl"], check=True)
    return target


class FailingDisk:
    """Counts the calls on files below a folder, and lets some of them fail.

    It acts on the processes that are started with `environment`.
    """

    def __init__(self, folder: Path, compiler: str = "cc") -> None:
        self._library = compiled(folder, compiler)
        self._file = folder / "failing_disk.plan"
        self._file.write_bytes(bytes(_SIZE))
        with self._file.open("r+b") as file:
            self._plan = mmap.mmap(file.fileno(), _SIZE)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a process must be started with."""
        return {"LD_PRELOAD": str(self._library), VARIABLE: str(self._file)}

    def count(self, folder: Path, calls: Calls, *, process: int = 0) -> None:
        """From now on, count the calls below a folder, from 0; none of them fails."""
        self._write(folder, calls, 0, 0, 0, process)

    def fail(
        self, folder: Path, calls: Calls, first: int, *, error: int = errno.EIO, ever: bool = False
    ) -> None:
        """From now on, count, and let the call of this number fail, or it and all that follow."""
        self._write(folder, calls, first, _EVER if ever else first, error, 0)

    def kill(self, folder: Path, calls: Calls, first: int, *, process: int) -> None:
        """From now on, count the calls of one process, which dies before this one is done."""
        self._write(folder, calls, first, first, 0, process)

    def heal(self) -> None:
        """Nothing is counted and nothing fails any more."""
        self._plan[:8] = bytes(8)

    @property
    def counted(self) -> int:
        """The calls since the last order."""
        return self._number(_COUNT)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return self._number(_FAILED)

    def _number(self, place: int) -> int:
        return int.from_bytes(self._plan[place : place + 8], "little")

    def _write(
        self, folder: Path, calls: Calls, first: int, last: int, error: int, process: int
    ) -> None:
        self.heal()
        numbers = _NUMBERS.pack(0, 0, first, last, error, process, 0)
        name = os.fsencode(folder.resolve())
        self._plan[:_SIZE] = (numbers + name).ljust(_SIZE, b"\0")
        self._plan[:8] = int(calls).to_bytes(8, "little")  # the last thing: it begins with this
