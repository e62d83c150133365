"""Places of a program that can be broken, and how: each breakage a small, plausible mistake.

Left out is what no test could or should notice:

* annotations, decorators, imports, assertions, `__repr__`, and what is under `TYPE_CHECKING`;
* texts: strings, f-strings, what is inside of `raise`, and calls that only say something;
* numbers of speed and memory alone, by their name: batches, queues, caches, samples, timeouts, also
  one for each kind of device (`_OF_SPEED`);
* calls that only tidy up or make durable (`_TIDYING`), `durable=…`, which a power cut alone tells
  apart, and `zip(strict=…)`, which sound code never needs;
* a negative number in `reshape`, where NumPy takes every one for "the rest";
* numbers below a thousandth: they guard divisions, and twice as much guards as well;
* what is run on other machines only: conditions that name a graphics card or a system, or ask
  Python's `os` what the system can do.
"""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from benchmarks.reliability.blocks import blocks

_OF_SPEED = re.compile(
    "batch|chunk|cache|buffer|worker|thread|queue|poll|timeout|wait|pause|interval|sleep|farewell"
    "|prefetch|ahead|at_once|in_hand|sampled|spare|tries|memory|bytes|maxsize|alive|life|strict"
    "|durable|non_blocking|index$",
    re.IGNORECASE,
)
_TIDYING = {"close", "flush", "fsync", "collect", "empty_cache", "synchronize", "set_num_threads"}
_TALKING = {"talk", "print", "debug", "info", "warning", "error", "warn", "log"}
_OTHER_MACHINES = re.compile(
    r"cuda|mps|platform|win32|darwin|'nt'|'posix'|gpu|hasattr\(os,", re.IGNORECASE
)
_SMALLEST = 1e-3
# One more of few is another number; of many, which are a matter of taste, twice as many is.
_FEW = 8

_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_NEIGHBOURS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Breakage:
    """One way to break one place.

    block: the block that the place is in, None outside of functions; see `blocks`
    begin, end: what `text` takes the place of, in bytes
    """

    path: str
    line: int
    block: str | None
    kind: str
    begin: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """The broken file."""
        return source[: self.begin] + self.text.encode() + source[self.end :]


def places(source: str, path: str) -> list[list[Breakage]]:
    """All places of a file, each with the ways in which it can be broken."""
    tree = ast.parse(source)
    finder = _Finder(tree, source, path)
    finder.visit(tree)
    return [place for place in finder.places if place]


class _Finder:
    def __init__(self, tree: ast.Module, source: str, path: str) -> None:
        self.places: list[list[Breakage]] = []
        self._path = path
        lengths = map(len, source.encode().splitlines(keepends=True))
        self._starts = [0, *accumulate(lengths)]
        self._blocks = {
            id(statement): name for name, body in blocks(tree, path) for statement in body
        }
        self._block: str | None = None

    def visit(self, node: ast.AST) -> None:
        """Collect the places of a node and of what is inside of it."""
        if _left_out(node):
            return
        before = self._block
        self._block = self._blocks.get(id(node), before)
        breakages = [
            *((node, kind, broken) for kind, broken in _broken(node)),
            *_broken_condition(node),
        ]
        for place in {id(one): one for one, _, _ in breakages}.values():
            self.places.append([self._breakage(*one) for one in breakages if one[0] is place])
        for child in _inside(node):
            self.visit(child)
        self._block = before

    def _breakage(self, place: ast.AST, kind: str, broken: ast.AST) -> Breakage:
        is_statement = isinstance(place, ast.stmt)
        text = ast.unparse(broken)
        return Breakage(
            self._path,
            place.lineno,  # type: ignore[attr-defined]
            self._block,
            kind,
            self._offset(place.lineno, place.col_offset),  # type: ignore[attr-defined]
            self._offset(place.end_lineno, place.end_col_offset),  # type: ignore[attr-defined]
            text if is_statement else f"({text})",
        )

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column


def _left_out(node: ast.AST) -> bool:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test):
            words = ast.unparse(test)
            return words == "TYPE_CHECKING" or bool(_OTHER_MACHINES.search(words))
        case ast.Expr(value=ast.Call(func=function)):
            return _last_name(function) in _TIDYING | _TALKING
        case ast.keyword(arg=str(name), value=ast.Constant()):
            return bool(_OF_SPEED.search(name))
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return bool(_OF_SPEED.search(name)) and _only_numbers(node)
        case ast.FunctionDef(name="__repr__") | ast.Expr(value=ast.Constant()):
            return True
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr)


def _only_numbers(node: ast.AST) -> bool:
    """Whether a value is a number or arithmetic of numbers, or a table of such."""
    value = getattr(node, "value", None)
    kinds = (ast.Constant, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.Dict)
    return value is not None and all(isinstance(part, kinds) for part in ast.walk(value))


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The children of a node that may be broken."""
    match node:
        case ast.FunctionDef(args=args, body=body) | ast.AsyncFunctionDef(args=args, body=body):
            named = [*args.posonlyargs, *args.args][-len(args.defaults) or None :]
            for argument, default in zip(
                [*named, *args.kwonlyargs], [*args.defaults, *args.kw_defaults], strict=False
            ):
                if default is not None and not _OF_SPEED.search(argument.arg):
                    yield default
            yield from body
        case ast.ClassDef(body=body):
            yield from body
        case ast.AnnAssign(value=value):
            yield from [value] if value is not None else []
        case ast.Raise():
            return
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[first, *_]):
            yield first
        case ast.Call(func=ast.Name(id="cast"), args=[_, value]):
            yield value
        case ast.Call(func=ast.Attribute(attr="reshape")):
            yield from (one for one in ast.iter_child_nodes(node) if not _is_negative(one))
        case _:
            yield from ast.iter_child_nodes(node)


def _is_negative(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _broken(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The ways to break an expression or a statement itself."""
    match node:
        case ast.Compare():
            yield from _broken_comparison(node)
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator):
            if type(operator) in _OPERATORS and not _joins_texts(node):
                yield "operator", _with(node, op=_OPERATORS[type(operator)]())
        case ast.BoolOp(op=joined):
            yield "and, or", _with(node, op=ast.Or() if isinstance(joined, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "sign", operand
        case ast.Constant(value=value):
            yield from (("constant", ast.Constant(other)) for other in _other_constants(value))
        case ast.Return(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and not value.value):
                yield "return", ast.parse("return None").body[0]
        case ast.Subscript(slice=ast.Slice() as cut):
            ends = [end for end in ("lower", "upper") if getattr(cut, end) is not None]
            yield from (("slice", _with(node, slice=_with(cut, **{end: None}))) for end in ends)
        case ast.Call(func=ast.Name(id=name)) if name in _TWINS:
            yield "function", _with(node, func=ast.Name(_TWINS[name]))
    if _can_be_removed(node):
        yield "removed", ast.Pass()


def _broken_comparison(node: ast.Compare) -> Iterator[tuple[str, ast.AST]]:
    for place, operator in enumerate(node.ops):
        yield "comparison", _with_operator(node, place, _OPPOSITES[type(operator)])
        if type(operator) in _NEIGHBOURS and _counts(node):
            yield "bound", _with_operator(node, place, _NEIGHBOURS[type(operator)])


def _with_operator(node: ast.Compare, place: int, operator: type[ast.cmpop]) -> ast.AST:
    return _with(node, ops=[*node.ops[:place], operator(), *node.ops[place + 1 :]])


def _counts(node: ast.Compare) -> bool:
    """Whether whole numbers are compared: of others hardly two are ever equal."""
    return any(
        (isinstance(side, ast.Constant) and type(side.value) is int)
        or (isinstance(side, ast.Call) and _last_name(side.func) == "len")
        for side in (node.left, *node.comparators)
    )


def _broken_condition(node: ast.AST) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """The ways to break the condition of a branch, a loop or a comprehension."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            conditions = [test]
        case ast.comprehension(ifs=conditions):
            pass
        case _:
            return
    for test in conditions:
        if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield test, "condition", ast.UnaryOp(ast.Not(), test)
        if not isinstance(node, ast.While):
            yield test, "condition", ast.Constant(True)
        yield test, "condition", ast.Constant(False)


def _can_be_removed(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete() | ast.Raise():
            return True
        case ast.Continue() | ast.Break():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
    return False


def _other_constants(value: object) -> Iterator[bool | int | float]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1 if abs(value) <= _FEW else 2 * value
        case float() if value == 0 or abs(value) >= _SMALLEST:
            yield 2 * value or 1.0


def _joins_texts(node: ast.AST) -> bool:
    sides = [getattr(node, name, None) for name in ("left", "right", "value")]
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in sides
    )


def _last_name(function: ast.expr) -> str:
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))


def _with(node: ast.AST, **changes: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed
