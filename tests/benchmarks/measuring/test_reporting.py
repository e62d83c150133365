import json
from dataclasses import dataclass

from benchmarks.measuring.reporting import Report, table


@dataclass(frozen=True)
class Row:
    name: str
    seconds: float
    ratio: float | None


def test_columns_are_aligned_under_their_names():
    rows = [Row("decode", 1.23456, None), Row("a longer name", 1234.5, 0.5)]
    assert table(rows).splitlines() == [
        "name           seconds  ratio",
        "decode           1.235      -",
        "a longer name     1234    0.5",
    ]


def test_values_just_below_one_keep_the_digits_that_tell_them_from_one():
    assert table([Row("cosine", 0.99987654, 0.5)]).splitlines()[1].split()[1] == "0.99988"
    assert table([Row("cosine", 0.99999997, 0.5)]).splitlines()[1].split()[1] == "1.0000000"


def test_the_file_holds_all_tables_and_the_machine(tmp_path, capsys):
    report = Report("sample")
    report.show("First", [Row("a", 1.0, None)])
    report.show("Second", [Row("b", 2.5, 0.25)])
    report.finish(tmp_path / "made" / "sample.json")
    written = json.loads((tmp_path / "made" / "sample.json").read_text())
    assert written["benchmark"] == "sample"
    assert written["tables"]["First"] == [{"name": "a", "seconds": 1.0, "ratio": None}]
    assert written["tables"]["Second"] == [{"name": "b", "seconds": 2.5, "ratio": 0.25}]
    assert written["machine"]["cores"] >= 1
    assert "Second" in capsys.readouterr().out


def test_a_table_of_nothing_says_so(capsys):
    report = Report("a benchmark")
    report.show("What there is none of", [])
    assert capsys.readouterr().out == "\nWhat there is none of\n\n(none)\n"
