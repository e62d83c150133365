"""What the demo refuses, what it says of wrong answers, and what people are told to type next."""

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.errors import KinodexError
from search.finding.hits import Hit, Why
from search.tags.reading import Tag, TagSource
from smallworld.clips.files import ClipTruth
from smallworld.demo import DEMO_QUERIES, DemoQuery
from tasks.demo import run as demo
from tasks.sketches.library import SketchReport
from tasks.sketches.request import SheetRequest
from tasks.terminal.model_flags import ModelFlags
from tests.calling import call, said


@pytest.mark.parametrize(
    ("called", "told"),
    [("bin/kinodex", "bin/kinodex"), ("site/kinodex/__main__.py", "bin/python -m kinodex")],
)
def test_it_is_called_again_as_it_was_called(monkeypatch, tmp_path, called, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / called)])
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / "bin" / "python"))
    assert demo._command() == told


def test_it_is_called_by_its_name_where_the_shell_finds_it(monkeypatch, tmp_path):
    (tmp_path / "kinodex").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo._command() == "kinodex"


def test_videos_are_counted_on_a_terminal_and_nowhere_else(monkeypatch, capsys):
    for is_terminal, shown in ((False, ""), (True, "\rmaking videos 1/2\rmaking videos 2/2\n")):
        monkeypatch.setattr(sys.stderr, "isatty", lambda answer=is_terminal: answer)
        for written in (1, 2):
            demo._show_progress(written, 2)
        assert capsys.readouterr().err == shown


def test_a_folder_that_is_no_demo_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    for options in ((), ("--remove",)):
        assert call("demo", "--folder", tmp_path, *options) == 1
        assert "is not a demo of ours and stays as it is" in said(capsys)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_demo_is_removed_whole_and_none_is_no_mistake(tmp_path, capsys):
    folder = tmp_path / "demo"
    (folder / "videos").mkdir(parents=True)
    (folder / demo._MARK).touch()
    for _ in range(2):
        assert call("demo", "--folder", folder, "--remove") == 0
        assert "is gone" in said(capsys)
        assert not folder.exists()


def answers(name: str, *labels: str) -> dict[DemoQuery, Hit]:
    """What the demo's questions were answered with, each with the same."""
    tags = tuple(Tag(label, 0.9, TagSource.MODEL) for label in labels)
    path = Path("/v", name)
    hit = Hit(1, 0, 1, 0, 0.5, 0.9, Why(0.5, 0.5), tags, video="hash", paths=(path,))
    return dict.fromkeys(DEMO_QUERIES, hit)


def test_a_demo_that_answers_wrongly_says_so():
    clip = ClipTruth(Path("/v/right.mp4"), 16, 16, Fraction(25), "h264", ())
    demo._check("a dog", list(answers("right.mp4").values()), clip)
    with pytest.raises(KinodexError, match=r"'a dog' should have found right\.mp4 first"):
        demo._check("a dog", list(answers("wrong.mp4").values()), clip)


def test_a_demo_whose_tags_are_wrong_says_so():
    actions = [query.action for query in DEMO_QUERIES if query.action is not None]
    demo._check_tags(answers("a.mp4", "something", *actions))
    with pytest.raises(KinodexError, match=r"a\.mp4 should have the tag"):
        demo._check_tags(answers("a.mp4", "something"))


class Opened:
    """A library that is open and does nothing."""

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_questions_are_asked_one_by_one_and_answers_are_shown_and_checked(monkeypatch, capsys):
    clip = ClipTruth(Path("/v/a.mp4"), 16, 16, Fraction(25), "h264", ())
    first, *others = answers("a.mp4").values()
    asked: list[tuple[str, int]] = []

    def search(text: str, count: int) -> list[Hit]:
        asked.append((text, count))
        return [first, *others]

    opened = Opened()
    opened.engine = lambda _backbone: SimpleNamespace(search=search)  # type: ignore[attr-defined]
    monkeypatch.setattr(demo.Library, "open", lambda _folder: opened)
    monkeypatch.setattr(demo, "load_talking", lambda _choice, _device: None)
    monkeypatch.setattr(demo, "expected_clip", lambda _query, clips: clips[0])
    found = demo._search(Path("/d/library"), [clip])
    assert found == dict.fromkeys(DEMO_QUERIES, first)
    assert asked == [(query.text, 3) for query in DEMO_QUERIES]
    shown = capsys.readouterr().out
    assert shown.startswith(f"\n“{DEMO_QUERIES[0].text}”")
    assert all(f"“{query.text}”" in shown for query in DEMO_QUERIES)
    monkeypatch.setattr(demo, "expected_clip", lambda _query, _clips: replace(clip, path=Path("b")))
    with pytest.raises(KinodexError, match=r"should have found b first"):
        demo._search(Path("/d/library"), [clip])


class Demo:
    """A demo whose steps come to what they are told to."""

    def __init__(
        self, patch: pytest.MonkeyPatch, *, index: int = 0, sketch: int = 0, photographs: int = 0
    ) -> None:
        self.steps: list[str] = []
        clip = ClipTruth(Path("/v/a.mp4"), 16, 16, Fraction(25), "h264", ())

        def make(folder: Path, *, progress: object) -> list[ClipTruth]:
            self.steps.append(f"make {folder.name}")
            return [clip, clip]

        def run_index(library: Path, paths: list[Path], flags: ModelFlags, **how: object) -> int:
            assert flags == ModelFlags(model="bundled", device="cpu")
            assert how == {"reindex": False, "as_json": False}
            self.steps.append(f"index {library.name} {paths[0].name}")
            return index

        def step(name: str, result: object):
            return lambda *_, **__: self.steps.append(name) or result

        patch.setattr(demo, "make_demo_library", make)
        patch.setattr(demo, "run_index", run_index)
        patch.setattr(demo, "_search", step("search", {}))
        patch.setattr(demo, "print_tags", step("tags", None))
        patch.setattr(demo, "_check_tags", step("check", None))
        patch.setattr(demo, "_sketch", step("sketch", sketch))
        patch.setattr(demo, "_real_pictures", step("photographs", photographs))


def test_a_demo_goes_step_by_step_and_ends_with_what_to_type_next(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    one = Demo(monkeypatch)
    for _ in range(2):  # the second begins with removing the first
        assert demo.run_demo(tmp_path / "demo", only_remove=False) == 0
    assert one.steps == [
        "make videos", "index library videos", "search", "tags", "check", "sketch",
        "photographs",
    ] * 2  # fmt: skip
    told = capsys.readouterr().err
    assert "made 2 videos in demo/videos\n" in told
    count = len(DEMO_QUERIES)
    assert f"{count} of {count} searches have the right video first" in told
    assert "demo --folder demo --remove " in told
    assert "deletes the demo" in told


@pytest.mark.parametrize(
    ("codes", "steps"),
    [({"index": 130}, 2), ({"index": 3}, 2), ({"sketch": 130}, 6), ({"photographs": 130}, 7)],
)
def test_a_demo_that_is_stopped_ends_there(monkeypatch, tmp_path, capsys, codes, steps):
    one = Demo(monkeypatch, **codes)
    [code] = codes.values()
    assert demo.run_demo(tmp_path / "demo", only_remove=False) == code
    assert len(one.steps) == steps
    assert "Next:" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("report", "code", "pages"),
    [(SketchReport(3, drawn=3), 0, 2), (SketchReport(3, interrupted=True), 130, 0)],
)
def test_a_demos_sketches_stand_on_a_sheet(monkeypatch, capsys, report, code, pages):
    asked: list[SheetRequest] = []

    def write_sheets(_library: object, wanted: SheetRequest) -> list[Path]:
        asked.append(wanted)
        return [Path("/d/a.png"), Path("/d/b.png")]

    monkeypatch.setattr(demo.Library, "open", lambda _folder: Opened())
    monkeypatch.setattr(demo, "load_talking", lambda _choice, _device: None)
    monkeypatch.setattr(demo, "sketch_new_segments", lambda _library, _backbone: report)
    monkeypatch.setattr(demo, "write_sheets", write_sheets)
    assert demo._sketch(Path("/d/library"), Path("/d/a.png")) == code
    assert capsys.readouterr().err.count("contact sheet of the sketches: /d/") == pages
    assert asked == [SheetRequest(Path("/d/a.png"), with_keyframes=True)] * bool(pages)


def test_a_demo_without_all_of_its_sketches_says_so(monkeypatch):
    monkeypatch.setattr(demo.Library, "open", lambda _folder: Opened())
    monkeypatch.setattr(demo, "load_talking", lambda _choice, _device: None)
    failed = SketchReport(3, drawn=2, failed=1)
    monkeypatch.setattr(demo, "sketch_new_segments", lambda _library, _backbone: failed)
    with pytest.raises(KinodexError, match="every segment of the demo should have a sketch"):
        demo._sketch(Path("/d/library"), Path("/d/a.png"))
