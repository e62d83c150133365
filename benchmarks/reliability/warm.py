"""Commands in processes that begin at once: forks of one that has loaded everything already.

A verb of `kinodex` then takes a part of a second, so that it can be killed, or its disk can fail,
some hundred times. Each runs in a process group of its own, and what it says goes into a file.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Self

from benchmarks.measuring.processes import resident_bytes

_LOADED = (
    *("av", "faiss", "open_clip", "cv2", "PIL.Image"),
    *("indexer.pipeline", "search.library", "search.finding.engine", "tasks.sketches.run"),
    *("tasks.export", "tasks.fuse", "tasks.imports", "tasks.index", "tasks.search"),
    *("tasks.status", "tasks.tag", "tasks.watch", "ui.cli.main", "ui.web.jobs.process"),
)
_LONGEST_S = 120.0
_HUNG = -1000  # the exit code of what did not end by itself


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative for a signal), and what it said.

    added_bytes: the most memory that it had beside what it began with
    """

    code: int
    out: str
    said: str
    seconds: float
    added_bytes: int

    @property
    def hung(self) -> bool:
        """It did not end by itself."""
        return self.code == _HUNG

    @property
    def was_killed(self) -> bool:
        """It ended by SIGKILL."""
        return self.code == -signal.SIGKILL


class WarmProcess:
    """Starts commands, one at a time. Use it in a `with` block.

    environment: variables for it and for all that it starts
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._out, self._said = folder / "stdout", folder / "stderr"
        variables = {"OMP_NUM_THREADS": "1", "KINODEX_LIBRARY": str(folder / "none")}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reliability.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **variables, **(environment or {})},
        )
        self._running: Running | None = None
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        if self._running is not None:
            self._running.kill()
        self._server.stdin.close()
        self._server.wait()

    def run(self, command: Sequence[object], *, longest_s: float = _LONGEST_S) -> Ended:
        """Run `kinodex` with these arguments, or a page's job (["job", JSON]), to its end."""
        return self.start(command).ended(longest_s)

    def start(self, command: Sequence[object]) -> "Running":
        """The same, without waiting. It waits itself until `go` is called."""
        request = {
            "command": [os.fsencode(str(part)).hex() for part in command],
            "out": str(self._out),
            "said": str(self._said),
        }
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        self._running = Running(self, self._answer()["process"])
        return self._running

    def _answer(self) -> Any:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the warm process has died")
        return json.loads(line)

    def said(self) -> str:
        """What the running command, or the last one, has said on stderr so far."""
        return self._said.read_text(errors="replace")

    def has_ended(self, within_s: float) -> bool:
        """Whether the running command ends within this time."""
        assert self._server.stdout is not None
        return bool(select.select([self._server.stdout.fileno()], [], [], within_s)[0])

    def end(self) -> tuple[int, int]:
        """Wait for the running command's end; → its exit code, and the memory that it took."""
        answer = self._answer()
        self._running = None
        return answer["code"], answer["added_bytes"]

    def out(self) -> str:
        """What the last command has written on stdout."""
        return self._out.read_text(errors="replace")


class Running:
    """A command that runs."""

    def __init__(self, warm: WarmProcess, process: int) -> None:
        self.process = process
        self._warm = warm
        self._started = time.monotonic()
        self._gone = False

    def go(self) -> None:
        """Let it begin."""
        self._gone = True
        self._started = time.monotonic()
        os.kill(self.process, signal.SIGCONT)

    def is_over_within(self, seconds: float) -> bool:
        """Whether it ends within this time."""
        return self._warm.has_ended(seconds)

    def is_over(self) -> bool:
        """Whether it has ended by now."""
        return self._warm.has_ended(0)

    def signal(self, number: int) -> None:
        """Send a signal to it alone, as a shell's kill does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, number)

    def kill(self) -> None:
        """End it and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)

    def ended(self, longest_s: float = _LONGEST_S) -> Ended:
        """Wait for its end."""
        if not self._gone:
            self.go()
        hung = not self._warm.has_ended(longest_s)
        if hung:
            self.kill()
        code, added_bytes = self._warm.end()
        seconds = time.monotonic() - self._started
        said = self._warm.out(), self._warm.said()
        return Ended(_HUNG if hung else code, *said, seconds, added_bytes)


def _serve() -> None:
    """Fork for each request; say the child's number, then how it ended."""
    _load_all()
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    start_bytes = resident_bytes(os.getpid())
    _say(replies, {})
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            _become(request)
        os.waitpid(process, os.WUNTRACED)  # it stops itself once it is on its own
        _say(replies, {"process": process})
        _, status, used = os.wait4(process, 0)
        with contextlib.suppress(ProcessLookupError):  # its children outlive it for a moment
            os.killpg(process, signal.SIGKILL)
        added_bytes = max(0, used.ru_maxrss * 1024 - start_bytes)
        _say(replies, {"code": os.waitstatus_to_exitcode(status), "added_bytes": added_bytes})


def _say(replies: IO[str], message: dict[str, int]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _load_all() -> None:
    """Everything that a command imports while it runs."""
    for module in _LOADED:
        importlib.import_module(module)
    import torch

    from sketch.drawing.presets import QUICK, Preset
    from tasks.sketches import maker

    def quickest(name: str) -> Preset:
        """Nobody looks at these sketches."""
        return replace(QUICK, iterations=2)

    torch.set_num_threads(1)  # threads do not survive a fork
    maker.preset_named = quickest
    gc.freeze()


def _become(request: Any) -> None:
    """In the child: run the command, and end as a program of its own would."""
    os.setpgid(0, 0)
    _redirect(request)
    os.kill(os.getpid(), signal.SIGSTOP)
    code = _code_of([os.fsdecode(bytes.fromhex(part)) for part in request["command"]])
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _redirect(request: Any) -> None:
    for name, descriptor in (("out", 1), ("said", 2)):
        file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    reader, writer = os.pipe()  # a page's job stops when its stdin ends: it does not
    if request["command"][0] == b"job".hex():
        os.write(writer, bytes.fromhex(request["command"][1]) + b"\n")
    os.dup2(reader, 0)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)


def _code_of(command: list[str]) -> int:
    from ui.cli.main import main
    from ui.web.jobs.process import main as job

    sys.argv = ["kinodex", *command]
    try:
        if command[0] == "job":
            return job()
        main()
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    _serve()
