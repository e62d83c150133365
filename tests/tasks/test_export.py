"""`kinodex export` and the forms of `kinodex search`, on real files."""

import json
import subprocess
from pathlib import Path

import av
import pytest
from PIL import Image

from models.errors import KinodexError
from search.export.cuts import Cut
from search.finding import grouping as merging
from search.finding.hits import Moment, Why
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
    import tasks.export

    monkeypatch.setattr(tasks.export, "_CUT_WITHIN_S", 0.01)
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


def test_a_clip_that_fails_does_not_stop_the_others(library, tmp_path, capsys, monkeypatch):
    import tasks.export

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
