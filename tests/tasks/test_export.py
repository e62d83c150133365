"""`kinodex export` and the forms of `kinodex search`, on real files."""

import errno
import json
import subprocess
from pathlib import Path

import av
import pytest
from PIL import Image

import tasks.export
import tasks.sketches.sheet
from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from search.catalog.store import Store
from search.export.cuts import Cut
from search.finding import grouping as merging
from search.finding.hits import Moment, Why
from search.wording import why_unwritten
from tasks.clips.job import CutJob, Cutting
from tasks.export import file_name
from tasks.sketches.sheet import caption_of
from tests.calling import call
from tests.corpus import read_number, shots, write_clip
from tests.programs import needed


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """One video of four seconds with a cut in its middle, keyframes every half second.

    The bundled model sees no difference between textures, which would make one moment of both.
    """
    folder = tmp_path_factory.mktemp("export")
    (folder / "videos").mkdir()
    write_clip(folder / "videos" / "a\nb.mp4", shots([50, 50]), options={"g": "12"})
    place = folder / "library"
    assert call("index", folder / "videos", "-l", place, "-m", "bundled") == 0
    return place


@pytest.fixture(autouse=True)
def neighbours_stay_apart(monkeypatch) -> None:
    monkeypatch.setattr(merging, "SAME", 2.0)


def numbers(file: Path) -> list[int]:
    with av.open(str(file)) as container:
        return [
            read_number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]


def probed(file: Path) -> dict:
    command = [needed("ffprobe"), "-v", "error", "-show_streams", "-show_format", "-of", "json"]
    command.append(str(file))
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def export(capsys, *arguments: object, code: int = 0) -> list[dict]:
    capsys.readouterr()
    assert call("export", *arguments, "--json") == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_encoded_clip_is_exact(library, tmp_path, capsys):
    shown = export(capsys, "x", "-l", library, "-o", tmp_path, "--encode", "--margin", "0s")
    assert len(shown) == 2
    second = next(one for one in shown if one["start_s"] > 1)
    assert not second["copied"]
    assert abs(numbers(Path(second["file"]))[0] - 50) <= 1
    streams = probed(Path(second["file"]))["streams"]
    assert streams[0]["codec_name"] == "h264"
    assert float(streams[0]["duration"]) == pytest.approx(2, abs=0.1)


def test_a_copy_begins_at_a_keyframe_and_never_late(library, tmp_path, capsys):
    shown = export(capsys, "x", "-l", library, "-o", tmp_path, "--margin", "0.3s")
    second = next(one for one in shown if one["start_s"] > 1)
    assert second["copied"]
    assert second["start_s"] - 1.3 <= second["begins_s"] <= second["start_s"] - 0.3 + 0.001
    first = numbers(Path(second["file"]))[0]
    assert first == round(second["begins_s"] * 25)
    assert float(probed(Path(second["file"]))["format"]["duration"]) >= 2


def test_names_are_safe_and_differ(library, tmp_path, capsys):
    shown = export(capsys, "x", "-l", library, "-o", tmp_path, "--name", "{name}")
    assert sorted(Path(one["file"]).name for one in shown) == ["a_b-2.mp4", "a_b.mp4"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a_b-2.mp4", "a_b.mp4"]


@pytest.mark.parametrize(
    ("stem", "name"),
    [("../../etc", ".._.._etc"), ("a/b:c", "a_b_c"), ("", "clip"), ("x" * 300, "x" * 200)],
)
def test_a_name_stays_in_its_folder(stem, name):
    moment = Moment(1, 0, 1, 0, 0, None, Why(0, 0), ())
    one = Cut(1, Path("/v/v.mp4"), 0, 1, 25, 9, moment)
    assert file_name(one, stem.replace("{", "{{")).strip(".") == name.strip(".")


def test_a_long_name_leaves_room_for_the_time_and_for_a_draft():
    moment = Moment(1, 5, 6, 5, 0, None, Why(0, 0), ())
    bears = Cut(1, Path("/v") / ("🐻" * 60 + ".mp4"), 5, 6, 25, 9, moment)
    name = file_name(bears, "{rank:03}-{name}-{start}")
    assert name.endswith("🐻-0h00m05.0s")
    assert len(name.encode()) <= 200


def test_what_lies_in_the_folder_is_never_overwritten(library, tmp_path, capsys):
    (tmp_path / "mine.mp4").write_text("a film of mine")
    for _ in range(2):
        export(capsys, "x", "-l", library, "-o", tmp_path, "--name", "mine", "--best")
    assert (tmp_path / "mine.mp4").read_text() == "a film of mine"
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["mine-2.mp4", "mine-3.mp4", "mine.mp4"]


def test_a_failed_clip_leaves_nothing_behind(library, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks.export, "_CUT_TIMEOUT_S", 0.01)
    assert call("export", "x", "-l", library, "-o", tmp_path) == 3
    assert list(tmp_path.iterdir()) == []


def test_the_sheet_says_rank_file_time_and_score():
    moment = Moment(1, 61, 70, 62.5, 0.3126, 0.91, Why(0, 0), ())
    one = Cut(2, Path("/v/a\nb.mp4"), 61, 70, 25, 99, moment)
    assert caption_of(one) == "2. a\\nb.mp4 1:02.5, score 0.313, match 91 %"


@pytest.mark.parametrize("template", ["{nothing}", "{rank", "{0}", "{rank.real.x}", "{name[x]}"])
def test_a_template_that_cannot_be_filled_is_said(template):
    moment = Moment(1, 0, 1, 0, 0, None, Why(0, 0), ())
    with pytest.raises(KinodexError, match="cannot be filled in"):
        file_name(Cut(1, Path("/v/v.mp4"), 0, 1, 25, 9, moment), template)


def test_a_folder_that_cannot_be_written_to_is_named_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    error = OSError(errno.EACCES, "Permission denied")
    told = tasks.export._unwritten(tmp_path / "clips", error)
    assert told == f"nothing can be written to clips: {why_unwritten(error)}"
    assert "Permission denied" in told


def test_a_clip_that_fails_does_not_stop_the_others(library, tmp_path, capsys, monkeypatch):
    real = tasks.export.run_cut

    def sometimes(job, within_s):
        if job.start_s > 0:
            raise tasks.export.NotPlayable("It is gone.")
        return real(job, within_s)

    monkeypatch.setattr(tasks.export, "run_cut", sometimes)
    shown = export(capsys, "x", "-l", library, "-o", tmp_path, code=3)
    assert len(shown) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_contact_sheet_of_what_was_found(library, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert call("export", "x", "-l", library, "-o", tmp_path / "clips", "--sheet", sheet) == 0
    with Image.open(sheet) as picture:
        assert picture.width > 1000


def test_search_prints_each_form_and_only_one(library, capsys):
    begins = {"csv": "rank,path", "m3u": "#EXTM3U", "edl": "TITLE:", "otio": "{", "vtt": "WEBVTT"}
    for form, begin in begins.items():
        capsys.readouterr()
        assert call("search", "x", "-l", library, f"--{form}") == 0
        assert capsys.readouterr().out.startswith(begin)
    assert call("search", "x", "-l", library, "--csv", "--edl") == 2


def test_json_holds_the_query_which_reads_back(library, capsys):
    capsys.readouterr()
    asked = ["x", "-", "2:y", "--in", "videos", "--after", "2001", "-k", "3", "--json"]
    assert call("search", *asked, "-l", library) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert line["query"] == 'x - 2:y --in "videos" --after 2001-01-01 --k 3'


def moment_cut(start_s: float, end_s: float, *, length_s: float = 99.0) -> Cut:
    moment = Moment(7, start_s, end_s, start_s, 0, None, Why(0, 0), ())
    return Cut(3, Path("/v/a.mp4"), start_s, end_s, 25, length_s, moment)


def test_a_name_is_filled_with_all_that_tells_a_clip():
    cut = moment_cut(3725.06, 3800.0)
    assert file_name(cut, "{rank}-{name}-{start}-{end}-{segment}") == (
        "3-a-1h02m05.1s-1h03m20.0s-7"
    )
    assert file_name(moment_cut(59.96, 61), "{start} {end}") == "0h01m00.0s 0h01m01.0s"
    assert file_name(moment_cut(0, 1), tasks.export.USUAL_NAME) == "003-a-0h00m00.0s"


@pytest.fixture
def jobs(monkeypatch) -> list[CutJob]:
    """What was asked to be cut; each is copied from its beginning."""
    asked: list[CutJob] = []

    def run_cut(job: CutJob, within_s: float) -> Cutting:
        assert within_s == 600
        asked.append(job)
        job.target.write_bytes(b"clip")
        return Cutting(job.copy_from_s, None)

    monkeypatch.setattr(tasks.export, "run_cut", run_cut)
    return asked


@pytest.mark.parametrize(
    ("start_s", "end_s", "wanted", "expected"),
    [
        (10, 14, {}, (9, 15, 8)),
        (10, 14, {"before_s": 0.0, "after_s": 0.0}, (10, 14, 9)),
        (0.5, 98.5, {}, (0, 99, 0)),
        (1.5, 14, {}, (0.5, 15, 0)),
        (10, 14, {"encode": True}, (9, 15, None)),
    ],
)
def test_a_clip_has_its_margins_within_the_video_and_a_copy_begins_a_second_sooner(
    jobs, tmp_path, start_s, end_s, wanted, expected
):
    request = tasks.export.ExportRequest(tmp_path, **wanted)
    cut = moment_cut(start_s, end_s)
    file, _ = tasks.export._write_clip(cut, tmp_path, "a", request, IndexSettings())
    [job] = jobs
    assert (job.start_s, job.end_s, job.copy_from_s) == expected
    assert (job.source, job.to_keep, job.length_s) == (Path("/v/a.mp4"), True, 99.0)
    assert (file, file.read_bytes()) == (tmp_path / "a.mp4", b"clip")
    assert list(tmp_path.iterdir()) == [file]


def test_a_clip_that_cannot_be_put_in_its_place_leaves_nothing(jobs, tmp_path, monkeypatch):
    def replace(_draft: Path, _file: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", replace)
    request = tasks.export.ExportRequest(tmp_path)
    with pytest.raises(OSError, match="No space"):
        tasks.export._write_clip(moment_cut(1, 2), tmp_path, "a", request, IndexSettings())
    assert list(tmp_path.iterdir()) == []


def test_a_clip_is_told_to_people_and_to_programs(tmp_path, capsys):
    capsys.readouterr()
    cut = moment_cut(1, 2)
    tasks.export._show(cut, tmp_path / "a.mp4", Cutting(0.5, "the sound is missing"), as_json=True)
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "file": str(tmp_path / "a.mp4"),
        "path": "/v/a.mp4",
        "segment": 7,
        "rank": 3,
        "start_s": 1,
        "end_s": 2,
        "copied": True,
        "begins_s": 0.5,
        "lost": "the sound is missing",
    }
    assert shown.err.strip().endswith("a.mp4: the sound is missing")
    tasks.export._show(cut, Path("/o/a.mp4"), Cutting(None, None), as_json=False)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("/o/a.mp4\n", "")
    tasks.export._show(cut, Path("/o/a.mp4"), Cutting(None, None), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["copied"], told["begins_s"]) == (False, None)
    tasks.export._show(cut, Path("/o/a.mp4"), Cutting(0.0, None), as_json=True)
    assert json.loads(capsys.readouterr().out)["copied"] is True


def test_a_run_without_anything_found_writes_no_sheet(library, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tasks.sketches.sheet, "write_sheets_of_cuts", lambda *_: 1 / 0)
    request = tasks.export.ExportRequest(tmp_path, sheet=tmp_path / "s.png")
    capsys.readouterr()
    with Store.open(library) as opened:
        assert tasks.export.run_export(opened, [], request, as_json=False) == 0
    assert capsys.readouterr().err.startswith("0 clips in ")
