"""Tags come with indexing: in each video's own transaction, and the whole library's at the end."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

import search.tags.tagger
from indexer.pipeline import Indexer, IndexReport
from indexer.reading.settings import IndexSettings
from indexer.registration import PathToIndex
from models.clip.backbone import Backbone
from search.catalog.store import Store
from search.catalog.tables import Segment, Space
from search.catalog.tag_tables import SegmentTag, Vocabulary
from search.tags.corrections import say
from search.tags.label_encoding import GivenUp
from search.tags.reading import tags_of
from search.tags.vocabulary import BadVocabulary, read_vocabulary
from search.tags.writing import TagPlan
from tests.corpus import shots, write_clip
from tests.search.planted import plan, tagger
from tests.tiny import Notes, index, tiny_backbone, tiny_head


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture
def library(tmp_path: Path):
    with Store.open(tmp_path / "library", create=True) as library:
        yield library


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(2):
        write_clip(folder / f"{number}.mp4", shots([30, 30 + number]))
    return folder


def index_with_tags(
    library: Store,
    videos: Path,
    backbone: Backbone,
    settings: IndexSettings | None = None,
    *,
    notes: Notes | None = None,
    stop: threading.Event | None = None,
    wanted: TagPlan | None = None,
    **options,
) -> IndexReport:
    indexer = Indexer(
        library,
        backbone,
        tiny_head(backbone),
        settings or IndexSettings(),
        notes or Notes(),
        stop or threading.Event(),
        tagger=tagger(library, backbone, wanted or plan(min_probability=0.001)),
    )
    return indexer.index([videos], **options)


def tagged(library: Store) -> int:
    with library.reading() as session:
        return session.scalar(select(func.count(SegmentTag.segment_id.distinct())))


def segments(library: Store) -> list[int]:
    with library.reading() as session:
        return list(session.scalars(select(Segment.id).order_by(Segment.id)))


def test_every_segment_is_tagged_and_floors_are_measured(library, videos, backbone):
    report = index_with_tags(library, videos, backbone)
    assert (report.encoded, report.tagging.segments) == (2, 4)
    assert tagged(library) == 4
    with library.reading() as session:
        assert session.scalar(select(Vocabulary.floor_segments)) == 4


def test_a_video_has_its_tags_when_it_is_done(library, videos, backbone, monkeypatch):
    monkeypatch.setattr("search.tags.tagger.Tagger.complete", lambda self, **_: None)
    index_with_tags(library, videos, backbone)
    assert tagged(library) == 4


def test_nothing_new_means_nothing_to_do(library, videos, backbone):
    index_with_tags(library, videos, backbone)
    report = index_with_tags(library, videos, backbone)
    assert (report.unchanged, report.tagging) == (2, None)


def test_what_was_indexed_without_tags_gets_them(library, videos, backbone):
    index(library, videos, backbone=backbone)
    assert tagged(library) == 0
    report = index_with_tags(library, videos, backbone)
    assert (report.encoded, report.tagging.fused, tagged(library)) == (0, 4, 4)


def test_a_folder_without_videos_reads_no_labels(library, tmp_path, backbone, monkeypatch):
    monkeypatch.setattr("search.tags.tagger.encode_labels", None)
    (tmp_path / "empty").mkdir()
    assert index_with_tags(library, tmp_path / "empty", backbone).tagging is None


def test_another_model_gets_a_space_and_labels_of_its_own(library, videos, backbone):
    index_with_tags(library, videos, backbone)
    other = tiny_backbone(seed=2)
    index_with_tags(library, videos, other, switch_space=True)
    with library.reading() as session:
        [space] = session.scalars(select(Space).where(Space.tagging))
        assert (space.model, space.active) == ("tiny-2", False)
    assert tagged(library) == len(segments(library)) == 4


def test_a_persons_word_outlives_another_cut(library, videos, backbone):
    index_with_tags(library, videos, backbone)
    with library.writing() as session:
        say(session, segments(library)[0], "juggling", holds=True)
    index_with_tags(
        library,
        videos,
        backbone,
        IndexSettings(max_segment_s=1, min_segment_s=0.25),
        switch_space=True,
    )
    again = segments(library)
    assert len(again) > 4
    with library.reading() as session:
        labels = [[tag.label for tag in tags] for tags in tags_of(session, again).values()]
    assert any("juggling" in found for found in labels)
    assert not all("juggling" in found for found in labels)


def slow_labels(monkeypatch, until: threading.Event) -> None:
    """Labels that are read no sooner than somebody says."""
    encode = search.tags.tagger.encode_labels

    def waiting(*arguments, given_up, **options):
        while not until.wait(0.01):
            if given_up():
                raise GivenUp
        return encode(*arguments, given_up=given_up, **options)

    monkeypatch.setattr("search.tags.tagger.encode_labels", waiting)


def test_videos_do_not_wait_for_labels_and_get_their_tags_in_the_end(
    library, videos, backbone, monkeypatch
):
    may_read = threading.Event()
    slow_labels(monkeypatch, may_read)
    seen: list[int] = []

    class Watching(Notes):
        def on_done(self, job: PathToIndex) -> None:
            super().on_done(job)
            seen.append(tagged(library))
            if len(self.done) == 2:
                may_read.set()

    report = index_with_tags(library, videos, backbone, notes=Watching())
    assert seen == [0, 0]  # both can be found already
    assert (report.encoded, report.tagging.tagged, tagged(library)) == (2, 4, 4)


def test_a_stop_does_not_wait_for_labels(library, videos, backbone, monkeypatch):
    slow_labels(monkeypatch, threading.Event())
    stop = threading.Event()

    class Stopping(Notes):
        def on_done(self, job: PathToIndex) -> None:
            stop.set()

    report = index_with_tags(library, videos, backbone, notes=Stopping(), stop=stop)
    assert (report.interrupted, report.tagging, tagged(library)) == (True, None, 0)


def test_labels_that_cannot_be_read_end_the_run_with_their_sentence(
    library, videos, backbone, monkeypatch
):
    def unreadable(*_: object, **__: object) -> None:
        raise BadVocabulary("the label is too long")

    monkeypatch.setattr("search.tags.tagger.encode_labels", unreadable)
    with pytest.raises(BadVocabulary, match="the label is too long"):
        index_with_tags(library, videos, backbone)


def test_labels_read_before_tag_the_first_video_at_once(library, videos, backbone, monkeypatch):
    index_with_tags(library, videos / "0.mp4", backbone)
    monkeypatch.setattr("search.tags.tagger.Tagger.complete", lambda self, **_: None)
    seen: list[int] = []

    class Watching(Notes):
        def on_done(self, job: PathToIndex) -> None:
            seen.append(tagged(library))

    index_with_tags(library, videos / "1.mp4", backbone, notes=Watching())
    assert seen == [4]


def test_labels_read_for_another_library_tag_the_first_video_at_once(
    library, videos, backbone, monkeypatch, tmp_path
):
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    labels = read_vocabulary("small-world").labels
    wanted = plan(labels, name="small-world", min_probability=0.001)
    with Store.open(tmp_path / "before", create=True) as before:
        index_with_tags(before, videos / "0.mp4", backbone, wanted=wanted)
    monkeypatch.setattr("search.tags.tagger.Tagger.complete", lambda self, **_: None)
    index_with_tags(library, videos / "1.mp4", backbone, wanted=wanted)
    assert tagged(library) == 2
