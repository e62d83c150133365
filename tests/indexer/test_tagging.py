"""Tags come with indexing: in each video's own transaction, and the whole library's at the end."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from indexer.pipeline import Indexer, IndexReport
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from search.catalog.store import Store
from search.catalog.tables import Segment, Space
from search.catalog.tag_tables import SegmentTag, Vocabulary
from search.tags.corrections import say
from search.tags.reading import tags_of
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
    **options,
) -> IndexReport:
    indexer = Indexer(
        library,
        backbone,
        tiny_head(backbone),
        settings or IndexSettings(),
        Notes(),
        tagger=tagger(library, backbone, plan(min_probability=0.001)),
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
