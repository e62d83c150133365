"""Which tests run which blocks of the code: gathered once for each file of tests, and kept."""

import ast
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from queue import SimpleQueue

from benchmarks.reliability.blocks import function_of, noting
from benchmarks.reliability.forked_tests import Job, Outcome, TestRunner

PROJECT = Path(__file__).parents[2]
PACKAGES = ("search", "indexer", "models", "tasks")
_KEPT = PROJECT / "benchmarks" / "results" / "covering.json"
# Browsers and kills take minutes, and attacks over sockets are about the page.
_LEFT_OUT = ("tests/browser/", "tests/faults/", "tests/security/")
_LIMIT_S = 1800.0


@dataclass(frozen=True)
class Covering:
    """A test that passes: how long it takes, and the blocks that it runs."""

    test: str
    seconds: float
    blocks: frozenset[str]

    @property
    def file(self) -> str:
        return self.test.partition("::")[0]

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that the blocks are of."""
        return frozenset(map(function_of, self.blocks))


def tracked(pattern: str = "") -> list[str]:
    """The files of the project, or of one folder, as paths from its root."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--deduplicate"]
    done = subprocess.run(
        [*command, *([pattern] if pattern else [])],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.splitlines() if (PROJECT / name).is_file()]


@contextmanager
def copies(count: int) -> Iterator[list[Path]]:
    """Copies of the project that may be broken; gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="kinodex-breaking-") as folder:
        trees = [Path(folder, str(number), "tree") for number in range(count)]
        for name in tracked():
            for tree in trees:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, tree / name)
        yield trees


def run_all(
    trees: Sequence[Path], jobs: Sequence[object], do: Callable[[Path, TestRunner, object], None]
) -> None:
    """Do something for each job, in order, in one copy after the other or at the same time."""
    waiting: SimpleQueue[object] = SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def work(tree: Path) -> None:
        with TestRunner(tree) as runner:
            while not waiting.empty():
                do(tree, runner, waiting.get())

    with ThreadPoolExecutor(len(trees)) as pool:
        list(pool.map(work, trees))


def covering(workers: int) -> list[Covering]:
    """All tests with what they run; gathered now for files of tests that have changed."""
    kept = json.loads(_KEPT.read_text()) if _KEPT.exists() else {"names": [], "files": {}}
    digests = {
        name: hashlib.sha256((PROJECT / name).read_bytes()).hexdigest()
        for name in tracked("tests/**/test_*.py")
        if not name.startswith(_LEFT_OUT)
    }
    stale = [name for name in digests if kept["files"].get(name, {}).get("of") != digests[name]]
    if stale:
        _gather(kept, stale, digests, workers)
    kept["files"] = {name: kept["files"][name] for name in digests if name in kept["files"]}
    names = kept["names"]
    return [
        Covering(test, seconds, frozenset(names[block] for block in blocks))
        for one in kept["files"].values()
        for test, (seconds, blocks) in one["tests"].items()
    ]


def _gather(kept: dict, stale: Sequence[str], digests: dict[str, str], workers: int) -> None:
    numbers = {name: number for number, name in enumerate(kept["names"])}
    with copies(workers) as trees:
        for name in (file for package in PACKAGES for file in tracked(f"{package}/**.py")):
            text = noting((PROJECT / name).read_text(encoding="utf-8"), name, numbers)
            for tree in trees:
                (tree / name).write_text(text, encoding="utf-8")
        kept["names"] = list(numbers)

        def gather(_: Path, runner: TestRunner, file: object) -> None:
            name = str(file)
            outcome = runner.run(Job([name], None, _LIMIT_S, note_blocks=True))
            print(
                f"{name}: {len(outcome.passed)} tests, {sum(outcome.seconds.values()):.0f} s",
                f"({outcome.failed} failed)" if outcome.failed else "",
                flush=True,
            )
            kept["files"][name] = {"of": digests[name], "tests": _passed(outcome)}
            _KEPT.parent.mkdir(exist_ok=True)
            _KEPT.write_text(json.dumps(kept))

        run_all(trees, sorted(stale), gather)


def _passed(outcome: Outcome) -> dict[str, tuple[float, list[int]]]:
    return {
        test: (round(outcome.seconds[test], 3), outcome.blocks.get(test, []))
        for test in outcome.passed
    }


def closest_first(block: str | None, path: str, tests: Sequence[Covering]) -> list[Covering]:
    """The tests that run a block's function, those first that tell most.

    What stands outside of functions, such as tables and the fields of classes, is run by importing
    it: all tests that run anything of the file count, and those whose own file imports it.
    """
    if block is None:
        importing = {one.file for one in tests if path in imported(one.file)}
        held = [
            one
            for one in tests
            if one.file in importing or any(name.startswith(f"{path}::") for name in one.blocks)
        ]
    else:
        held = [one for one in tests if function_of(block) in one.functions]
    return sorted(held, key=lambda one: (block not in one.blocks, _cost(path, one)))


@cache
def imported(file: str) -> frozenset[str]:
    """The files of the project that a file may import, going by the names in it."""
    source = PROJECT / file
    tree = ast.parse(source.read_text(encoding="utf-8") if source.is_file() else "")
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{one.name}" for one in node.names)
    return frozenset(f"{name.replace('.', '/')}.py" for name in names)


def _cost(path: str, test: Covering) -> float:
    """What it costs to ask a test, less where it is close: it is likely to know."""
    return (0.1 + test.seconds) * 4 ** _distance(path, test.file)


def _distance(path: str, file: str) -> int:
    """0 for the mirrored file of tests, then its room, its floor, and all others."""
    code = PurePosixPath(path)
    mirrored = PurePosixPath("tests", code.parent, f"test_{code.name}")
    if file == str(mirrored):
        return 0
    return (
        1
        if file.startswith(f"{mirrored.parent}/")
        else 2 + (not file.startswith(f"tests/{code.parts[0]}/"))
    )
