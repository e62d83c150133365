"""What was encoded is kept, whatever the disk, a mount or an interruption does."""

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from indexer.reading.settings import IndexSettings
from indexer.registration import known_files
from models.clip.backbone import Backbone
from search.catalog.keeping import count_unheld, note_unheld, purge_unheld
from search.catalog.sketches import sketched_ids, store_sketches
from search.catalog.spaces import active_space
from search.catalog.summary import failures, summarise
from search.catalog.tables import Segment, Video, VideoPath
from search.catalog.writing import remove_paths
from search.library import Library
from tests.corpus import shots, write_clip
from tests.disks import failing
from tests.search.catalog.test_sketches import RECIPE, sketch
from tests.tiny import Notes, index, tiny_backbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, backbone: Backbone) -> Path:
    """Four videos, one of them in a folder of its own, and their library."""
    place = tmp_path_factory.mktemp("kept")
    (place / "videos" / "nas").mkdir(parents=True)
    for number, name in enumerate(("a.mp4", "b.mp4", "c.mp4", "nas/d.mp4")):
        write_clip(place / "videos" / name, shots([30 + 5 * number, 20]))
    with Library.open(place / "library", create=True) as library:
        assert index(library, place / "videos", backbone=backbone).encoded == 4
        with library.writing() as session:
            store_sketches(session, RECIPE, {1: sketch(), 5: sketch()})
    return place


@pytest.fixture
def place(indexed: Path, tmp_path: Path, backbone: Backbone) -> Path:
    copied = Path(shutil.copytree(indexed, tmp_path / "kept"))
    with Library.open(copied / "library") as library, library.writing() as session:
        for row in session.scalars(select(VideoPath)):
            row.path = copied / row.path.relative_to(indexed)
    return copied


@pytest.fixture
def library(place: Path) -> Library:
    with Library.open(place / "library") as library:
        yield library


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "videos"


def held(library: Library) -> dict[str, str | None]:
    """The content that each path holds."""
    with library.reading() as session:
        rows = session.execute(
            select(VideoPath.path, Video.content_hash).outerjoin(Video, VideoPath.video)
        )
        return {path.name: content for path, content in rows}


def found(library: Library, backbone: Backbone) -> set[str]:
    return {hit.paths[0].name for hit in library.engine(backbone).search("anything", k=10)}


ALL = {"a.mp4", "b.mp4", "c.mp4", "d.mp4"}


@pytest.mark.parametrize("touched", [False, True])
def test_a_disk_that_cannot_be_read_for_a_whole_run_loses_nothing(
    library, folder, backbone, touched
):
    before = held(library)
    if touched:
        for file in folder.rglob("*.mp4"):
            os.utime(file, (1, 1))
    with failing(folder):
        report = index(library, folder, backbone=backbone)
    assert (report.encoded, report.failed, report.newly_missing) == (0, 4, 0)
    assert held(library) == before
    assert {row.stage for row in failures(library)} == {"read"}
    library.look_again()
    assert found(library, backbone) == ALL, "the disk is well again"
    again = index(library, folder, backbone=backbone)
    assert (again.encoded, again.failed, again.failed_before) == (0, 0, 0)
    assert failures(library) == []


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_search_leaves_out_a_file_while_it_cannot_be_opened_and_no_longer(
    library, folder, backbone, error
):
    with failing(folder / "b.mp4", error=error):
        assert index(library, folder, backbone=backbone).failed == 1
        library.look_again()
        assert found(library, backbone) == ALL - {"b.mp4"}
    library.look_again()
    assert found(library, backbone) == ALL
    assert summarise(library).failed == 0, "it is as it was: nothing is left to try"


def test_a_file_that_changed_while_it_could_not_be_read_waits_for_the_next_run(
    library, folder, backbone
):
    before = held(library)["b.mp4"]
    shutil.copy(folder / "a.mp4", folder / "b.mp4")
    with failing(folder / "b.mp4"):
        index(library, folder, backbone=backbone)
    assert held(library)["b.mp4"] == before
    library.look_again()
    assert summarise(library).waiting == 1
    assert index(library, folder, backbone=backbone).linked == 1
    assert held(library)["b.mp4"] == held(library)["a.mp4"] != before


def test_a_changed_file_keeps_its_video_until_its_new_content_is_known(library, folder, backbone):
    before = held(library)
    for file in folder.glob("*.mp4"):
        os.utime(file, (1, 1))
    stop = threading.Event()
    stop.set()  # Ctrl-C before anything is read
    assert index(library, folder, backbone=backbone, stop=stop).interrupted
    assert held(library) == before
    assert found(library, backbone) == ALL
    notes = Notes()
    report = index(library, folder, backbone=backbone, notes=notes)
    assert (report.linked, report.unchanged, report.encoded) == (3, 1, 0)
    assert notes.decoded == set()


def test_a_file_that_became_a_text_holds_its_video_no_more_and_comes_back_unencoded(
    library, folder, backbone
):
    content = (folder / "a.mp4").read_bytes()
    (folder / "a.mp4").write_text("no video")
    assert index(library, folder, backbone=backbone).failed == 1
    assert held(library)["a.mp4"] is None
    assert found(library, backbone) == ALL - {"a.mp4"}
    (folder / "a.mp4").write_bytes(content)
    report = index(library, folder, backbone=backbone)
    assert (report.linked, report.encoded) == (1, 0)


def test_first_bytes_that_read_wrong_say_nothing_about_an_unchanged_file(library, folder, backbone):
    stamp = (folder / "a.mp4").stat()
    content = (folder / "a.mp4").read_bytes()
    (folder / "a.mp4").write_bytes(bytes(len(content)))  # what a failing network mount may give
    os.utime(folder / "a.mp4", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    before = held(library)
    assert index(library, folder, backbone=backbone).failed == 1
    assert held(library) == before
    (folder / "a.mp4").write_bytes(content)
    os.utime(folder / "a.mp4", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert index(library, folder, backbone=backbone).unchanged == 4
    assert failures(library) == []


@pytest.mark.parametrize("state", ["empty", "absent"])
def test_a_folder_inside_that_is_not_mounted_hides_nothing(library, folder, backbone, state):
    shutil.move(folder / "nas", folder.with_name("unmounted"))
    if state == "empty":
        (folder / "nas").mkdir()
    assert index(library, folder, backbone=backbone).newly_missing == 0
    assert summarise(library).missing == 0
    assert held(library).keys() == ALL


def test_a_file_that_is_gone_from_a_folder_that_was_seen_is_hidden(library, folder, backbone):
    (folder / "nas" / "other.txt").write_text("so that the folder is not empty")
    (folder / "nas" / "d.mp4").unlink()
    assert index(library, folder, backbone=backbone).newly_missing == 1
    assert found(library, backbone) == ALL - {"d.mp4"}


def test_removing_and_adding_again_encodes_and_draws_nothing(library, folder, backbone):
    with library.writing() as session:
        assert remove_paths(session, folder) == 4
    summary = summarise(library)
    assert (summary.videos, summary.segments, summary.sketched, summary.kept) == (0, 0, 0, 4)
    report = index(library, folder, backbone=backbone)
    assert (report.linked, report.encoded) == (4, 0)
    summary = summarise(library)
    assert (summary.videos, summary.sketched, summary.kept) == (4, 2, 0)
    assert found(library, backbone) == ALL


def test_removing_during_a_run_loses_no_other_video(library, folder, backbone):
    for file in folder.rglob("*.mp4"):
        os.utime(file, (1, 1))

    class RemoveMeanwhile(Notes):
        def on_scan(self, discovery, scan):
            super().on_scan(discovery, scan)
            with library.writing() as session:
                remove_paths(session, folder / "a.mp4")

    report = index(library, folder, backbone=backbone, notes=RemoveMeanwhile())
    assert report.encoded == 0
    assert summarise(library).videos == 3
    assert found(library, backbone) == ALL - {"a.mp4"}


@pytest.mark.parametrize("mended", [False, True])
def test_a_retry_that_is_cut_off_leaves_what_failed_to_the_next_one(
    library, folder, backbone, mended
):
    file = folder / "e.mp4"
    file.write_bytes((folder / "a.mp4").read_bytes()[:300])
    assert index(library, folder, backbone=backbone).failed == 1
    if mended:
        write_clip(file, shots([25]))
    stop = threading.Event()

    class CutOff(Notes):
        def on_scan(self, discovery, scan):
            super().on_scan(discovery, scan)
            stop.set()

    cut_off = index(library, file, backbone=backbone, notes=CutOff(), stop=stop, retry_failed=True)
    assert cut_off.interrupted
    with library.reading() as session:
        assert known_files(session, failed=True) == [file]
    again = index(library, file, backbone=backbone, retry_failed=True)
    assert (again.encoded, again.failed) == ((1, 0) if mended else (0, 1))


def test_only_what_no_file_has_held_for_the_time_is_purged(library, folder, backbone):
    with library.writing() as session:
        remove_paths(session, folder / "a.mp4")
        assert purge_unheld(session, days=30)[0].videos == 0
        session.scalar(
            select(Video).where(Video.orphaned_since.is_not(None))
        ).orphaned_since = func.datetime("now", "-31 days")
        session.flush()
        remove_paths(session, folder / "b.mp4")
        assert count_unheld(session).videos == 2
        purged, segments = purge_unheld(session, days=30)
        assert (purged.videos, len(segments)) == (1, 2)
        assert session.scalar(select(func.count(Video.id))) == 3
    assert index(library, folder, backbone=backbone).encoded == 1


def test_a_video_whose_last_path_went_unnoticed_is_kept_for_the_whole_time(library):
    with library.writing() as session:
        session.execute(VideoPath.__table__.delete().where(VideoPath.id == 1))
        note_unheld(session)
        assert count_unheld(session).videos == 1
        assert count_unheld(session, days=0.1).videos == 0


def test_another_model_answers_only_when_it_has_encoded_everything(library, folder, backbone):
    other = tiny_backbone(seed=2)
    stop = threading.Event()

    class StopAfterOne(Notes):
        def on_done(self, job):
            super().on_done(job)
            stop.set()

    settings = IndexSettings()
    options = {"backbone": other, "switch_space": True, "settings": settings}
    before = summarise(library)
    assert index(library, folder, notes=StopAfterOne(), stop=stop, **options).interrupted
    assert found(library, backbone) == ALL, "the old one answers"
    after = summarise(library)
    assert (after.videos, after.segments, after.sketched) == (4, before.segments, 2)
    notes = Notes()
    assert 1 <= index(library, folder, notes=notes, **options).encoded < 4
    assert found(library, other) == ALL
    with library.reading() as session:
        assert active_space(session).model == "tiny-2"
        assert session.scalar(select(func.count(Video.id))) == 4
        assert session.scalar(select(func.count(Segment.id))) == before.segments
        assert len(sketched_ids(session)) == 2, "the keyframes are the same"
    assert summarise(library).kept == 0


def test_a_video_that_cannot_be_read_keeps_the_old_model_answering(library, folder, backbone):
    other = tiny_backbone(seed=2)
    with failing(folder / "nas"):
        report = index(library, folder, backbone=other, switch_space=True)
    library.look_again()
    assert (report.encoded, report.failed, report.behind) == (3, 1, 1)
    assert found(library, backbone) == ALL, "the old one answers"
    report = index(library, folder, backbone=other, switch_space=True)
    assert report.behind == 0
    assert found(library, other) == ALL
