"""Damaged and hostile video files: what they do to the process that decodes, and to the program.

    python -m benchmarks.reliability.files                 10,000 files, about half an hour
    python -m benchmarks.reliability.files --count 300 --seed 7

Small videos in every container that is taken are changed by a seeded hand: bits turned over, ends
cut off, heads and parts of other containers put in, parts swapped, repeated or left out, sizes that
are lies. Each is probed and decoded by the worker that indexing uses. Nothing of that may crash
this process, take longer than a decoder may be silent, need more memory than the setting allows, or
end in an error of ours instead of a sentence. A part of them (`--traced`) is done once more under
strace, which sees every file that is opened and every socket: there may be none but the video.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.processes import resident_bytes
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.mutations import Mutant, mutants, originals
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodeSummary
from indexer.reading.worker import DecodeWorker

SETTINGS = IndexSettings(decode_timeout_s=20, decoder_memory_gb=1, decode_threads=1)
_SIDE = 64
_LONGEST_S = 60.0  # a file that gives signs of life all the time is no hang, but no video either
_GIB = 1024**3
_START_BYTES = 256 * 1024**2  # what a worker holds before the first file, and more
_OURS = "the decoder failed on it"
_MARK = "now-"


@dataclass
class Outcome:
    """What became of the files."""

    files: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    most_bytes: int = 0
    grown_bytes: int = 0  # this process, from the first file to the last


@dataclass(frozen=True)
class Row:
    """How many files ended in one way."""

    end: str
    files: int


def decoded(files: Iterable[tuple[Mutant, Path]], worker: DecodeWorker) -> Outcome:
    """Decode each file; → what became of them. A failed one is an outcome, not an error."""
    outcome = Outcome()
    start_bytes = resident_bytes(os.getpid())
    for mutant, path in files:
        started = time.monotonic()
        end = _end(path, worker)
        seconds = time.monotonic() - started
        outcome.files += 1
        outcome.ends[end.partition(":")[0]] += 1
        outcome.slowest_s = max(outcome.slowest_s, seconds)
        outcome.most_bytes = max(outcome.most_bytes, _peak_bytes(worker))
        if _OURS in end or seconds > _LONGEST_S or end.startswith("timeout"):
            outcome.problems.append(f"{path.name} ({mutant.name}), {seconds:.1f} s: {end}")
    outcome.grown_bytes = resident_bytes(os.getpid()) - start_bytes
    if outcome.most_bytes > SETTINGS.decoder_memory_gb * _GIB + _START_BYTES:
        outcome.problems.append(f"{outcome.most_bytes / 1e6:.0f} MB in use by the decoder")
    return outcome


def _end(path: Path, worker: DecodeWorker) -> str:
    try:
        last = None
        for event in worker.decode(path, short_side=_SIDE, settings=SETTINGS):
            last = event
    except DecodeFailed as failed:
        return f"{failed.stage}: {failed.reason}"
    if isinstance(last, DecodeSummary):
        return "decoded in part" if last.bad_frames else "decoded"
    return f"crash: {_OURS}: it ended without a summary"


def _peak_bytes(worker: DecodeWorker) -> int:
    try:
        status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:  # it has just been stopped
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def written(wanted: Iterable[Mutant], folder: Path) -> Iterator[tuple[Mutant, Path]]:
    """Each file in its turn, gone again when the next one is asked for."""
    for number, mutant in enumerate(wanted):
        path = folder / f"{number:05d}-{mutant.name}"
        path.write_bytes(mutant.content)
        yield mutant, path
        path.unlink()


def reached(files: Path, whole: Path, strace: str = "strace") -> list[str]:
    """What is opened besides the video, and each socket, while files are decoded, in sentences.

    files: a folder of them; whole: sound videos, decoded before, so that all decoders are loaded
    """
    log = files.with_suffix(".strace")
    calls = "trace=open,openat,creat,socket,connect,sendto,sendmsg"
    command = [strace, "-f", "-qq", "-s", "4096", "-e", calls, "-o", str(log)]
    own = [sys.executable, "-m", "benchmarks.reliability.files"]
    subprocess.run([*command, *own, "--decode", str(files), "--first", str(whole)], check=True)
    return list(strangers(log.read_text(errors="replace").splitlines(), files))


def strangers(lines: Iterable[str], files: Path) -> Iterator[str]:
    """What lines of strace tell of other files and of sockets, after the first mark."""
    current = None
    for line in lines:
        if place := _OPENED.search(line):
            name = place[1]
            if name.startswith(str(files / _MARK)):
                current = name.replace(_MARK, "")
            elif current is not None and name != current and not name.startswith(_OF_THE_SYSTEM):
                yield f"{Path(current).name}: {name} is opened"
        elif current is not None and (socket := _SOCKET.search(line)):
            yield f"{Path(current).name}: {socket[0]}"


_OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD|\d+)?(?:<[^>]*>)?(?:, )?"([^"]*)"')
_SOCKET = re.compile(r"(?:socket|connect|sendto|sendmsg)\(.*AF_(?!UNIX|LOCAL)\w+.*")
# A worker that has crashed begins anew: that opens Python, and what the system says of itself.
_OUR_FOLDER = str(Path(__file__).resolve().parents[2])
_PYTHON = (sys.prefix, sys.base_prefix, _OUR_FOLDER)
_OF_THE_SYSTEM = (*_PYTHON, "/proc/", "/sys/", "/dev/", "/usr/", "/lib", "/etc/")


def _decode_all(files: Path, first: Path) -> None:
    """What strace looks at."""
    with DecodeWorker() as worker:
        for path in (*sorted(first.iterdir()), *sorted(files.iterdir())):
            if path.parent == files:
                with contextlib.suppress(OSError):  # a mark in the log: nothing is there
                    (path.parent / (_MARK + path.name)).open().close()
            _end(path, worker)


def main() -> None:
    """Damage files, decode them, and say what happened."""
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="damaged files (10,000)")
    parser.add_argument("--traced", type=int, default=400, help="of them under strace (400)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decode", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=Path, help=argparse.SUPPRESS)
    if "--decode" in sys.argv:
        options = parser.parse_args()
        _decode_all(options.decode, options.first)
        return
    with benchmark("files", parser) as (options, report), tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        outcome, strangers = tried(place, options.count, options.traced, options.seed)
        for problem in (*outcome.problems, *strangers):
            print(problem)
        report.show("How they ended", [Row(*pair) for pair in outcome.ends.most_common()])
        report.figures(
            [
                Figure("damaged files", outcome.files, "≥ 10000"),
                Figure("crash of the program", 0, "0"),
                Figure("errors of ours, hangs, too much memory", len(outcome.problems), "0"),
                Figure("other files opened, or sockets", len(strangers), "0"),
                Figure("files under strace", min(options.traced, options.count)),
                Figure("slowest, s", outcome.slowest_s, f"≤ {_LONGEST_S:g}"),
                Figure("most memory of a decoder, MB", outcome.most_bytes / 1e6),
                Figure("growth of the program, MB", outcome.grown_bytes / 1e6),
            ]
        )


def tried(folder: Path, count: int, traced: int, seed: int) -> tuple[Outcome, list[str]]:
    """Make the files in `folder` and decode them; → what became of them, and what strace saw."""
    for name in ("whole", "now", "traced"):
        (folder / name).mkdir()
    whole = originals(folder / "whole")
    with DecodeWorker() as worker:
        outcome = decoded(written(mutants(whole, count, seed), folder / "now"), worker)
    if not traced or shutil.which("strace") is None:
        return outcome, []
    for number, mutant in enumerate(mutants(whole, min(traced, count), seed)):
        (folder / "traced" / f"{number:05d}-{mutant.name}").write_bytes(mutant.content)
    return outcome, reached(folder / "traced", folder / "whole")


if __name__ == "__main__":
    main()
