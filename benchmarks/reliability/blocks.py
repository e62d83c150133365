"""Blocks of code: which one a statement stands in, and notes of those that a program runs.

A block is the list of statements of a function, or of a branch, loop or handler inside of one. Its
name is "PATH::FUNCTION@NUMBER", which holds on while other functions of the file change.
"""

import ast
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

NOTES = "KINODEX_BLOCK_NOTES"  # the folder into which child processes write what they run
_BODIES = ("body", "orelse", "finalbody")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def blocks(tree: ast.Module, path: str) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The name of each block of a file and its statements, always in the same order."""
    numbers: Counter[str] = Counter()
    for function, body in _bodies(tree, (), False):
        yield f"{path}::{function}@{numbers[function]}", body
        numbers[function] += 1


def _bodies(
    node: ast.AST, scopes: tuple[str, ...], in_function: bool
) -> Iterator[tuple[str, list[ast.stmt]]]:
    if isinstance(node, _SCOPES):
        scopes = (*scopes, node.name)
        in_function = in_function or not isinstance(node, ast.ClassDef)
    if in_function and not isinstance(node, ast.ClassDef):
        for field in _BODIES:
            body = getattr(node, field, None)
            if isinstance(body, list) and body:
                yield ".".join(scopes), body
    for child in ast.iter_child_nodes(node):
        yield from _bodies(child, scopes, in_function)


def function_of(block: str) -> str:
    """The name of a block without its number."""
    return block.rpartition("@")[0]


def noting(source: str, path: str, names: dict[str, int]) -> str:
    """The same program, which notes each block that it runs; new blocks get a number in `names`."""
    tree = ast.parse(source)
    for name, body in list(blocks(tree, path)):
        number = names.setdefault(name, len(names))
        body.insert(_after_text(body), ast.parse(f"__note_block__({number})").body[0])
    line = f"from {__name__} import note as __note_block__"
    place = _after_text(tree.body)
    while place < len(tree.body) and _from_future(tree.body[place]):
        place += 1
    tree.body.insert(place, ast.parse(line).body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


def _after_text(body: list[ast.stmt]) -> int:
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return int(is_text)


def _from_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


class _Notes:
    """The blocks that this process has run since they were last taken."""

    def __init__(self) -> None:
        self.met: set[int] = set()
        self.file: int | None = None

    def write_from_now_on(self) -> None:
        """A child process: it may end in any way, so each block is written as it is met."""
        self.met = set()
        if folder := os.environ.get(NOTES):
            file = Path(folder) / str(os.getpid())
            self.file = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY)


_notes = _Notes()
_notes.write_from_now_on()
os.register_at_fork(after_in_child=_notes.write_from_now_on)


def note(block: int) -> None:
    """This block is run now."""
    if block not in _notes.met:
        _notes.met.add(block)
        if _notes.file is not None:
            os.write(_notes.file, b"%d\n" % block)


def keep_notes_here() -> None:
    """This is the process that will take the notes: it need not write them."""
    _notes.file = None


def take_notes() -> set[int]:
    """The blocks that this process and its children have run since this was last called."""
    met, _notes.met = _notes.met, set()
    for file in Path(os.environ[NOTES]).iterdir():
        met.update(map(int, file.read_text().split()))
        os.truncate(file, 0)
    return met
