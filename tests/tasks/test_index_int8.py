"""A library in int8: made by its own frames, told as such, and met by nothing else."""

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from search.catalog.store import Store
from search.upkeep.archive import restore_backup, write_backup
from tasks import index_int8
from tasks.int8_judging import Judgement
from tests.calling import call, said, shown_json
from tests.tiny import tiny_backbone

FEWEST, JUDGING = index_int8._FEWEST, index_int8._JUDGING
GOOD = Judgement(0.998, "things found", 80.0, 80.0, 20.0, 40.0)
BAD = Judgement(0.95, "things found", 80.0, 70.0, 20.0, 40.0)


@pytest.fixture(autouse=True)
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Judgement]:
    """What the towers of a test are judged to be, in turn; and a few frames are enough."""
    coming = [GOOD]
    monkeypatch.setattr(index_int8, "judge", lambda *_: coming.pop(0))
    monkeypatch.setattr(index_int8, "_FEWEST", 2)
    monkeypatch.setattr(index_int8, "_JUDGING", 2)
    return coming


def index(place: Path, *more: object, precision: str | None = "int8") -> int:
    asked = ["--precision", precision] if precision else []
    return call("index", *more, "-l", place, *asked)


def new(clips: Path, place: Path) -> int:
    return index(place, clips, "-m", "bundled", "--head", "meanP")


@pytest.fixture(scope="module")
def made(shared_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library in int8, to copy."""
    place = tmp_path_factory.mktemp("made") / "library"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_int8, "judge", lambda *_: GOOD)
        patch.setattr(index_int8, "_FEWEST", 2)
        patch.setattr(index_int8, "_JUDGING", 2)
        assert new(shared_clips, place) == 0
    return place


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "library"))


def towers(place: Path) -> list[Path]:
    return sorted((place / "int8").glob("*.bin"))


def test_a_new_library_is_encoded_in_it_and_says_so(shared_clips, tmp_path, capsys):
    assert new(shared_clips, tmp_path / "library") == 0
    told = said(capsys)
    assert "(once for this library) in int8: mean cosine 0.9980 (at least 0.99)" in told
    assert "model bundled, head meanP, on cpu with openvino in int8" in told
    status = shown_json(capsys, "status", "-l", tmp_path / "library")
    assert (status["model"], status["engine"]) == ("bundled in int8", "openvino, int8")
    assert len(towers(tmp_path / "library")) == 1


def test_it_is_searched_by_texts_and_pictures_wherever_it_lies(library, capsys):
    assert call("search", "a ball", "-l", library) == 0
    picture = next((library / "media").rglob("*.jpg"))
    capsys.readouterr()
    assert call("search", "--image", picture, "-l", library) == 0
    assert float(capsys.readouterr().out.split()[0]) > 0.99  # it finds itself, in int8


def test_it_goes_on_in_it_unasked(library, shared_clips, tmp_path, capsys):
    write = tmp_path / "more"
    shutil.copytree(shared_clips, write)
    with (write / "a.mp4").open("ab") as file:
        file.write(b"0" * 9)  # another content
    assert index(library, write, precision=None) == 0
    assert "openvino in int8" in said(capsys)
    assert len(towers(library)) == 1


def test_another_precision_is_refused_unless_all_is_encoded_anew(library, shared_clips, capsys):
    assert index(library, shared_clips, precision="float32") == 1
    assert "encoded in int8, and no others may meet them" in said(capsys)
    assert index(library, "--reindex", precision="float32") == 0
    assert shown_json(capsys, "status", "-l", library)["model"] == "bundled"
    assert index(library, shared_clips) == 1
    assert "encoded otherwise than in int8: leave --precision out" in said(capsys)


def test_one_that_is_refused_leaves_all_as_it_was_and_is_tried_once(
    shared_clips, tmp_path, verdicts, capsys
):
    verdicts[:] = [BAD]
    place = tmp_path / "library"
    assert new(shared_clips, place) == 0
    told = said(capsys)
    assert "bundled is not taken in int8: mean cosine 0.9500 (at least 0.99), things" in told
    assert "going on in float32" in told
    assert towers(place) == []
    assert index(place, shared_clips) == 0  # nobody judges a second time: there is no verdict
    assert "bundled was not taken in int8 before: mean cosine 0.9500" in said(capsys)
    assert shown_json(capsys, "status", "-l", place)["model"] == "bundled"


def test_too_few_frames_are_told(shared_clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(index_int8, "_FEWEST", 3)
    assert new(shared_clips, tmp_path / "library") == 0
    assert "int8 needs 3 stretches of four seconds, and there are 2 in these videos" in said(capsys)


@pytest.mark.parametrize(("count", "taken"), [(15, None), (16, (12, 4)), (50, (38, 12))])
def test_a_quarter_of_sixteen_stretches_or_more_judges(count, taken, tmp_path, monkeypatch):
    monkeypatch.setattr(index_int8, "_FEWEST", FEWEST)
    monkeypatch.setattr(index_int8, "_JUDGING", JUDGING)
    seen = [np.full((2, 1), number) for number in range(count)]
    monkeypatch.setattr(index_int8, "stretches", lambda *_: seen)
    tried = []

    def try_it(_library, _backbone, calibrating, judging, _talk) -> str:
        tried.append((len(calibrating), len(judging) / 2))
        assert [one[0, 0] for one in calibrating] + judging[::2, 0].tolist() == [*range(count)]
        return "it is refused"

    monkeypatch.setattr(index_int8, "_tried", try_it)
    plain = tiny_backbone()
    monkeypatch.setattr(plain.engine, "name", "openvino")
    with Store.open(tmp_path / "library", create=True) as store:
        made = index_int8.in_int8(store, plain, [tmp_path], IndexSettings(), lambda _: None)
        assert made is plain
        assert index_int8.why_refused(store, plain) == (taken and "it is refused")
        assert index_int8.why_refused(store, tiny_backbone(2)) is None
    assert tried == ([taken] if taken else [])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_refusal_is_noted_for_all_who_share_the_library(tmp_path):
    with Store.open(tmp_path / "library", create=True) as store:
        store.int8_folder.mkdir()
        store.int8_folder.chmod(0o2770)
        before = os.umask(0o077)
        try:
            index_int8._note_refusal(store, tiny_backbone(), "it is no good")
        finally:
            os.umask(before)
        [noted] = store.int8_folder.iterdir()
        assert stat.S_IMODE(noted.stat().st_mode) == 0o660
        assert index_int8.why_refused(store, tiny_backbone()) == "it is no good"


def test_without_what_makes_it_nothing_is_begun(shared_clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("models.clip.engines.choice.find_spec", lambda _: None)
    assert new(shared_clips, tmp_path / "library") == 1
    assert said(capsys) == ("kinodex: the precision int8 needs NNCF: pip install 'kinodex[int8]'")


def test_an_engine_without_int8_goes_on_without(shared_clips, tmp_path, capsys):
    place = tmp_path / "library"
    how = ("-m", "bundled", "--head", "meanP", "--engine", "torch")
    assert index(place, shared_clips, *how) == 0
    assert "int8 is for openvino, and bundled runs in torch: going on in float32" in said(capsys)


def test_without_its_tower_texts_are_answered_and_a_new_one_is_made(library, capsys):
    [tower] = towers(library)
    tower.unlink()
    assert call("search", "a ball", "-l", library) == 0
    picture = next((library / "media").rglob("*.jpg"))
    assert call("search", "--image", picture, "-l", library) == 1
    assert "cannot be read" in said(capsys)
    assert index(library, "--reindex") == 0
    assert call("search", "--image", picture, "-l", library) == 0
    assert [file.name for file in towers(library)] == [tower.name]  # by the same frames, the same


def test_towers_of_runs_that_were_stopped_are_cleared_away(library, tmp_path):
    for kind in ("xml", "bin", "json"):
        (library / "int8" / f"{'0' * 32}.{kind}").write_text("of a run that was killed")
    used = towers(library)[1]
    with Store.open(library) as store:
        index_int8._clear_others(store, index_int8.Int8Tower(store.int8_folder, used.stem))
    assert towers(library) == [used]


def test_a_backup_holds_it(library, tmp_path):
    with Store.open(library) as store:
        write_backup(store, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "restored")
    names = {file.name for file in (library / "int8").iterdir()}
    assert {file.name for file in (tmp_path / "restored" / "int8").iterdir()} == names
    assert len(names) == 3
    picture = next((library / "media").rglob("*.jpg"))
    assert call("search", "--image", picture, "-l", tmp_path / "restored") == 0


def test_another_text_tower_keeps_the_frames(library, capsys):
    assert call("fuse", "--head", "seqTransf", "-l", library) == 0
    assert shown_json(capsys, "status", "-l", library)["model"] == "bundled in int8"


def test_what_is_found_in_it_is_a_backbone_in_int8(library):
    from search.library import Library

    with Library.open(library) as opened:
        assert isinstance(backbone := opened.engine().backbone, Backbone)
        assert backbone.engine.precision == "int8"
