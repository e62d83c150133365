"""Tags on the command line: `kinodex tag`, `kinodex tags`, `search --tag`, `status`."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from search.tags.tagger import TagReport
from tasks import tag
from tests.calling import call, said, shown_json
from tests.corpus import shots, write_clip


@pytest.fixture
def library(shared_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = Path(shutil.copytree(shared_library, tmp_path / "library"))
    monkeypatch.setenv("KINODEX_LIBRARY", str(made))
    return made


def dump(library: Path) -> list[str]:
    with sqlite3.connect(library / "catalog.db") as connection:
        return list(connection.iterdump())


def test_indexing_tags_with_the_models_own_list(library, capsys):
    assert shown_json(capsys, "status")["vocabulary"] == "small-world"
    summary = shown_json(capsys, "tags", "--all")
    assert (summary["segments"], len(summary["labels"])) == (3, 18)


def test_a_vocabulary_of_ones_own_is_used_from_then_on(library, shared_clips, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("jumping high\nsleeping\n")
    report = shown_json(
        capsys, "tag", "--vocabulary", tmp_path / "mine.txt", "--min-probability", "0.001"
    )
    assert (report["vocabulary"], report["labels"], report["segments"]) == ("mine.txt", 2, 3)
    assert {row["label"] for row in shown_json(capsys, "tags", "--all")["labels"]} == {
        "jumping high",
        "sleeping",
    }
    write_clip(tmp_path / "b.mp4", shots([35]))
    assert call("index", tmp_path / "b.mp4") == 0
    summary = shown_json(capsys, "tags")
    assert (summary["vocabulary"], summary["segments"]) == ("mine.txt", 4)


def test_words_of_a_person_are_searched_listed_and_taken_back(library, capsys):
    assert call("tag", "--correct", "a.mp4@0:00", "Juggling balls") == 0
    assert "a label of your own" in capsys.readouterr().err
    hit = shown_json(capsys, "search", "--tag", "juggling balls")
    assert hit["tags"][0] == {"label": "Juggling balls", "probability": 1.0, "source": "person"}
    assert hit["score"] == hit["why"]["tag_probability"] == 1.0
    assert call("search", "a cat", "-t", "juggling balls") == 0
    assert capsys.readouterr().out.rstrip("\n").split("\t")[5].startswith("Juggling balls ✓")
    explanation = shown_json(capsys, "tags", "a.mp4@0")
    assert explanation["tags"][0]["similarity"] is None
    assert explanation["runner_up"]["source"] == "model"
    assert call("tag", "--wrong", hit["segment"], "bouncing") == 0
    assert shown_json(capsys, "tags", hit["segment"])["denied"] == ["bouncing"]
    assert call("tag", "--forget", hit["segment"], "juggling balls") == 0
    assert call("search", "--tag", "juggling balls") == 1
    assert "no label 'juggling balls'" in capsys.readouterr().err


def test_names_of_files_and_labels_cannot_move_the_cursor(library, capsys):
    [segment] = [
        hit["segment"]
        for hit in map(json.loads, searched(capsys, "a cat", "--json"))
        if "new" in hit["paths"][0]
    ]
    assert call("tag", "--correct", segment, "<script>") == 0
    assert call("tags") == 0
    assert call("search", "--tag", "<script>") == 0
    assert call("tags", segment) == 0
    shown = capsys.readouterr()
    assert "\x1b" not in shown.err
    # What is printed here goes into a pipe: one line for each row, and the name as it is otherwise.
    assert "new\\nline \x1b[31m.mp4" in shown.out
    assert call("tag", "--correct", segment, "bell\a") == 1
    assert "cannot be shown" in capsys.readouterr().err


def searched(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    capsys.readouterr()
    assert call("search", *arguments) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "has no labels"),
        (b"a\nb\na\n", "lines 1 and 3"),
        (b"".join(b"%d\n" % n for n in range(20_001)), "more than 10,000 labels"),
        (b"caf\xe9\n", "line 1 of"),
        (b"fine\n" + b"word " * 500, "line 2 of"),
        (b"fine\n" + b"zq " * 60, "line 2 of"),
    ],
)
def test_a_bad_vocabulary_is_one_sentence_and_changes_nothing(
    library, tmp_path, content, sentence, capsys
):
    (tmp_path / "bad.txt").write_bytes(content)
    before = dump(library)
    assert call("tag", "--vocabulary", tmp_path / "bad.txt") == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kinodex: ")]
    assert len(said) == 1
    assert sentence in said[0]
    assert dump(library) == before


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["tag", "--vocabulary", "nope"], 1, "there is no vocabulary 'nope'"),
        (["tag", "--head", "nope"], 1, "there is no head 'nope'"),
        (["tag", "--head", "LSTM"], 1, "must be trained"),
        (["tag", "--templates", "nope.txt"], 1, "cannot be read"),
        (["tag", "--most", "0"], 2, "Invalid value"),
        (["tag", "--min-probability", "1"], 2, "Invalid value"),
        (["tag", "--correct", "99", "x"], 1, "there is no segment 99"),
        (["tag", "--wrong", "1", "nobody says this"], 1, "there is no label"),
        (["tag", "--forget", "1", "bouncing"], 1, "nothing was said of 'bouncing'"),
        (["tag", "--correct", "1", "x", "--wrong", "1", "x"], 2, "only one of"),
        (["tags", "a.mp4"], 1, "names no segment"),
        (["search", "--tag", "bouncin"], 1, "did you mean 'bouncing'"),
        (["search", "--tag", "bouncing", "--tag-min", "2"], 2, "Invalid value"),
    ],
)
def test_mistakes_end_in_one_sentence(library, arguments, code, sentence, capsys):
    before = dump(library)
    assert call(*arguments) == code
    assert sentence in said(capsys)
    assert dump(library) == before


def test_an_empty_library_says_what_to_do(tmp_path, capsys):
    from search.catalog.store import Store

    Store.open(tmp_path / "empty", create=True).close()
    assert call("tag", "-l", tmp_path / "empty") == 1
    assert "run 'kinodex index FOLDER' first" in capsys.readouterr().err
    assert call("tags", "-l", tmp_path / "empty") == 1
    assert "run 'kinodex tag'" in capsys.readouterr().err
    assert call("search", "--tag", "x", "-l", tmp_path / "empty") == 1


def test_people_hear_what_was_tagged(capsys):
    tag._summarise(TagReport(segments=1, tagged=1, tags=2, labels=9), "my words")
    assert capsys.readouterr().err == (
        "2 tags of my words (9 labels): 1 of 1 segment have one or more\n"
    )
    tag._summarise(TagReport(segments=1, interrupted=True), "mine")
    assert capsys.readouterr().err.startswith("interrupted: tags stay as they were")
