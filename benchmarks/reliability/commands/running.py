"""Commands with nonsense for arguments and settings, and on damaged libraries.

    python -m benchmarks.reliability.commands                    1,000 commands, about an hour
    python -m benchmarks.reliability.commands --count 100 --seed 7

Each command meets a library of its own: sound with a strange command, sound with strange settings,
or harmed and then used as usual. Whatever comes, a command ends within three minutes with an exit
code from 0 to 3 and without a traceback, and a word on stderr where the code is not 0. The commands
run one after another in a process of their own; one that it does not survive counts as a failure.
"""

import argparse
import contextlib
import faulthandler
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.commands.harm import harm
from benchmarks.reliability.commands.nonsense import other_command, searching, settings_text

_LONGEST_S = 180.0
_LINES_SHOWN = 8
# As words: they are parted at the spaces.
_USUAL = (
    *("status", "failed", "where", "tags", "tags 1", "verify", "verify --repair", "clean", "tag"),
    *("search --tag growing", "search red ball", "search ball --json", "search ball --csv"),
    *("search --like 2", "remove /videos/clip-002.mp4", "tag --correct 1 dance", "failed --retry"),
    *("fuse --head meanP", "sketch 1 --strokes 1 --preset quick", "export ball --out out"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one command.

    wrong: None for a command that ended as it should
    """

    number: int
    what: str
    arguments: list[str]
    code: int
    wrong: str | None


@dataclass(frozen=True)
class End:
    """How often commands ended with a code after the same thing was done."""

    what: str
    code: int
    commands: int


def main() -> None:
    """Run the commands, and show those that did not end as they should."""
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first command")
    parser.add_argument("--library", type=Path, default=Path("tests/old_library/library"))
    parser.add_argument("--videos", type=Path, default=Path("tests/old_library/videos"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().child:
        _run_all(parser.parse_args())
        return
    with benchmark("commands", parser) as (options, report):
        outcomes = []
        for one in run_commands(options):
            outcomes.append(one)
            if one.wrong:
                print(f"{one.number}: {one.what}: kinodex {' '.join(one.arguments)[:200]}")
                print(one.wrong, flush=True)
        codes = Counter((one.what, one.code) for one in outcomes)
        report.show("Ends", [End(what, code, count) for (what, code), count in codes.items()])
        wrong = sum(one.wrong is not None for one in outcomes)
        report.figures([Figure("commands", len(outcomes)), Figure("ended wrongly", wrong, "0")])


def run_commands(options: argparse.Namespace) -> Iterator[Outcome]:
    """Run the commands in child processes, a new one whenever one has died."""
    first, end = options.first, options.first + options.count
    while first < end:
        for outcome in _child(options, first, end - first):
            yield outcome
            first = outcome.number + 1


def _child(options: argparse.Namespace, first: int, count: int) -> Iterator[Outcome]:
    command = [sys.executable, "-m", "benchmarks.reliability.commands", "--child"]
    command += ["--first", str(first), "--count", str(count), "--seed", str(options.seed)]
    command += ["--library", str(options.library), "--videos", str(options.videos)]
    last = first - 1
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            outcome = Outcome(**json.loads(line))
            last = outcome.number
            yield outcome
    if process.returncode and last + 1 < first + count:
        wrong = f"the process did not survive it ({process.returncode})"
        yield Outcome(last + 1, "", [], process.returncode, wrong)


def _run_all(options: argparse.Namespace) -> None:
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for number in range(options.first, options.first + options.count):
        faulthandler.dump_traceback_later(_LONGEST_S, exit=True)
        outcome = _run_one(number, options)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(asdict(outcome)), file=lines, flush=True)


def _run_one(number: int, options: argparse.Namespace) -> Outcome:
    draw = random.Random(f"{options.seed} {number}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copytree(options.library, Path(folder) / "library"))
        os.mkfifo(Path(folder) / "pipe")
        kind = draw.random()
        what, arguments = "a strange command", searching(draw, place)
        if kind < 0.3:
            arguments = other_command(draw, place, options.videos.resolve())
        elif kind > 0.85:
            what, arguments = "strange settings", _usual(draw, options.videos)
            (place / "library.toml").write_bytes(settings_text(draw))
        elif kind > 0.4:
            what, arguments = harm(place, draw), _usual(draw, options.videos)
        with contextlib.chdir(folder):
            code, wrong = _call([arguments[0], "--library", str(place), *arguments[1:]])
        return Outcome(number, what, [_plain(one) for one in arguments], code, wrong)


def _usual(draw: random.Random, videos: Path) -> list[str]:
    return draw.choice([*_USUAL, f"index {videos.resolve()}"]).split()


def _call(arguments: list[str]) -> tuple[int, str | None]:
    """A command in this process; → its exit code, and what is wrong with how it ended."""
    from tasks.terminal import printing
    from ui.cli import main as cli

    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    sys.argv = ["kinodex", *arguments]
    code, wrong = 0, None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        printing.talk_console.file = err
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            wrong = "\n".join(traceback.format_exc().splitlines()[-_LINES_SHOWN:])
    said = err.getvalue()
    if wrong is None and not 0 <= code <= 3:
        wrong = f"exit code {code}: {said}"
    if wrong is None and "Traceback" in said:
        wrong = said
    if wrong is None and code and not said.strip():
        wrong = f"exit code {code} without a word"
    return code, wrong or _left_behind()


def _left_behind() -> str | None:
    """Threads that still run would trouble the next command."""
    left = [one.name for one in threading.enumerate() if one.name.startswith("Thread-")]
    return f"threads go on: {left}" if len(left) > 8 else None


def _plain(argument: str) -> str:
    return argument.encode("ascii", "backslashreplace").decode()
