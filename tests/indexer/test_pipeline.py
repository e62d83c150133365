"""Indexing as a whole: what is new is encoded, what is known is not, what fails is written down."""

import os
import shutil
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import func, select

from indexer import pipeline
from indexer.discover import discover
from indexer.library_settings import write_settings_template
from indexer.pipeline import IndexReport
from indexer.reading.settings import IndexSettings
from indexer.registration import PathToIndex, register
from models.clip.backbone import Backbone
from models.errors import KinodexError
from search.catalog.embeddings import normalised, unpack
from search.catalog.lock import LibraryBusy, only_indexer
from search.catalog.spaces import SpaceMismatch
from search.catalog.summary import summarise
from search.catalog.tables import (
    Segment,
    SegmentEmbedding,
    SegmentFrames,
    Space,
    Status,
    Video,
    VideoPath,
)
from search.library import Library
from tests.corpus import shots, write_clip
from tests.tiny import Notes, index, tiny_backbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three different videos, the second with two shots."""
    folder = tmp_path_factory.mktemp("clips")
    for name, lengths in (("a.mp4", [50]), ("b.mp4", [40, 60]), ("c.mp4", [20, 1, 30])):
        write_clip(folder / name, shots(lengths))
    return folder


@pytest.fixture
def folder(clips: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clips, tmp_path / "videos"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    with Library.open(tmp_path / "library", create=True) as library:
        yield library


def statuses(library: Library) -> dict[str, str]:
    with library.reading() as session:
        return {row.path.name: row.status for row in session.scalars(select(VideoPath))}


def count(library: Library, table: type) -> int:
    with library.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_every_video_is_indexed_whole(library, folder, backbone):
    report = index(library, folder, backbone=backbone)
    assert (report.encoded, report.failed, report.unchanged) == (3, 0, 0)
    assert statuses(library) == {"a.mp4": "indexed", "b.mp4": "indexed", "c.mp4": "indexed"}
    with library.reading() as session:
        for video in session.scalars(select(Video)):
            edges = [(segment.start_s, segment.end_s) for segment in video.segments]
            assert edges[0][0] == 0
            assert edges[-1][1] == pytest.approx(video.duration_s)
            assert all(end == start for (_, end), (start, _) in pairwise(edges))
    assert (
        count(library, SegmentEmbedding) == count(library, SegmentFrames) == count(library, Segment)
    )
    for segment in range(1, count(library, Segment) + 1):
        assert library.keyframe_file(segment).read_bytes()[:3] == b"\xff\xd8\xff"


def test_segment_embedding_is_the_mean_of_all_its_sampled_frames(library, folder, backbone):
    index(library, folder, backbone=backbone)
    with library.reading() as session:
        frames, stored = session.execute(
            select(SegmentFrames, SegmentEmbedding).join(
                SegmentEmbedding, SegmentEmbedding.segment_id == SegmentFrames.segment_id
            )
        ).first()
    unique = normalised(unpack([frames.embeddings], 24))
    of_sample = np.frombuffer(frames.unique_index, dtype="<u2")
    assert len(of_sample) == len(np.frombuffer(frames.times_s, dtype="<f8")) >= 8
    expected = normalised(unique[of_sample].mean(axis=0)[None])[0]
    np.testing.assert_allclose(unpack([stored.embedding], 24)[0], expected, atol=2e-3)


def test_a_second_run_encodes_nothing(library, folder, backbone):
    index(library, folder, backbone=backbone)
    notes = Notes()
    report = index(library, folder, backbone=backbone, notes=notes)
    assert report == IndexReport(unchanged=3)
    assert notes.decoded == set()


def test_a_touched_file_is_recognised_by_its_content(library, folder, backbone):
    index(library, folder, backbone=backbone)
    os.utime(folder / "a.mp4", (1, 1))
    notes = Notes()
    report = index(library, folder, backbone=backbone, notes=notes)
    assert (report.linked, report.unchanged, report.encoded) == (1, 2, 0)
    assert notes.decoded == set()


def test_rename_reuses_embeddings_without_encoding(library, folder, backbone):
    index(library, folder, backbone=backbone)
    before = count(library, Segment)
    (folder / "a.mp4").rename(folder / "renamed.mp4")
    report = index(library, folder, backbone=backbone)
    assert (report.linked, report.encoded, report.newly_missing) == (1, 0, 1)
    assert count(library, Segment) == before


def test_a_copy_in_the_same_run_is_decoded_once(library, folder, backbone):
    for number in range(4):
        shutil.copy(folder / "b.mp4", folder / f"copy-{number}.mp4")
    report = index(library, folder, backbone=backbone)
    assert (report.encoded, report.linked) == (3, 4)
    assert set(statuses(library).values()) == {"indexed"}


def test_a_changed_file_loses_its_old_moments(library, folder, backbone):
    index(library, folder, backbone=backbone)
    shutil.copy(folder / "b.mp4", folder / "a.mp4")
    engine = library.engine(backbone)
    assert len(engine.search("anything")) == 3
    report = index(library, folder, backbone=backbone)
    assert report.linked == 1
    assert summarise(library).videos == 2
    assert len(engine.search("anything", k=10)) == 2
    assert len(engine.index) == summarise(library).segments


def test_failures_are_rows_and_the_run_goes_on(library, folder, backbone, refused_files):
    for name, source in refused_files.items():
        if source.suffix == ".mp4":
            shutil.copy(source, folder / f"bad-{name}.mp4")
    notes = Notes()
    report = index(library, folder, backbone=backbone, notes=notes)
    assert report.encoded == 3
    assert report.failed > 3
    assert report.has_failures
    with library.reading() as session:
        failed = session.scalars(select(VideoPath).where(VideoPath.status == Status.FAILED)).all()
    assert len(failed) == report.failed
    for row in failed:
        assert row.stage
        assert row.reason
        assert row.attempts == 1
        assert row.tried_at is not None


def test_a_failed_file_is_not_tried_again_unless_asked(library, folder, backbone):
    (folder / "broken.mp4").write_bytes((folder / "a.mp4").read_bytes()[:300])
    index(library, folder, backbone=backbone)
    again = index(library, folder, backbone=backbone)
    assert (again.failed, again.failed_before) == (0, 1)
    assert again.has_failures
    retried = index(library, folder, backbone=backbone, retry_failed=True)
    assert (retried.failed, retried.failed_before) == (1, 0)
    with library.reading() as session:
        assert session.scalar(select(VideoPath.attempts).where(VideoPath.attempts > 0)) == 2


def test_a_mended_file_is_indexed_by_the_next_run(library, folder, backbone):
    good = (folder / "a.mp4").read_bytes()
    (folder / "a.mp4").write_bytes(good[:300])
    assert index(library, folder, backbone=backbone).failed == 1
    (folder / "a.mp4").write_bytes(good)
    report = index(library, folder, backbone=backbone)
    assert (report.encoded, report.failed, report.failed_before) == (1, 0, 0)
    assert statuses(library)["a.mp4"] == "indexed"


def test_a_copy_of_a_broken_file_fails_with_the_same_reason(library, folder, backbone):
    for name in ("x.mp4", "y.mp4"):
        (folder / name).write_bytes((folder / "a.mp4").read_bytes()[:300])
    notes = Notes()
    index(library, folder, backbone=backbone, notes=notes)
    reasons = {path.name: reason for path, reason in notes.failed.items()}
    assert reasons["x.mp4"] == reasons["y.mp4"]


def test_a_gone_file_is_hidden_and_comes_back_without_encoding(library, folder, backbone):
    index(library, folder, backbone=backbone)
    (folder / "a.mp4").rename(folder.parent / "elsewhere.mp4")
    assert index(library, folder, backbone=backbone).newly_missing == 1
    hits = library.engine(backbone).search("anything", k=10)
    assert sorted(path.name for hit in hits for path in hit.paths) == ["b.mp4", "c.mp4"]
    (folder.parent / "elsewhere.mp4").rename(folder / "a.mp4")
    notes = Notes()
    index(library, folder, backbone=backbone, notes=notes)
    assert notes.decoded == set()
    assert len(library.engine(backbone).search("anything", k=10)) == 3


@pytest.mark.parametrize("state", ["empty", "absent"])
def test_an_empty_or_absent_root_hides_nothing(library, folder, backbone, state):
    index(library, folder, backbone=backbone)
    shutil.move(folder, folder.with_name("unmounted"))
    if state == "empty":
        folder.mkdir()
        assert index(library, folder, backbone=backbone).newly_missing == 0
    else:
        with pytest.raises(KinodexError, match="there is no file or folder"):
            index(library, folder, backbone=backbone)
    assert len(library.engine(backbone).search("anything", k=10)) == 3


def test_another_model_is_refused_and_nothing_changes(library, folder, backbone):
    index(library, folder, backbone=backbone)
    with pytest.raises(SpaceMismatch, match="kinodex index --reindex"):
        index(library, folder, backbone=tiny_backbone(seed=2))
    assert len(library.engine(backbone).search("anything")) == 3


def test_other_sampling_is_another_space(library, folder, backbone):
    index(library, folder, backbone=backbone)
    with pytest.raises(SpaceMismatch, match="sampling settings"):
        index(library, folder, backbone=backbone, settings=IndexSettings(sample_rate=4))


def test_limits_may_change_without_reindexing(library, folder, backbone):
    index(library, folder, backbone=backbone)
    report = index(library, folder, backbone=backbone, settings=IndexSettings(max_hours=1))
    assert report.unchanged == 3


def test_reindexing_moves_every_video_to_the_new_space(library, folder, backbone):
    index(library, folder, backbone=backbone)
    segments = count(library, Segment)
    other = tiny_backbone(seed=2)
    report = index(library, folder, backbone=other, switch_space=True)
    assert report.encoded == 3
    assert count(library, Segment) == count(library, SegmentEmbedding) == segments
    with library.reading() as session:
        assert session.scalar(select(Space.model).where(Space.active)) == "tiny-2"
    assert len(library.engine(other).search("anything")) == 3


def test_stopping_keeps_what_is_finished(library, folder, backbone):
    stop = threading.Event()

    class StopAfterOne(Notes):
        def on_done(self, job):
            super().on_done(job)
            stop.set()

    settings = IndexSettings(sample_rate=8)  # each video fills a batch of its own
    options = {"backbone": backbone, "settings": settings}
    notes = StopAfterOne()
    report = index(library, folder, notes=notes, stop=stop, **options)
    assert report.interrupted
    finished = len(notes.done)
    assert 1 <= finished < 3
    assert sorted(statuses(library).values()) == ["indexed"] * finished + ["waiting"] * (
        3 - finished
    )
    assert index(library, folder, **options).encoded == 3 - finished


def test_only_one_process_indexes_a_library(library, folder, backbone):
    with only_indexer(library.folder), pytest.raises(LibraryBusy, match="another Kinodex"):
        index(library, folder, backbone=backbone)
    assert index(library, folder, backbone=backbone).encoded == 3


def test_deleted_keyframes_and_vectors_come_back(library, folder, backbone):
    index(library, folder, backbone=backbone)
    shutil.rmtree(library.vectors_folder)
    shutil.rmtree(library.folder / "media")
    assert len(library.engine(backbone).search("anything")) == 3


def test_a_file_that_grows_while_it_is_read_is_left_for_later(
    library, folder, backbone, monkeypatch
):
    import indexer.decoding

    real_hash = indexer.decoding.hash_content

    def grow_after_hashing(path: Path, **how: object) -> str:
        digest = real_hash(path, **how)
        if path.name == "a.mp4":
            with path.open("ab") as file:
                file.write(b"more")
        return digest

    monkeypatch.setattr(indexer.decoding, "hash_content", grow_after_hashing)
    notes = Notes()
    index(library, folder, backbone=backbone, notes=notes)
    assert [path.name for path in notes.failed] == ["a.mp4"]
    assert "still being written" in notes.failed[folder / "a.mp4"]
    monkeypatch.undo()
    assert index(library, folder, backbone=backbone).encoded == 1


def test_a_library_among_the_videos_does_not_index_its_own_clips(folder, backbone):
    with Library.open(folder / "library", create=True) as library:
        clips = library.folder / "media" / "clips"
        clips.mkdir(parents=True)
        shutil.copy(folder / "a.mp4", clips / "1.mp4")
        assert index(library, folder, backbone=backbone).encoded == 3
        assert set(statuses(library)) == {"a.mp4", "b.mp4", "c.mp4"}


def test_settings_file_lists_every_option_at_its_default(library):
    write_settings_template(library)
    text = library.settings_file.read_text()
    for name in IndexSettings.model_fields:
        assert f"# {name} = " in text
    assert library.settings(IndexSettings) == IndexSettings()


def test_settings_in_the_file_are_used(library):
    library.settings_file.write_text("[index]\nsample_rate = 1.5\n")
    assert library.settings(IndexSettings).sample_rate == 1.5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[index]\nsample_rate = -1\n", r"library.toml', \[index\], sample_rate: "),
        ("[index]\nsample_rat = 1\n", r"\[index\], sample_rat: "),
        ("[index\n", "cannot be read"),
        ("index = 3\n", r"'index' must be a \[table\]"),
    ],
)
def test_wrong_settings_name_file_section_and_key(library, text, sentence):
    library.settings_file.write_text(text)
    with pytest.raises(KinodexError, match=sentence):
        library.settings(IndexSettings)


def test_a_file_that_goes_away_with_its_disk_is_not_broken(library, folder, backbone):
    class Unplugged(Notes):
        def on_scan(self, *_):
            folder.rename(folder.with_name("unplugged"))

    index(library, folder, backbone=backbone, notes=Unplugged())
    assert set(statuses(library).values()) == {"waiting"}
    folder.with_name("unplugged").rename(folder)
    assert index(library, folder, backbone=backbone).encoded == 3


def test_what_lies_in_a_folder_that_cannot_be_read_stays_visible(library, folder, backbone):
    report = index(library, folder, backbone=backbone)
    found = discover([folder])
    closed = replace(found, files=found.files[1:], unreadable=(found.files[0].path,))
    with library.writing() as session:
        space = session.scalar(select(Space))
        assert register(session, closed, space, retry_failed=False).newly_missing == 0
        gone = replace(found, files=found.files[1:])
        assert register(session, gone, space, retry_failed=False).newly_missing == 1
    assert report.encoded == 3


def test_files_that_were_not_asked_for_are_left_as_they_are(library, folder, backbone):
    report = index(library, folder, backbone=backbone, only={folder / "b.mp4"})
    assert (report, statuses(library)) == (replace(report, encoded=1), {"b.mp4": "indexed"})
    (folder / "a.mp4").unlink()
    (folder / "b.mp4").unlink()
    assert index(library, folder, backbone=backbone, only=()).newly_missing == 1
    assert index(library, folder.with_name("absent"), backbone=backbone, only=()).is_empty


def test_a_report_is_empty_when_there_was_nothing_to_do():
    assert IndexReport().is_empty
    assert not any(vars(IndexReport()).values())
    assert not IndexReport(unchanged=1).is_empty
    assert (IndexReport(failed=1).has_failures, IndexReport(failed_before=1).has_failures) == (
        True,
        True,
    )
    assert not IndexReport(unchanged=1, behind=1, damaged=1).has_failures


def test_a_run_takes_on_another_decoder_when_its_pace_wants_one(
    library, folder, backbone, monkeypatch
):
    looks: list[tuple[int, int, bool]] = []

    class Pace:
        def __init__(self, most: int) -> None:
            self.most = most

        def wants_one_more(self, running: int, waited_s: float) -> bool:
            looks.append((self.most, running, waited_s > 0))
            return len(looks) == 1

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(pipeline, "Pace", Pace)
    assert index(library, folder, backbone=backbone).encoded == 3
    assert looks[0] == (2, 1, True)
    assert looks[1][:2] == (2, 2)


@pytest.mark.parametrize(
    ("device", "cores", "workers"),
    [("cpu", 16, 4), ("cpu", 4, 1), ("cpu", 2, 1), ("cpu", None, 1), ("cuda", 16, 8)],
)
def test_decoding_has_a_part_of_the_cores(monkeypatch, device, cores, workers):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    backbone = SimpleNamespace(device_type=device)
    assert pipeline._decode_workers(backbone) == workers


def test_a_path_that_leads_nowhere_is_told(tmp_path):
    pipeline.check_paths([tmp_path])
    with pytest.raises(KinodexError, match=r"there is no file or folder '.*gone'"):
        pipeline.check_paths([tmp_path, tmp_path / "gone"])


class Heard(Notes):
    """What a listener hears of frames."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[tuple[str, int, float]] = []

    def on_frames(self, job: PathToIndex, frames: int, fraction: float) -> None:
        self.frames.append((job.path.name, frames, round(fraction, 2)))


def test_a_listener_hears_how_much_of_a_video_is_decoded(library, tmp_path, backbone):
    write_clip(tmp_path / "a.mp4", shots([25, 75]))
    heard = Heard()
    report = index(library, tmp_path / "a.mp4", backbone=backbone, notes=heard)
    assert [(name, fraction) for name, _, fraction in heard.frames] == [
        ("a.mp4", 0.25),
        ("a.mp4", 1.0),
    ]
    assert sum(frames for _, frames, _ in heard.frames) == report.frames_sampled
    assert (report.encoded, report.damaged, report.failed, report.interrupted) == (1, 0, 0, False)
    assert heard.done == [tmp_path / "a.mp4"]
