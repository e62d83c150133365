"""Which library, model and files a `kinodex sketch` works with, and how it ends, undrawn."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.identity import BUNDLED, ModelChoice
from models.towers.blocks import OtherTower
from search.catalog.settings import SketchSettings
from search.catalog.store import LibraryNotFound, Store
from tasks.sketches import run
from tasks.sketches.library import SketchReport
from tasks.sketches.products import FinishedSketch
from tasks.sketches.request import Products, SheetRequest, SketchFlags, SketchRequest
from tasks.terminal.model_flags import ModelFlags
from tests.tasks.sketches.drawings import place, sketch

OWN = ModelChoice("ViT-B-32", "openai")


def request(
    *, redo: bool = False, as_json: bool = False, sheet: SheetRequest | None = None, **wanted: Any
) -> SketchRequest:
    return SketchRequest(
        SketchFlags(), ModelFlags(), Products(**wanted), redo=redo, sheet=sheet, as_json=as_json
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library; no model is loaded in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "_maker", lambda _library, _request: "maker")
    Store.open(tmp_path / "library", create=True).close()
    return tmp_path / "library"


class Library:
    """What is asked of a library that is sketched as a whole, and what comes of it."""

    def __init__(self, patch: pytest.MonkeyPatch, report: SketchReport) -> None:
        self.asked: list[tuple[bool, bool]] = []
        self.sheets: list[SheetRequest] = []
        self._report = report
        patch.setattr(run, "indexed_space", lambda _library: None)
        patch.setattr(run, "_run_library", self._run)
        patch.setattr(run, "write_sheets", self._write)

    def _run(
        self, _library: Store, _maker: object, _stop: object, *, redo: bool, only_new: bool
    ) -> SketchReport:
        self.asked.append((redo, only_new))
        return self._report

    def _write(self, _library: Store, wanted: SheetRequest) -> list[Path]:
        self.sheets.append(wanted)
        return [wanted.file, Path("/s/b.png")]


def test_a_library_is_sketched_whole_where_nothing_is_named(folder, monkeypatch, capsys):
    one = Library(monkeypatch, SketchReport(3, drawn=3, seconds=1.0))
    wanted = SheetRequest(folder.parent / "new" / "a.png", with_keyframes=False)
    assert run.run_sketch(folder, [], request(redo=True, as_json=True, sheet=wanted)) == 0
    assert (one.asked, one.sheets) == ([(True, False)], [wanted])
    assert wanted.file.parent.is_dir()
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["drawn"], told["sheets"]) == (3, [str(wanted.file), "/s/b.png"])
    assert shown.err.splitlines() == [
        "3 segments sketched in 1.0 s",
        "contact sheet: new/a.png",
        "contact sheet: /s/b.png",
    ]
    assert run.run_sketch(folder, [], request()) == 0
    assert (one.asked[1], capsys.readouterr().out) == ((False, False), "")


def test_a_run_that_was_interrupted_makes_no_sheet(folder, monkeypatch):
    one = Library(monkeypatch, SketchReport(3, interrupted=True))
    wanted = SheetRequest(folder.parent / "a.png", with_keyframes=False)
    assert run.run_sketch(folder, [], request(sheet=wanted)) == 130
    assert one.sheets == []


def test_a_library_that_may_only_be_read_is_not_sketched(folder, monkeypatch):
    one = Library(monkeypatch, SketchReport(3))
    refused = RuntimeError("it may only be read")

    def require_writable(_library: Store) -> None:
        raise refused

    monkeypatch.setattr(Store, "require_writable", require_writable)
    monkeypatch.setattr(run, "find_places", lambda _library, _moments: [place()])
    for words in ([], ["7"]):
        with pytest.raises(RuntimeError, match="it may only be read"):
            run.run_sketch(folder, words, request())
    assert one.asked == []


def test_only_new_segments_are_sketched_after_indexing(folder, monkeypatch):
    one = Library(monkeypatch, SketchReport(3, drawn=1))
    monkeypatch.setattr(run, "SketchMaker", lambda _backbone, settings, **_: settings)
    backbone: Any = SimpleNamespace(choice=OWN)
    with Store.open(folder) as library:
        assert run.sketch_new_segments(library, backbone).drawn == 1
        assert run.sketch_new_segments(library, backbone, threading.Event()).drawn == 1
    assert one.asked == [(False, True)] * 2


def test_pictures_need_no_library_but_moments_do(tmp_path, monkeypatch):
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "none"))
    with run._library_if_any(None, needed=False) as library:
        assert library is None
    with pytest.raises(LibraryNotFound):
        run._library_if_any(None, needed=True)
    with pytest.raises(LibraryNotFound):
        run._library_if_any(tmp_path / "none", needed=False)
    Store.open(tmp_path / "library", create=True).close()
    with run._library_if_any(tmp_path / "library", needed=True) as library:
        assert library.folder == tmp_path / "library"


class Named:
    """Moments and pictures that are drawn at once; of the pictures some fail."""

    def __init__(
        self, patch: pytest.MonkeyPatch, *, failed: Sequence[str] = (), stopped: bool = False
    ) -> None:
        self.works: list[tuple[Any, ...]] = []
        self._failed, self._stopped = failed, stopped
        patch.setattr(run, "find_places", lambda _library, moments: [place() for _ in moments])
        patch.setattr(run, "MomentSketcher", self._moments)
        patch.setattr(run, "PictureSketcher", self._pictures)

    def _moments(self, _library: Store, maker: object, products: Products, folder: Path | None,
                 _stop: object, _show: object, redo: bool) -> Any:  # fmt: skip
        self.works.append(("moments", folder, redo))
        return SimpleNamespace(run=lambda places: self._finished(len(places)))

    def _pictures(self, _maker: object, _products: Products, folder: Path, stop: threading.Event,
                  on_failed: Any, _show: object) -> Any:  # fmt: skip
        self.works.append(("pictures", folder))
        for why in self._failed:
            on_failed(why)
        if self._stopped:
            stop.set()
        return SimpleNamespace(run=lambda paths: self._finished(len(paths) - len(self._failed)))

    def _finished(self, count: int) -> Iterator[FinishedSketch]:
        for number in range(count):
            yield FinishedSketch(f"{number}", sketch(), {"svg": Path(f"/o/{number}.svg")}, 1.0)


def test_moments_are_sketched_before_pictures_and_all_are_shown(folder, monkeypatch, capsys):
    (folder.parent / "a.png").touch()
    one = Named(monkeypatch)
    assert run.run_sketch(folder, ["a.png", "7", "8"], request(redo=True)) == 0
    assert [work[0] for work in one.works] == ["moments", "pictures"]
    assert capsys.readouterr().out == "/o/0.svg\n/o/1.svg\n/o/0.svg\n"
    assert one.works[0][2] is True


def test_a_folder_is_needed_for_pictures_films_and_where_one_was_named(folder, monkeypatch):
    (folder.parent / "a.png").touch()

    def folder_for(*words: str, **wanted: Any) -> Path | None:
        one = Named(monkeypatch)
        run.run_sketch(folder, words, request(**wanted))
        return one.works[0][1]

    assert folder_for("7") is None
    assert folder_for("7", png=True) is None
    assert folder_for("7", video=True) == Path()
    assert folder_for("7", out=folder.parent / "out") == folder.parent / "out"
    assert folder_for("a.png") == Path()


def test_what_failed_is_told_by_the_exit_code(folder, monkeypatch, capsys):
    for name in ("a.png", "b.png"):
        (folder.parent / name).touch()
    Named(monkeypatch, failed=["a\x1b is no picture"])
    assert run.run_sketch(folder, ["a.png", "b.png"], request()) == 3
    assert "failed: a\\x1b is no picture\n" in capsys.readouterr().err
    Named(monkeypatch, failed=["a", "b"])
    assert run.run_sketch(folder, ["a.png", "b.png"], request()) == 1
    Named(monkeypatch, failed=["a"], stopped=True)
    assert run.run_sketch(folder, ["a.png", "b.png"], request()) == 130


def test_the_model_is_the_one_asked_for_else_the_librarys_else_the_bundled_one(
    folder, monkeypatch, capsys
):
    monkeypatch.setattr(run, "choice_of", lambda _space: OWN)
    with Store.open(folder) as library:
        monkeypatch.setattr(run, "space_of", lambda _library: "space")
        assert run._choice(library, ModelFlags()) == OWN
        assert run._choice(library, ModelFlags(BUNDLED)) == ModelChoice(BUNDLED)
        monkeypatch.setattr(run, "space_of", lambda _library: None)
        assert run._choice(library, ModelFlags(BUNDLED)) == ModelChoice(BUNDLED)
        assert capsys.readouterr().err == ""
        assert run._choice(library, ModelFlags()) == ModelChoice(BUNDLED)
    assert run._choice(None, ModelFlags()) == ModelChoice(BUNDLED)
    assert capsys.readouterr().err.count("no library: the bundled model draws") == 2


class Drawer:
    """A maker of which the model can draw if it is the bundled one."""

    def __init__(self, backbone: Any, _settings: SketchSettings, *, reads_words: bool) -> None:
        if backbone.choice.name == "oblong":
            raise OtherTower("it cannot draw")
        self.draws = (backbone.choice.name, reads_words)


@pytest.mark.parametrize(
    ("own", "used", "draws"),
    [
        ("bundled", "bundled", ("bundled", True)),
        (None, "bundled", ("bundled", True)),
        ("RN50", "RN50", ("RN50", True)),
        ("RN50", "bundled", ("bundled", False)),
        ("oblong", "oblong", ("bundled", False)),
        (None, "oblong", ("bundled", True)),
    ],
)
def test_where_a_model_cannot_draw_the_bundled_one_does_and_reads_no_words_it_does_not_know(
    monkeypatch, tmp_path, capsys, own, used, draws
):
    monkeypatch.setattr(run, "SketchMaker", Drawer)
    monkeypatch.setattr(
        run, "load_talking", lambda choice, _: SimpleNamespace(choice=choice, device_type="cpu")
    )
    space = None if own is None else SimpleNamespace(name=own)
    monkeypatch.setattr(run, "space_of", lambda _library: space)
    monkeypatch.setattr(run, "choice_of", lambda space: ModelChoice(space.name))
    backbone: Any = SimpleNamespace(choice=ModelChoice(used), device_type="cpu")
    with Store.open(tmp_path, create=True) as library:
        maker: Any = run._maker_with(backbone, SketchSettings(), library, asked=None)
        assert maker.draws == draws
        told = "oblong cannot draw: the bundled model does" in capsys.readouterr().err
        assert told == (used == "oblong")
        asked = ModelChoice(used)
        if used == "oblong" != own:
            with pytest.raises(OtherTower):
                run._maker_with(backbone, SketchSettings(), library, asked=asked)
        else:  # KINODEX_MODEL names it, say: it is the library's own all the same
            same: Any = run._maker_with(backbone, SketchSettings(), library, asked=asked)
            assert same.draws == draws


def test_settings_of_a_library_are_used_and_what_was_typed_before_them(tmp_path, monkeypatch):
    made: list[SketchSettings] = []
    monkeypatch.setattr(run, "load_talking", lambda choice, _flags: SimpleNamespace(choice=choice))
    monkeypatch.setattr(run, "_choice", lambda _library, _flags: OWN)
    monkeypatch.setattr(
        run, "SketchMaker", lambda _backbone, settings, reads_words: made.append(settings)
    )
    with Store.open(tmp_path, create=True) as library:
        (tmp_path / "library.toml").write_text("[sketch]\nstrokes = 5\nseed = 3\n")
        run._maker(library, request())
        typed = SketchRequest(
            SketchFlags(strokes=8), ModelFlags(), Products(), redo=False, sheet=None, as_json=False
        )
        run._maker(library, typed)
    run._maker(None, request())
    assert made == [
        SketchSettings(strokes=5, seed=3),
        SketchSettings(strokes=8, seed=3),
        SketchSettings(),
    ]
