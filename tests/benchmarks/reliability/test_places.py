"""What counts as a place that can be broken, and what becomes of it."""

from textwrap import dedent

import pytest

from benchmarks.reliability.places import places

FORCED = ("not c", "True", "False")


def broken(source: str) -> set[str]:
    """A program of one line after each of its breakages, as Python would write it."""
    text = source.encode()
    return {way.apply(text).decode() for place in places(source, "x.py") for way in place}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a = b == c", {"a = (b != c)"}),
        ("a = b < 0.5", {"a = (b >= 0.5)", "a = b < (1.0)"}),
        ("a = b < len(c)", {"a = (b >= len(c))", "a = (b <= len(c))"}),
        ("a = b < c in d", {"a = (b >= c in d)", "a = (b < c not in d)"}),
        ("a = b + c", {"a = (b - c)"}),
        ("a = b and c", {"a = (b or c)"}),
        ("a = not b", {"a = (b)"}),
        ("a = 8", {"a = (9)"}),
        ("a = 9", {"a = (18)"}),
        ("a = f(b, deep=True)", {"a = f(b, deep=(False))"}),
        ("a = b[c:d]", {"a = (b[:d])", "a = (b[c:])"}),
        ("a = min(b)", {"a = (max(b))"}),
        ("a = b if c else d", {f"a = b if ({c}) else d" for c in FORCED}),
        ("a = [b for b in b if c]", {f"a = [b for b in b if ({c})]" for c in FORCED}),
        ("a[0].b = c", {"pass", "a[(1)].b = c"}),
        ("f(a)", {"pass"}),
        ("a = b.reshape(-1, 2)", {"a = b.reshape(-1, (3))"}),
        ("a = b[-1]", {"a = b[(1)]", "a = b[-(2)]"}),
    ],
)
def test_a_line_is_broken_in_these_ways(line, changed):
    assert broken(line) == changed


def test_a_function_gives_nothing_back_and_raises_nothing():
    source = "def f():\n    if a is None: raise E(1)\n    return a\n"
    assert broken(source) == {
        source.replace("a is None", "(a is not None)"),
        source.replace("a is None", "(True)"),
        source.replace("a is None", "(False)"),
        source.replace("raise E(1)", "pass"),
        source.replace("return a", "return None"),
    }


@pytest.mark.parametrize(
    "line",
    [
        "a: Literal[1] = b",
        "from a import b",
        "'''Text.'''",
        "a = f'{b + 1} of {c + 1}'",
        "a = 'text'",
        "raise_later: int | None",
        "@dataclass(frozen=True)\nclass A: pass",
        "_QUEUE_SIZE = 3 * 16",
        "_BATCH_SIZE = {'cpu': 32, 'cuda': 256}",
        "a = b.to(c, non_blocking=True)",
        "a = zip(b, c, strict=True)",
        "a = f(b, durable=True)",
        "file.close()",
        "log.info(1)",
        "if TYPE_CHECKING: a = 1",
        "if device == 'cuda': a = 1",
        "a = 1 if cuda.is_available() else 2",
        "a = os.sysconf(1) if hasattr(os, 'sysconf') else 100",
        "def __repr__(self): return a + b",
        "def f(batch_size=1): pass",
        "def f(): return None",
        "a = 1e-6",
    ],
)
def test_what_no_test_could_notice_is_left_alone(line):
    assert broken(line) == set()


def test_a_place_names_its_line_and_block():
    source = dedent("""
        def f():
            if a:
                return b
            for c in d:
                e += c
    """)
    found = [(place[0].line, place[0].block) for place in places(source, "x.py")]
    assert found == [(3, "x.py::f@0"), (4, "x.py::f@1"), (6, "x.py::f@2")]
