"""`kinodex status`, `failed`, `remove` and `where` in the shell."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select

from models.clip.engines import cache
from models.clip.engines.keys import key_of
from search.catalog.summary import Summary
from search.catalog.tables import Space, VideoPath, now
from search.catalog.writing import record_failure
from search.library import Library
from tasks import status
from tasks.terminal.model_flags import indexed_space
from tests.calling import call, said, shown_json
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plant, tag
from tests.tiny import tiny_backbone


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two videos of three segments in all, and a file that failed."""
    folder = tmp_path / "library"
    with Library.open(folder, create=True) as library:
        shelf = Shelf(library, tiny_backbone())
        shelf.put("/v/a.mp4", axis(0), axis(9))
        shelf.put("/v/b.mp4", axis(1))
        with library.writing() as session:
            bad = VideoPath(path=Path("/v/bad.mp4"), size_bytes=1, mtime_ns=1)
            session.add(bad)
            session.flush()
            record_failure(session, bad.id, stage="decode", reason="it is cut short")
    monkeypatch.setenv("KINODEX_LIBRARY", str(folder))
    return folder


@pytest.fixture
def lines(monkeypatch):
    """What `status` shows, by its first word."""

    def read() -> dict[str, str]:
        file = io.StringIO()
        monkeypatch.setattr(status, "data_console", Console(file=file, width=300))
        assert call("status") == 0
        shown = file.getvalue().splitlines()
        return dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in shown)

    return read


def test_a_library_is_told_in_a_few_lines(folder, lines):
    told = lines()
    assert told["library"] == str(folder)
    assert told["model"].endswith(", head meanP")
    assert told["segments"] == "3"
    assert told["tags"] == "none yet: 'kinodex tag' makes them"
    assert told["sketches"] == "none yet: 'kinodex sketch' draws them"
    assert told["files"] == "2 indexed, 0 waiting, 1 failed, 0 missing"
    assert re.fullmatch(r"\d\.\d MB", told["space used"])


def test_tags_are_told_by_their_vocabulary(folder, lines):
    with Library.open(folder) as library:
        plant(library, tiny_backbone())
        tag(library, tiny_backbone())
    assert lines()["tags"] == "mine, on 2 segments"


def test_a_new_library_has_no_model_yet(folder, lines, tmp_path, monkeypatch):
    Library.open(tmp_path / "new", create=True).close()
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "new"))
    assert lines()["model"] == "none yet"


def test_failed_files_are_told_with_the_way_to_try_again(folder, capsys):
    assert call("failed") == 0
    captured = capsys.readouterr()
    assert captured.out == "/v/bad.mp4\tdecode\tit is cut short\n"
    assert captured.err == "1 file failed: 'kinodex failed --retry' tries them again\n"
    assert call("failed", "--json") == 0
    captured = capsys.readouterr()
    assert (json.loads(captured.out)["attempts"], captured.err) == (1, "")


def test_where_nothing_failed_nothing_is_said(folder, capsys):
    with Library.open(folder) as library, library.writing() as session:
        for path in session.scalars(select(VideoPath)):
            path.missing_since = now()
    assert call("failed") == 0
    assert capsys.readouterr() == ("", "")


def test_what_is_removed_is_counted(folder, capsys):
    assert shown_json(capsys, "remove", "/v/a.mp4") == {"removed": 1, "kept": 1}
    assert call("remove", "/v/b.mp4", "/v/bad.mp4") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2 files removed from the library (not from the disk)" in captured.err
    assert call("remove", "/v/a.mp4") == 1
    assert "the library knows nothing at '/v/a.mp4'" in said(capsys)


def test_the_places_of_a_library_are_told_line_by_line(tmp_path, capsys):
    assert call("where", "-l", tmp_path / "new") == 0
    told = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    names = {"library": "", "catalog": "catalog.db", "vectors": "vectors", "media": "media"}
    names |= {"settings": "library.toml"}
    assert told == {name: str(tmp_path / "new" / file) for name, file in names.items()}
    assert not (tmp_path / "new").exists()


def test_every_figure_stands_in_its_line():
    summary = Summary(
        Path("/l\x1b"), "ViT-B-32", None, 2, 1.5, 30, "mine", 1, 12, 3, 4, 5, 6, 1, 1_260_000
    )
    named = status._lines(replace(summary, head="meanP"), "fast", None)
    assert named[1] == ("model", "fast: ViT-B-32, head meanP")
    assert status._lines(summary, None, "openvino, float32") == [
        ("library", "/l\\x1b"),
        ("model", "ViT-B-32"),
        ("engine", "openvino, float32"),
        ("videos", "2 (1:30:00.0 in all)"),
        ("segments", "30"),
        ("tags", "mine, on 1 segment"),
        ("sketches", "12 of 30 segments"),
        ("files", "3 indexed, 4 waiting, 5 failed, 6 missing"),
        ("kept", "1 video that no file holds any more"),
        ("space used", "1.3 MB"),
    ]


def test_what_computes_is_told_without_loading_anything(monkeypatch, tmp_path):
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    monkeypatch.setattr(status, "kind_of_device", lambda _: "cpu")
    backbone = tiny_backbone()
    will_be = "openvino: the model will be compiled at its next use"
    with Library.open(tmp_path / "library", create=True) as library:
        Shelf(library, backbone).put("/v/a.mp4", axis(0))
        space = indexed_space(library)
        assert status._engine(space) == will_be
        for card, told in (
            ({"precision": "bfloat16"}, "openvino, bfloat16"),
            ({"refused": "it cannot be traced"}, "torch, on cpu: it cannot be traced"),
        ):
            with cache.new_entry(key_of(backbone.identity, "auto")) as new:
                new.finish(card)
            assert status._engine(space) == told
        monkeypatch.setenv("KINODEX_PRECISION", "float32")
        assert status._engine(space) == will_be
        monkeypatch.setenv("KINODEX_ENGINE", "torch")
        assert status._engine(space) == "torch, on cpu"


@pytest.mark.parametrize(("device", "name"), [("cpu", "good"), ("cuda", "fast"), ("mps", "fast")])
def test_the_name_of_a_librarys_model_is_told_as_it_is_here(device, name, monkeypatch):
    monkeypatch.setattr(status, "kind_of_device", lambda _: device)
    space = Space(model="PE-Core-B-16", pretrained="meta")
    assert status._named(space) == name
    assert status._named(Space(model="PE-Core-B-16", pretrained="random")) is None


def test_what_is_removed_is_kept_for_a_time_which_is_said(folder, capsys):
    assert call("remove", "/v/a.mp4", "/v/bad.mp4") == 0
    assert said(capsys) == (
        "2 files removed from the library (not from the disk) what was encoded of 1 video is kept "
        "for 30 days, should they come back; 'kinodex clean --now' deletes it"
    )


def test_places_are_told_to_programs_and_of_the_usual_library(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(status, "default_folder", lambda: tmp_path / "usual")
    monkeypatch.delenv("KINODEX_LIBRARY", raising=False)
    status.print_places(None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["library"], told["catalog"]) == (
        str(tmp_path / "usual"),
        str(tmp_path / "usual" / "catalog.db"),
    )
