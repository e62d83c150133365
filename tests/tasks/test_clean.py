"""Deleting what no file holds: said before, counted after, and never what people said."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from search.catalog.keeping import Unheld
from search.catalog.store import Store
from search.catalog.summary import summarise
from search.catalog.tables import Segment, Video, VideoPath, now
from search.tags.corrections import count_words, say
from tasks import clean
from tests.calling import call, said, shown_json


@pytest.fixture
def folder(shared_library: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared_library, tmp_path / "library"))


@pytest.fixture
def paths(folder: Path) -> list[Path]:
    with Store.open(folder) as library, library.reading() as session:
        return list(session.scalars(select(VideoPath.path).order_by(VideoPath.path)))


def make_older(folder: Path, days: int) -> None:
    with Store.open(folder) as library, library.writing() as session:
        aged = now() - timedelta(days=days)
        session.execute(
            update(Video).where(Video.orphaned_since.is_not(None)).values(orphaned_since=aged)
        )


def test_what_was_removed_is_kept_for_thirty_days(folder, paths, capsys):
    assert call("remove", paths[0], "-l", folder) == 0
    assert "what was encoded of 1 video is kept for 30 days" in said(capsys)
    assert call("clean", "-l", folder) == 0
    assert "0 videos deleted; 1 video kept until no file has held them" in said(capsys)
    make_older(folder, 29)
    assert shown_json(capsys, "clean", "-l", folder)["deleted"]["videos"] == 0
    make_older(folder, 31)
    shown = shown_json(capsys, "clean", "-l", folder)
    assert (shown["due"]["videos"], shown["deleted"]["videos"], shown["kept"]) == (1, 1, 0)


def test_what_a_killed_run_left_unnoted_is_deleted_too(folder, paths, capsys):
    with Store.open(folder) as library, library.writing() as session:
        session.execute(delete(VideoPath).where(VideoPath.path == paths[0]))
    shown = shown_json(capsys, "clean", "--now", "-l", folder)
    assert (shown["due"]["videos"], shown["deleted"]["videos"]) == (1, 1)


def test_the_time_is_a_setting(folder, paths, capsys):
    (folder / "library.toml").write_text("[library]\nkeep_days = 7\n")
    call("remove", paths[0], "-l", folder)
    make_older(folder, 8)
    assert call("clean", "-l", folder) == 0
    spoken = said(capsys)
    assert "which no file holds any more for 7 days, is to be deleted" in spoken
    assert "1 video deleted" in spoken


def test_at_once_deletes_all_of_it_but_what_people_said(folder, paths, capsys):
    with Store.open(folder) as library, library.writing() as session:
        segments = session.scalars(select(Segment.id).join(Video).join(Video.paths)).all()
        say(session, segments[0], "sleeping", holds=True)
        keyframes = [library.keyframe_file(segment) for segment in segments]
        assert all(file.exists() for file in keyframes)
    call("remove", *paths, "-l", folder)
    before = (folder / "catalog.db").stat().st_size
    assert call("clean", "--now", "--dry-run", "-l", folder) == 0
    assert "nothing deleted" in said(capsys)
    assert call("clean", "--now", "-l", folder) == 0
    with Store.open(folder) as library, library.reading() as session:
        assert session.scalars(select(Video.id)).all() == []
        assert session.scalars(select(Segment.id)).all() == []
        assert count_words(session) == 1
    assert not any(file.exists() for file in keyframes)
    assert (folder / "catalog.db").stat().st_size < before


def test_nothing_is_deleted_while_files_wait_to_be_looked_at(folder, paths, capsys):
    call("remove", paths[0], "-l", folder)
    with Store.open(folder) as library, library.writing() as session:
        session.execute(update(VideoPath).values(status="waiting"))
    assert call("clean", "--now", "-l", folder) == 1
    assert "run 'kinodex index' on them first" in said(capsys)
    with Store.open(folder) as library:
        assert summarise(library).kept == 1


def test_removing_several_is_done_whole_or_not_at_all(folder, paths, capsys):
    assert call("remove", paths[0], "/nowhere", paths[1], "-l", folder) == 1
    assert "nothing was removed" in said(capsys)
    with Store.open(folder) as library:
        assert summarise(library).videos == 2
    assert shown_json(capsys, "remove", *paths, "-l", folder) == {"removed": 2, "kept": 2}


def test_it_is_said_before_how_much_is_deleted(capsys):
    clean._say_before(Unheld(0, 0.0), 30.0)
    assert said(capsys) == ""
    clean._say_before(Unheld(2, 62.0), 7.5)
    assert said(capsys) == (
        "what was encoded of 2 videos (1:02.0), which no file holds any more for 7.5 days, is to "
        "be deleted; what people said of them is kept"
    )
    clean._say_before(Unheld(1, 62.0), 0.0)
    assert "1 video (1:02.0), which no file holds any more, is to be deleted" in said(capsys)


def test_it_is_said_after_what_was_deleted_and_what_is_left(capsys):
    clean._say_after(Unheld(1, 1.0), 0, 30.0, dry_run=False)
    assert said(capsys) == "1 video deleted"
    clean._say_after(Unheld(0, 0.0), 2, 30.0, dry_run=True)
    assert said(capsys) == (
        "nothing deleted; 2 videos kept until no file has held them for 30 days ('kinodex clean "
        "--now' does not wait)"
    )


def test_a_dry_run_deletes_nothing_and_keyframes_go_with_their_segments(folder, paths, capsys):
    frames = folder / "media" / "keyframes"
    count = len(list(frames.glob("*/*")))
    assert count == 3
    call("remove", *paths, "-l", folder)
    shown = shown_json(capsys, "clean", "-l", folder, "--now", "--dry-run")
    assert (shown["due"]["videos"], shown["deleted"]["videos"], shown["kept"]) == (2, 0, 0)
    assert len(list(frames.glob("*/*"))) == count
    shown = shown_json(capsys, "clean", "-l", folder, "--now")
    assert (shown["deleted"]["videos"], list(frames.glob("*/*"))) == (2, [])
