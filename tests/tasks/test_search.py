"""In which form answers are printed, and what is said of weak ones and of none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.catalog.store import Store
from search.finding.hits import Hit, Why
from search.queries.query import Filters, Query, QueryMistake, Step, Term
from tasks import search
from tasks.search import only_form, run_search
from tasks.terminal.model_flags import ModelFlags

SURE = Hit(7, 3.0, 9.5, 4.25, 0.32, 0.9, Why(0.3, 0.3), (), video="5eed", paths=(Path("/v/a.mp4"),))
WEAK = replace(SURE, match=0.01)
UNKNOWN = replace(SURE, match=None)


class Shell:
    """What `kinodex search` prints of these hits."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: Any) -> None:
        Store.open(folder, create=True).close()
        self._folder, self._patch, self._capsys = folder, patch, capsys
        self.reranks: list[str | None] = []

    def shown(
        self,
        *hits: Hit,
        form: str | None = None,
        null: bool = False,
        filters: Filters | None = None,
        rerank: str | None = None,
        steps: tuple[Step, ...] = (),
    ) -> tuple[str, str]:
        def find(*_: object, rerank: str | None) -> list[Hit]:
            self.reranks.append(rerank)
            return list(hits)

        self._patch.setattr(search, "find", find)
        query = Query(steps, filters=filters or Filters())
        run_search(self._folder, query, ModelFlags(), rerank=rerank, form=form, null=null)
        captured = self._capsys.readouterr()
        return captured.out, captured.err


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Shell:
    return Shell(tmp_path / "library", monkeypatch, capsys)


def test_answers_are_lines_paths_or_json(shell):
    out, err = shell.shown(SURE)
    assert (out, err) == ("0.3200\t4.25\t3.00\t9.50\t/v/a.mp4\t\n", "")
    assert shell.shown(SURE, SURE, form="paths")[0] == "/v/a.mp4\n/v/a.mp4\n"
    assert shell.shown(SURE, SURE, form="paths", null=True)[0] == "/v/a.mp4\0/v/a.mp4\0"
    told = json.loads(shell.shown(SURE, form="json")[0])
    assert (told["paths"], told["segment"], told["score"]) == (["/v/a.mp4"], 7, 0.32)
    assert "query" in told


def test_a_form_for_other_programs_is_printed_alone(shell, monkeypatch):
    monkeypatch.setitem(search.FORMS, "csv", lambda cuts: f"{len(cuts)} cuts")
    assert shell.shown(SURE, form="csv") == ("1 cuts", "")


def test_weak_answers_and_none_are_told(shell):
    assert shell.shown(WEAK)[1] == "no match is sure: probably nothing here shows this\n"
    assert shell.shown(WEAK, SURE)[1] == ""
    assert shell.shown(UNKNOWN)[1] == ""  # of tags alone nothing is to be told
    told = shell.shown(UNKNOWN, steps=((Term("a dog"),),))[1]
    assert told == "this model cannot tell whether something shows this\n"
    assert shell.shown()[1] == "nothing is found\n"
    assert shell.shown(filters=Filters(folders=("videos",)))[1] == "nothing passes these filters\n"


def test_a_re_ranker_is_passed_on(shell):
    shell.shown(SURE, rerank="head")
    shell.shown(SURE)
    assert shell.reranks == ["head", None]


def test_only_one_form_at_a_time():
    assert (only_form([]), only_form(["csv"])) == (None, "csv")
    with pytest.raises(QueryMistake, match="only one form at a time: --csv or --edl"):
        only_form(["csv", "edl"])
