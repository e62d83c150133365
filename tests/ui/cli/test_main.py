"""The command line: what is typed, what is printed where, and with which exit code."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.calling import call
from tests.corpus import shots, write_clip

OLD_LIBRARY = Path(__file__).parents[2] / "old_library" / "library"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "a.mp4", shots([40]))
    write_clip(folder / "b.mp4", shots([30, 30]))
    return folder


@pytest.fixture(scope="module")
def made(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with both clips, to look at and not to change."""
    library = tmp_path_factory.mktemp("made") / "library"
    assert call("index", clips, "--library", library, "--model", "bundled") == 0
    return library


def test_index_says_what_it_did_and_search_finds_it(clips, tmp_path, capsys):
    library = tmp_path / "library"
    assert call("index", clips, "-l", library, "-m", "bundled") == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "model bundled" in shown.err
    assert "2 videos indexed" in shown.err
    assert call("search", "a", "cat", "-l", library) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert {line.split("\t")[4] for line in lines} == {str(clips / "a.mp4"), str(clips / "b.mp4")}


def test_index_again_encodes_nothing(made, clips, capsys):
    assert call("index", clips, "-l", made, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["encoded"], report["unchanged"], report["frames_encoded"]) == (0, 2, 0)


def test_search_as_json_lines_has_the_promised_keys(made, capsys):
    assert call("search", "a cat", "-l", made, "--json", "-k", "1") == 0
    [line] = capsys.readouterr().out.splitlines()
    hit = json.loads(line)
    assert {"video", "paths", "start_s", "end_s", "best_s", "score", "segment"} <= hit.keys()
    assert hit["start_s"] <= hit["best_s"] <= hit["end_s"]


def test_search_for_paths_prints_paths_only(made, clips, capsys):
    assert call("search", "a cat", "-l", made, "--paths") == 0
    assert sorted(capsys.readouterr().out.split()) == [str(clips / "a.mp4"), str(clips / "b.mp4")]


def test_the_library_may_be_named_by_the_environment(made, monkeypatch, capsys):
    monkeypatch.setenv("KINODEX_LIBRARY", str(made))
    assert call("status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["videos"], status["indexed"], status["failed"]) == (2, 2, 0)
    assert status["model"] == "bundled"


def test_status_is_read_by_people_too(made, capsys):
    assert call("status", "-l", made) == 0
    assert "2 indexed, 0 waiting, 0 failed, 0 missing" in capsys.readouterr().out


def test_failures_make_exit_code_3_and_are_listed(clips, tmp_path, capsys):
    folder = Path(shutil.copytree(clips, tmp_path / "videos"))
    (folder / "empty.mp4").write_bytes(b"")
    library = tmp_path / "library"
    assert call("index", folder, "-l", library, "-m", "bundled") == 3
    shown = capsys.readouterr()
    assert "failed: " in shown.err
    assert "empty.mp4: " in shown.err
    assert call("failed", "-l", library) == 0
    path, stage, reason = capsys.readouterr().out.strip().split("\t")
    assert path.endswith("empty.mp4")
    assert stage
    assert "empty" in reason
    shutil.copy(clips / "a.mp4", folder / "empty.mp4")
    assert call("failed", "--retry", "-l", library) == 0
    assert call("failed", "-l", library, "--json") == 0
    assert capsys.readouterr().out == ""


def test_a_failure_as_json_is_queryable(clips, tmp_path, capsys):
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\nother.ts\n")
    library = tmp_path / "library"
    assert call("index", tmp_path / "playlist.mp4", "-l", library, "-m", "bundled") == 3
    capsys.readouterr()
    call("failed", "-l", library, "--json")
    failure = json.loads(capsys.readouterr().out)
    assert failure["path"] == str(tmp_path / "playlist.mp4")
    assert "playlist" in failure["reason"]
    assert failure["attempts"] == 1


def test_remove_forgets_files_and_leaves_them_on_the_disk(clips, tmp_path, capsys):
    library = tmp_path / "library"
    call("index", clips, "-l", library, "-m", "bundled")
    assert call("remove", clips / "a.mp4", "-l", library) == 0
    capsys.readouterr()
    call("search", "a cat", "-l", library, "--paths")
    assert capsys.readouterr().out == f"{clips / 'b.mp4'}\n"
    assert (clips / "a.mp4").exists()
    assert call("remove", clips / "a.mp4", "-l", library) == 1
    assert "the library knows nothing at" in capsys.readouterr().err


def test_where_names_the_places(tmp_path, capsys):
    assert call("where", "-l", tmp_path / "library", "--json") == 0
    places = json.loads(capsys.readouterr().out)
    assert places["catalog"] == str(tmp_path / "library" / "catalog.db")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["search", "cat", "-l", "nothing-here"], 1, "there is no library in"),
        (["status", "-l", "nothing-here"], 1, "make one with 'kinodex index FOLDER'"),
        (["index", "not-there.mp4"], 1, "there is no file or folder 'not-there.mp4'"),
        (["index"], 2, "name at least one file or folder"),
        (["index", ".", "-m", "no-such-model"], 1, "there is no model named 'no-such-model'"),
        (["index", ".", "-m", "RN50", "--weights", "gone.pt"], 1, "there is no weight file"),
        (["search"], 2, "say what to look for"),
        (["search", "cat", "-k", "0"], 2, "Invalid value for"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_mistakes_end_in_one_sentence(arguments, code, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "library"))
    assert call(*arguments) == code
    shown = capsys.readouterr()
    assert sentence in " ".join(shown.err.replace("│", " ").split())
    assert shown.out == ""
    assert "Traceback" not in shown.err
    if code == 1:
        assert shown.err.strip().startswith("kinodex: ")
        assert shown.err.count("\n") == 1


def test_an_empty_query_is_one_sentence(made, capsys):
    assert call("search", " ", "-l", made) == 2
    assert "the query is empty" in capsys.readouterr().err


def test_another_model_is_refused_before_it_is_loaded(made, clips, capsys):
    assert call("index", clips, "-l", made, "-m", "RN50", "--pretrained", "openai") == 1
    shown = capsys.readouterr().err
    assert "this library was made with bundled, not RN50 (openai)" in shown
    assert "kinodex index --reindex" in shown


def test_no_network_is_one_sentence_with_the_ways_out(clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert call("index", clips, "-l", tmp_path / "library", "-m", "ViT-B-32") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(
        "kinodex: the model ViT-B-32 (laion2b_s34b_b79k) could not be downloaded"
    )
    assert "--model imagenet" in last
    assert "--model bundled" in last
    assert "--weights FILE" in last


def test_hostile_file_names_cannot_write_to_the_terminal(clips, tmp_path, capsys):
    names = [
        "-dash.mp4",
        "new\nline.mp4",
        "quote'\".mp4",
        "🐈.mp4",
        "red\x1b[31m.mp4",
        "[bold].mp4",
    ]
    for name in names:
        shutil.copy(clips / "a.mp4", tmp_path / name)
    library = tmp_path / "library"
    assert call("index", tmp_path, "-l", library, "-m", "bundled") == 0
    call("search", "a cat", "-l", library, "--json")
    [line] = capsys.readouterr().out.splitlines()
    assert sorted(Path(path).name for path in json.loads(line)["paths"]) == sorted(names)
    call("search", "a cat", "-l", library)
    assert "\x1b" not in capsys.readouterr().out


def loaded_by(*arguments: object) -> tuple[str, set[str]]:
    """What a command prints in a process of its own, and which modules that took."""
    code = (
        f"import sys; sys.argv = {['kinodex', *map(str, arguments)]!r}\n"
        "from ui.cli import main as cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print('loaded:', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    output, modules = done.stdout.split("loaded:")
    return output + done.stderr, set(modules.split())


def test_help_imports_nothing_heavy():
    said, modules = loaded_by("--help")
    assert "index ~/Videos" in said
    assert not modules & {"torch", "open_clip", "streamlit", "sqlalchemy", "numpy", "av", "faiss"}


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("search", "dog --then"), "nothing follows --then"),
        (("search",), "the query is empty"),
        (("search", "a dog", "-l", "nowhere"), "there is no library in"),
        (("search", "--tag", "growing", "-l", OLD_LIBRARY), "growing 1.00"),
    ],
)
def test_who_needs_no_model_waits_for_none(arguments, answer):
    said, modules = loaded_by(*arguments)
    assert answer in said
    assert not modules & {"torch", "open_clip", "faiss"}


def test_version_is_printed(capsys):
    assert call("--version") == 0
    assert capsys.readouterr().out == "kinodex 0.1.0\n"
