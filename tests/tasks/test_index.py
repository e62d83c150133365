"""What an indexing run is made of, what it says, and how it ends, without indexing anything."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from indexer.pipeline import IndexReport
from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from models.heads.fit import HeadMismatch
from models.identity import BUNDLED, HeadChoice, ModelChoice
from search.catalog.read_only import ReadOnlyLibrary
from search.catalog.settings import TagSettings
from search.catalog.spaces import SpaceMismatch
from search.catalog.store import Store
from search.tags.tagger import TagReport
from tasks import index, index_setup
from tasks.index_setup import IndexSetup, pass_over
from tasks.sketches import run as sketching
from tasks.sketches.library import SketchReport
from tasks.terminal.model_flags import ModelFlags
from tests.tiny import tiny_backbone, tiny_head


def said(report: IndexReport, capsys: pytest.CaptureFixture[str]) -> list[str]:
    index._summarise(report)
    return capsys.readouterr().err.splitlines()


def test_what_was_done_is_said_and_what_was_not_is_left_out(capsys):
    assert said(IndexReport(), capsys) == ["0 videos indexed"]
    assert said(IndexReport(encoded=1, frames_sampled=9, frames_encoded=7), capsys) == [
        "1 video indexed (9 frames, 7 encoded)"
    ]
    whole = IndexReport(
        encoded=2, linked=3, unchanged=4, failed=5, failed_before=6, newly_missing=7, damaged=8
    )
    assert said(whole, capsys) == [
        "2 videos indexed, 8 of them damaged, 3 already known under another name, 4 unchanged, "
        "7 gone and hidden, 5 failed, 6 failed before (try again: 'kinodex failed --retry')"
    ]


def test_tags_what_is_behind_and_an_interruption_are_said(capsys):
    tagging = TagReport(segments=9, labels=3, tags=7, tagged=5)
    assert said(IndexReport(tagging=tagging), capsys) == ["0 videos indexed, 5 segments with tags"]
    _, behind = said(IndexReport(behind=1), capsys)
    assert behind.startswith("searches go on with what was there: 1 video could not be encoded")
    _, stopped = said(IndexReport(interrupted=True), capsys)
    assert stopped == "interrupted: run the same command again to go on"


class Finished:
    """How a run ends whose sketching, where it is wanted, comes to this."""

    def __init__(self, patch: pytest.MonkeyPatch, sketched: SketchReport | None = None) -> None:
        self.asked = 0
        self._sketched = sketched or SketchReport(3, drawn=3)
        patch.setattr(sketching, "sketch_new_segments", self._sketch)

    def _sketch(self, _library: object, _backbone: object, stop: threading.Event) -> SketchReport:
        self.asked += 1
        return self._sketched

    def code(self, report: IndexReport, *, sketch: bool = True, as_json: bool = False) -> int:
        nothing: Any = None
        return index._finish(
            nothing, nothing, report, threading.Event(), wants_sketches=sketch, as_json=as_json
        )


def test_a_run_ends_well_unless_something_failed_or_it_was_stopped(monkeypatch):
    end = Finished(monkeypatch)
    assert end.code(IndexReport()) == 0
    assert end.code(IndexReport(failed=1)) == 3
    assert end.code(IndexReport(failed_before=1)) == 3
    assert end.code(IndexReport(behind=1)) == 3
    assert end.asked == 4
    assert end.code(IndexReport(interrupted=True, failed=1)) == 130
    assert end.code(IndexReport(), sketch=False) == 0
    assert end.asked == 4
    assert Finished(monkeypatch, SketchReport(3, failed=1)).code(IndexReport()) == 3
    assert Finished(monkeypatch, SketchReport(3, interrupted=True)).code(IndexReport()) == 130


def test_programs_hear_of_sketches_too(monkeypatch, capsys):
    end = Finished(monkeypatch)
    end.code(IndexReport(encoded=2), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["encoded"], told["linked"], told["tagging"]) == (2, 0, None)
    assert told["sketching"]["drawn"] == 3
    end.code(IndexReport(), sketch=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["sketching"] is None
    end.code(IndexReport())
    assert capsys.readouterr().out == ""


def test_a_watch_goes_on_with_what_a_library_was_given_meanwhile(monkeypatch, capsys):
    first: Any = SimpleNamespace(library="library", backbone=SimpleNamespace(device_type="cpu"))
    second: Any = SimpleNamespace(library="library", backbone=first.backbone)
    done: list[tuple[Any, str]] = []
    failures = [False, True, False]

    def once(setup: Any, do: str) -> int:
        done.append((setup, do))
        if failures.pop(0):
            raise SpaceMismatch("the library was made with another head")
        return len(done)

    def load(library: object, flags: ModelFlags, _talk: object) -> Any:
        assert (library, flags) == ("library", ModelFlags(device="cpu"))
        return second

    monkeypatch.setattr(index.IndexSetup, "load", load)
    monkeypatch.setattr(index, "_say_with_what", lambda _setup: None)
    rounds = index._Rounds(first, once, follows=False)  # type: ignore[arg-type]
    assert rounds.run("a") == 1  # type: ignore[arg-type]
    assert rounds.run("b") == 3  # type: ignore[arg-type]
    assert done == [(first, "a"), (first, "b"), (second, "b")]
    assert "the library was changed meanwhile" in capsys.readouterr().err
    failures[:] = [True, True, False]
    assert rounds.run("c") == 6  # type: ignore[arg-type]
    failures[:] = [True] * 5
    with pytest.raises(SpaceMismatch):
        rounds.run("d")  # type: ignore[arg-type]
    assert failures == []
    failures[:] = [True]
    with pytest.raises(SpaceMismatch):  # what was asked for does not fit from the beginning
        index._Rounds(first, once, follows=False).run("c")  # type: ignore[arg-type]
    failures[:] = [True, False]
    assert index._Rounds(first, once, follows=True).run("c") == len(done)  # type: ignore[arg-type]
    assert done[-2:] == [(first, "c"), (second, "c")]


class Indexer:
    """Notes what it was asked to index."""

    def index(self, paths: list[Path], **how: bool) -> tuple[object, ...]:
        return ("paths", list(paths), how)

    def index_known(self, **how: bool) -> tuple[object, ...]:
        return ("known", how)


def test_a_pass_is_over_paths_or_over_all_that_is_known():
    indexer: Any = Indexer()
    paths = [Path("a")]
    assert pass_over(paths)(indexer) == (
        "paths", paths, {"retry_failed": False, "switch_space": False},
    )  # fmt: skip
    assert pass_over(paths, reindex=True, retry_failed=True)(indexer) == (
        "paths", paths, {"retry_failed": True, "switch_space": True},
    )  # fmt: skip
    assert pass_over([])(indexer) == ("known", {"failed": False, "switch_space": False})
    assert pass_over([], reindex=True)(indexer) == (
        "known", {"failed": False, "switch_space": True},
    )  # fmt: skip
    assert pass_over([], retry_failed=True)(indexer) == (
        "known", {"failed": True, "switch_space": False},
    )  # fmt: skip


OWN, OTHER = ModelChoice("ViT-B-32", "openai"), ModelChoice(BUNDLED)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[ModelChoice]:
    """The models that were compared with the library's own, which is `OWN`."""
    asked: list[ModelChoice] = []
    monkeypatch.setattr(index_setup, "choice_of", lambda _space: OWN)
    monkeypatch.setattr(index_setup, "check_same_model", lambda _space, model: asked.append(model))
    return asked


def test_a_library_goes_on_with_its_own_model_unless_it_is_encoded_anew(checked):
    space: Any = object()
    told: list[str] = []
    assert index_setup._model(space, ModelFlags(), told.append, reindex=False) == OWN
    assert index_setup._model(space, ModelFlags(BUNDLED), told.append, reindex=True) == OTHER
    assert checked == [OWN]
    index_setup._model(space, ModelFlags(BUNDLED), told.append, reindex=False)
    assert (checked, told) == ([OWN, OTHER], [])


def test_a_new_library_gets_a_usual_model_which_is_said(checked, monkeypatch):
    told: list[str] = []
    flags = ModelFlags(device="cpu")
    monkeypatch.setattr("models.clip.engines.speed.remembered", lambda *_: 4.44)
    usual = ModelChoice("ViT-B-32", "laion2b_s34b_b79k")
    assert index_setup._model(None, flags, told.append, reindex=False) == usual
    assert told == [
        f"no model named: using 'fast', {usual}, as this machine would encode with 'good', "
        "PE-Core-B-16 (meta), 4.4 frames a second, 2.2 hours of video an hour"
    ]
    named = ModelFlags(BUNDLED, device="cpu")
    assert index_setup._model(None, named, told.append, reindex=False) == OTHER
    assert (len(told), checked) == (1, [])


def test_a_library_keeps_its_head_as_long_as_its_model(checked, monkeypatch, tmp_path):
    space: Any = object()
    heads = {"own": HeadChoice("seqTransf", tmp_path / "head.safetensors")}
    monkeypatch.setattr(index_setup, "head_of", lambda _space: heads["own"])
    monkeypatch.setattr(index_setup, "default_head", lambda model: HeadChoice(f"of {model.name}"))
    assert index_setup._usual_head(None, OWN) == HeadChoice("of ViT-B-32")
    assert index_setup._usual_head(space, OTHER) == HeadChoice("of bundled")
    with pytest.raises(HeadMismatch, match=r"head\.safetensors', is gone: bring it back"):
        index_setup._usual_head(space, OWN)
    (tmp_path / "head.safetensors").touch()
    assert index_setup._usual_head(space, OWN) == heads["own"]
    heads["own"] = HeadChoice("meanP")
    assert index_setup._usual_head(space, OWN) == HeadChoice("meanP")


def test_a_library_is_loaded_with_its_own_settings(monkeypatch, tmp_path):
    backbone = tiny_backbone()
    head = tiny_head(backbone)
    asked: dict[str, Any] = {}

    def load_talking(choice: ModelChoice, flags: ModelFlags, **_: object) -> Any:
        asked.update(choice=choice, device=flags.device)
        return backbone

    monkeypatch.setattr(index_setup, "load_talking", load_talking)
    monkeypatch.setattr(index_setup, "_model", lambda *_, reindex: OTHER if reindex else OWN)
    monkeypatch.setattr(index_setup, "_usual_head", lambda _space, _model: HeadChoice("usual"))
    monkeypatch.setattr(
        index_setup, "load_fusing_head", lambda choice, *_: asked.update(head=choice) or head
    )
    with Store.open(tmp_path, create=True) as library:
        (tmp_path / "library.toml").write_text(
            "[index]\nmax_hours = 7.0\n[tags]\nmin_probability = 0.25\n"
        )
        setup = IndexSetup.load(library, ModelFlags(device="cpu"), print)
        assert asked == {"choice": OWN, "device": "cpu", "head": HeadChoice("usual")}
        assert (setup.settings.max_hours, setup.tag_settings.min_probability) == (7.0, 0.25)
        assert (setup.library, setup.backbone, setup.head) == (library, backbone, head)
        named = HeadChoice("meanP")
        IndexSetup.load(library, ModelFlags(), print, head=named, reindex=True)
        assert asked == {"choice": OTHER, "device": None, "head": named}


def test_each_pass_has_the_tags_that_the_library_wants_by_now(monkeypatch, tmp_path):
    backbone = tiny_backbone()
    wanted = iter(["first", "second"])
    monkeypatch.setattr(index_setup, "wanted_for_new_videos", lambda *_: next(wanted))
    monkeypatch.setattr(index_setup, "make_tagger", lambda _library, _model, plan, _talk: plan)
    listener: Any = object()
    stop = threading.Event()
    with Store.open(tmp_path, create=True) as library:
        setup = IndexSetup(
            library, backbone, tiny_head(backbone), IndexSettings(), TagSettings(), print
        )
        first: Any = setup.run(lambda indexer: indexer, listener, stop)  # type: ignore[arg-type]
        second: Any = setup.run(lambda indexer: indexer, listener)  # type: ignore[arg-type]
        assert library.settings_file.exists()
    assert (first.tagger, second.tagger) == ("first", "second")
    assert (first.stop, second.stop.is_set()) == (stop, False)
    assert (first.listener, first.library, first.head) == (listener, library, setup.head)


class Runs:
    """Runs of `kinodex index` whose passes come to what they are told to, or fail by it."""

    def __init__(self, patch: pytest.MonkeyPatch, *reports: IndexReport | SpaceMismatch) -> None:
        self.loaded: list[dict[str, Any]] = []
        self.finished: list[tuple[IndexReport, bool]] = []
        self.sound: list[bool] = []
        self._reports = list(reports) or [IndexReport(encoded=1)] * 9
        patch.setattr(index.IndexSetup, "load", self._load)
        patch.setattr(index, "_finish", self._finish)
        patch.setattr(index, "_say_with_what", lambda _setup: None)
        patch.setattr(index.Store, "require_sound", lambda _library: self.sound.append(True))

    def _load(self, library: Store, flags: ModelFlags, _talk: object, **how: Any) -> Any:
        self.loaded.append({"flags": flags, **how})
        return SimpleNamespace(
            library=library,
            backbone=SimpleNamespace(device_type="cpu"),
            settings=IndexSettings(),
            run=lambda _do, _listener, _stop: self._next(),
        )

    def _next(self) -> IndexReport:
        outcome = self._reports.pop(0)
        if isinstance(outcome, SpaceMismatch):
            raise outcome
        return outcome

    def _finish(
        self, _library: Store, _backbone: object, report: IndexReport, _stop: object,
        *, wants_sketches: bool, as_json: bool,
    ) -> int:  # fmt: skip
        self.finished.append((report, wants_sketches))
        return 7

    def index(self, folder: Path, *paths: Path, flags: ModelFlags | None = None, **how: Any) -> int:
        usual = {"reindex": False, "as_json": False}
        return index.run_index(folder, paths, flags or ModelFlags(), **usual | how)


def test_sketches_are_wanted_as_the_settings_say_unless_it_is_said(monkeypatch, tmp_path):
    runs = Runs(monkeypatch)
    library = tmp_path / "library"
    assert runs.index(library, tmp_path) == 7
    assert runs.index(library, tmp_path, sketch=True) == 7
    (library / "library.toml").write_text("[sketch]\nafter_indexing = true\n")
    runs.index(library, tmp_path)
    runs.index(library, tmp_path, sketch=False)
    assert [wants for _, wants in runs.finished] == [False, True, True, False]
    assert runs.sound == [True] * 4
    assert index.retry_failed(library, "cpu", as_json=False) == 7
    assert runs.finished[-1][1] is True
    assert runs.loaded[-1] == {"flags": ModelFlags(device="cpu")}


def test_a_head_is_loaded_where_one_was_named(monkeypatch, tmp_path):
    runs = Runs(monkeypatch)
    runs.index(tmp_path / "library", tmp_path, head="meanP", reindex=True)
    runs.index(tmp_path / "library", tmp_path)
    assert [(one["head"], one["reindex"]) for one in runs.loaded] == [
        (HeadChoice("meanP"), True),
        (None, False),
    ]


def test_a_path_that_leads_nowhere_makes_no_library(monkeypatch, tmp_path):
    Runs(monkeypatch)
    with pytest.raises(KinodexError, match="there is no file or folder"):
        Runs(monkeypatch).index(tmp_path / "library", tmp_path / "gone")
    assert not (tmp_path / "library").exists()


def test_a_watch_says_nothing_of_rounds_in_which_nothing_was_done(monkeypatch, tmp_path):
    reports = IndexReport(), IndexReport(encoded=2), IndexReport()
    runs = Runs(monkeypatch, *reports)
    codes: list[int] = []

    def watch(paths: Any, _library: Path, _settings: object, _stop: object, run: Any) -> int:
        codes.extend(run(None) for _ in reports)
        assert list(paths) == [tmp_path]
        return 0

    monkeypatch.setattr(index, "watch_folders", watch)
    assert runs.index(tmp_path / "library", tmp_path, watch=True) == 0
    assert (codes, [report.encoded for report, _ in runs.finished]) == ([0, 7, 0], [2])
    # A run by itself says that there was nothing to do.
    runs = Runs(monkeypatch, IndexReport())
    assert runs.index(tmp_path / "library", tmp_path) == 7


def test_a_library_that_is_changed_while_its_model_is_loaded_is_gone_on_with(monkeypatch, tmp_path):
    another = SpaceMismatch("this library was made with another head")
    runs = Runs(monkeypatch, another, IndexReport(), another, IndexReport())
    assert runs.index(tmp_path / "library", tmp_path) == 7
    assert index.retry_failed(tmp_path / "library", None, as_json=False) == 7
    assert len(runs.loaded) == 4


@pytest.mark.parametrize(
    "asked",
    [{"head": "meanP"}, {"flags": ModelFlags(model="bundled")}, {"reindex": True}],
    ids=["a head", "a model", "all anew"],
)
def test_what_was_asked_for_is_not_given_up_for_what_a_library_has(monkeypatch, tmp_path, asked):
    runs = Runs(monkeypatch, SpaceMismatch("this library was made with another head"))
    with pytest.raises(SpaceMismatch):
        runs.index(tmp_path / "library", tmp_path, **asked)
    assert len(runs.loaded) == 1


def test_what_may_only_be_read_is_refused_before_a_model_is_loaded(monkeypatch, tmp_path):
    Store.open(tmp_path / "library", create=True).close()
    runs = Runs(monkeypatch)
    monkeypatch.setattr("search.catalog.store.may_write", lambda _catalog: False)
    with pytest.raises(ReadOnlyLibrary):
        runs.index(tmp_path / "library", tmp_path)
    with pytest.raises(ReadOnlyLibrary):
        index.retry_failed(tmp_path / "library", None, as_json=False)
    assert runs.loaded == []
