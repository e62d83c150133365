"""`kinodex tags`: the labels of a library, and why a segment has its tags."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from search.catalog.segment_reference import find_segment
from search.catalog.store import Store
from search.tags.counting import LabelCount, TagExample, summarise_tags
from search.tags.explanation import ExplainedTag, Explanation, explain
from search.wording import clock, printable, short_path
from tasks.terminal.printing import data, data_console, data_json, field, plain_table, talk


def print_tags(folder: Path | None, *, every: bool, as_json: bool) -> None:
    """Labels with counts and examples, the most frequent first.

    every: those too that hold nowhere
    """
    with Store.open(folder) as library, library.reading() as session:
        summary = summarise_tags(session)
    shown = tuple(one for one in summary.labels if one.segments or every)
    if as_json:
        data_json(replace(summary, labels=shown).as_json())
        return
    if data_console.is_terminal:
        data_console.print(_table(shown))
    else:
        for one in shown:
            data(f"{one.segments}\t{field(one.label)}\t{_examples(one)}")
    talk(
        f"{summary.untagged} of {summary.segments} segments have no tag "
        f"(vocabulary {printable(summary.vocabulary or 'none')})"
    )


def print_explanation(folder: Path | None, segment: str, *, as_json: bool) -> None:
    """One segment's tags, the runner-up, and what they were compared with."""
    with Store.open(folder) as library, library.reading() as session:
        explanation = explain(session, find_segment(session, segment))
    if as_json:
        data_json(explanation.as_json())
        return
    for kind, tag in _rows(explanation):
        data(f"{kind}\t{printable(tag.label)}\t{tag.probability:.3f}\t{_numbers(tag)}")
    for label in explanation.denied:
        data(f"denied\t{printable(label)}\t\tby a person")
    similarity = explanation.background_similarity
    data(f"background\t{explanation.background}\t\tsimilarity {similarity:.3f}")
    if not explanation.tags:
        talk(
            f"no label of {printable(explanation.vocabulary)} has a probability of "
            f"{explanation.min_probability:g} here"
        )


def _table(shown: Sequence[LabelCount]) -> Table:
    table = plain_table()
    table.add_column("segments", justify="right")
    table.add_column("label", overflow="fold")
    table.add_column("for example", overflow="fold")
    for one in shown:
        table.add_row(str(one.segments), Text(printable(one.label)), Text(_examples(one)))
    return table


def _examples(one: LabelCount) -> str:
    return ", ".join(map(_example, one.examples))


def _example(example: TagExample) -> str:
    return f"{field(short_path(example.path))}@{clock(example.start_s)}"


def _rows(explanation: Explanation) -> "list[tuple[str, ExplainedTag]]":
    rows = [("tag", tag) for tag in explanation.tags]
    return rows + ([("runner-up", explanation.runner_up)] if explanation.runner_up else [])


def _numbers(tag: ExplainedTag) -> str:
    said = f"by a {tag.source}" if tag.source == "person" else "by the model"
    if tag.similarity is None or tag.floor is None:
        return said
    return f"{said}, similarity {tag.similarity:.3f}, floor {tag.floor:+.3f}"
