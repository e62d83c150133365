"""Small things that the shell shows."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from search.finding.hits import Hit, Moment, Why
from search.tags.reading import Tag, TagSource
from tasks.terminal import printing
from tasks.terminal.printing import plain_table, print_hits, print_rows, table_of


def tag(label: str, probability: float, source: TagSource = TagSource.MODEL) -> Tag:
    return Tag(label, probability, source)


def hit(name: str, **changes: object) -> Hit:
    usual = Hit(
        segment=7,
        start_s=3.0,
        end_s=9.5,
        best_s=4.25,
        score=0.3217,
        match=0.876,
        why=Why(0.3, 0.3),
        tags=(),
        video="hash",
        paths=(Path("/v") / name, Path("/w") / name),
    )
    return replace(usual, **changes)


def moment(best_s: float) -> Moment:
    return Moment(8, best_s, best_s + 1, best_s, 0.2, None, Why(0.2, 0.2), ())


HITS = [
    hit("a.mp4", tags=(tag("jumping", 0.914), tag("dozing", 1.0, TagSource.PERSON))),
    hit("b.mp4", match=None, moments=(moment(62.0), moment(70.5))),
    hit("c\x1b[2J.mp4", moments=(moment(1.0),), steps=(moment(2.0), moment(5.0))),
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[str]]]:
    """The words between wide gaps of each line that was shown on a wide terminal."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=None, width=200)
    monkeypatch.setattr(printing, "data_console", console)
    return lambda: [re.split(r"\s{2,}", line.strip()) for line in file.getvalue().splitlines()]


def test_a_table_begins_at_the_edge_and_names_its_columns_where_it_is_asked_to(capsys) -> None:
    for with_headings, lines in ((True, ["name   size", "a.mp4  7"]), (False, ["a.mp4  7"])):
        table = plain_table(with_headings=with_headings)
        table.add_column("name")
        table.add_column("size")
        table.add_row("a.mp4", "7")
        printing.data_console.print(table)
        assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == lines


def test_hits_are_a_table_on_a_terminal(terminal) -> None:
    print_hits(HITS)
    assert terminal() == [
        ["score", "match", "best at", "segment", "video", "tags"],
        ["0.322", "88 %", "0:04.2", "0:03.0 – 0:09.5", "/v/a.mp4", "jumping 0.91, dozing ✓"],
        ["0.322", "0:04.2", "0:03.0 – 0:09.5", "/v/b.mp4", "(also at 1:02.0, 1:10.5)"],
        [
            "0.322",
            "88 %",
            "0:04.2",
            "0:03.0 – 0:09.5",
            "/v/c\\x1b[2J.mp4",
            "(steps at 0:02.0, 0:05.0)",
        ],
    ]


def test_without_tags_there_is_no_column_for_them(terminal) -> None:
    print_hits([hit("a.mp4")])
    assert terminal()[0] == ["score", "match", "best at", "segment", "video"]


def test_a_pipe_gets_hits_as_lines(capsys) -> None:
    print_hits(HITS)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["0.3217", "4.25", "3.00", "9.50", "/v/a.mp4", "jumping 0.91, dozing ✓"]
    assert lines[2][-2:] == ["/v/c\x1b[2J.mp4", ""]  # true byte for byte


def test_rows_are_a_table_on_a_terminal_and_lines_in_a_pipe(terminal, capsys, monkeypatch) -> None:
    rows = [("one", "10"), ("three", "2")]
    print_rows(("name", "count"), rows)
    assert terminal() == [["name", "count"], ["one", "10"], ["three", "2"]]
    monkeypatch.setattr(printing, "data_console", Console())
    print_rows(("name", "count"), rows)
    assert capsys.readouterr().out == "one\t10\nthree\t2\n"


def test_names_stand_left_and_numbers_right() -> None:
    table = table_of(("a", "b", "c"), [("x", "y", "1")], names=2, title="of all")
    assert [column.justify for column in table.columns] == ["left", "left", "right"]
    assert [column.no_wrap for column in table.columns] == [True] * 3
    assert (str(table.title), table.row_count) == ("of all", 1)


def test_the_first_column_holds_names_unless_it_is_said(terminal) -> None:
    table = table_of(("a", "b"), [("x", "1")])
    assert [column.justify for column in table.columns] == ["left", "right"]
    assert [column.no_wrap for column in table_of(("a",), [], wraps=True).columns] == [False]
    print_rows(("name", "number"), [("x", "1")])
    assert terminal() == [["name", "number"], ["x", "1"]]
    print_rows(("n", "number"), [("x", "1")], names=0)
    assert terminal()[2:] == [["n", "number"], ["x", "1"]]


def test_names_in_lines_lose_what_would_break_them(terminal, capsys, monkeypatch) -> None:
    assert printing.field("a\tb\x1b") == "a\\tb\\x1b"
    printing.data_path("a\x1b")
    monkeypatch.setattr(printing, "data_console", Console())
    assert printing.field("a\tb\x1b\n") == "a\\tb\x1b\\n"
    printing.data_path("a\x1b", end="\0")
    printing.data_line("a b")
    printing.data_line("a\nb")
    assert capsys.readouterr().out == "a\\x1b\na\x1b\0a b\na\\nb\n"
