"""Fusing a library again: from stored frames alone, into a space that is whole or unused."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from sqlalchemy import func, select
from torch.nn import functional as F

from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.heads.checkpoints import load_head
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice, HeadIdentity
from search import fusing
from search.catalog.embeddings import unpack
from search.catalog.keeping import purge_unheld
from search.catalog.lock import LibraryBusy, only_indexer
from search.catalog.spaces import SpaceIdentity, SpaceMismatch, active_space, enter_space
from search.catalog.store import EmptyLibrary
from search.catalog.summary import summarise
from search.catalog.tables import Segment, SegmentEmbedding, SegmentFrames, Space
from search.catalog.writing import remove_paths
from search.finding.engine import SearchEngine
from search.fusing import FuseReport, LibraryFuser, fuse_sequences
from search.library import Library
from tests.search.finding.test_engine import Shelf, axis
from tests.tiny import save_tiny_head, tiny_backbone, tiny_head, with_other_text_tower

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture(scope="module")
def head_file(backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_head(tmp_path_factory.mktemp("heads") / "head.safetensors", backbone)


@pytest.fixture
def library(tmp_path: Path):
    with Library.open(tmp_path / "library", create=True) as library:
        yield library


@pytest.fixture
def shelf(library: Library, backbone: Backbone) -> Shelf:
    """Three videos of one, two and three segments, of one to four frames."""
    shelf = Shelf(library, backbone)
    random = np.random.default_rng(5)
    for number in range(1, 4):
        frames = [random.standard_normal((1 + (number + n) % 4, 24)) for n in range(number)]
        shelf.put(f"/v/{number}.mp4", *[one.astype(np.float32) for one in frames])
    return shelf


def fuse(library: Library, backbone: Backbone, file: Path | None, **options) -> FuseReport:
    head = tiny_head(backbone, file)
    fuser = LibraryFuser(library, head, backbone.identity, backbone.choice, CPU)
    options = {"on_progress": lambda *_: None, "stop": threading.Event()} | options
    return fuser.run(**options)


def active(library: Library) -> Space:
    with library.reading() as session:
        return active_space(session)


def vectors(library: Library) -> dict[int, np.ndarray]:
    """The embeddings of the active space, by segment."""
    with library.reading() as session:
        rows = session.scalars(
            select(SegmentEmbedding).where(SegmentEmbedding.space_id == active_space(session).id)
        )
        return {row.segment_id: unpack([row.embedding], 24)[0] for row in rows}


def all_embeddings(library: Library) -> int:
    with library.reading() as session:
        return session.scalar(select(func.count(SegmentEmbedding.segment_id)))


def test_every_segment_gets_what_the_head_makes_of_its_stored_frames(
    library, shelf, backbone, head_file
):
    frames = torch.tensor([[[1.0] * 24, [2.0] + [0.0] * 23]])
    [segment] = shelf.put("/v/more.mp4", frames[0].numpy())
    assert fuse(library, backbone, head_file) == FuseReport(segments=7, fused=7, changed=True)
    head = tiny_head(backbone, head_file).head
    with torch.inference_mode():
        expected = head(frames * 7, torch.ones(1, 2, dtype=torch.bool))[0]
    torch.testing.assert_close(
        torch.from_numpy(vectors(library)[segment]), expected, atol=1e-3, rtol=0
    )


def test_the_order_of_frames_matters_to_a_temporal_head(backbone, head_file):
    frames = np.random.default_rng(2).standard_normal((5, 24)).astype(np.float32)
    head = tiny_head(backbone, head_file).head
    forwards, backwards = fuse_sequences(head, [frames, frames[::-1].copy()], device=CPU)
    assert forwards @ backwards < 0.9999


def test_sequences_of_any_length_come_back_in_their_order(backbone, monkeypatch):
    monkeypatch.setattr(fusing, "_FRAMES_AT_ONCE", 8)
    random = np.random.default_rng(1)
    lengths = (3, 1, 20, 5, 2, 9, 1)
    sequences = [random.standard_normal((n, 24)).astype(np.float32) for n in lengths]
    found = fuse_sequences(tiny_head(backbone).head, sequences, device=CPU)
    for sequence, embedding in zip(sequences, found, strict=True):
        mean = F.normalize(torch.from_numpy(sequence), dim=1).mean(dim=0)
        torch.testing.assert_close(
            torch.from_numpy(embedding), F.normalize(mean, dim=0), atol=1e-5, rtol=0
        )


def test_going_back_to_an_earlier_head_fuses_only_what_is_new(library, shelf, backbone, head_file):
    before = vectors(library)
    fuse(library, backbone, head_file)
    shelf.space = active(library)
    shelf.put("/v/new.mp4", axis(3), axis(4))
    report = fuse(library, backbone, None)
    assert report == FuseReport(segments=8, fused=2, already_there=6, changed=True)
    after = vectors(library)
    assert set(after) == {*before, *range(max(before) + 1, max(before) + 3)}
    for segment, embedding in before.items():
        np.testing.assert_array_equal(after[segment], embedding)


def test_a_report_of_nothing_counts_nothing():
    assert FuseReport(segments=3) == FuseReport(3, 0, 0, changed=False, interrupted=False)


def test_the_head_that_is_there_already_changes_nothing(library, shelf, backbone):
    assert fuse(library, backbone, None) == FuseReport(segments=6, already_there=6)


def test_a_head_file_that_was_moved_is_found_again_by_naming_it(
    library, shelf, backbone, head_file, tmp_path
):
    moved = Path(shutil.copy(head_file, tmp_path / "head.safetensors"))
    fuse(library, backbone, moved)
    moved.rename(tmp_path / "elsewhere.safetensors")
    assert not fuse(library, backbone, tmp_path / "elsewhere.safetensors").changed
    assert active(library).head_file == tmp_path / "elsewhere.safetensors"


def test_status_names_the_head_and_its_file(library, shelf, backbone, head_file):
    assert summarise(library).head == "meanP"
    fuse(library, backbone, head_file)
    assert summarise(library).head == "seqTransf (head.safetensors)"


def test_readers_keep_the_old_space_until_the_new_one_is_whole(
    library, shelf, backbone, head_file, monkeypatch
):
    monkeypatch.setattr(fusing, "_SEGMENTS_AT_ONCE", 1)
    before = active(library).key
    seen = []

    def look(done: int, total: int) -> None:
        seen.append((done, total, active(library).key == before))

    fuse(library, backbone, head_file, on_progress=look)
    assert seen == [(0, 6, True), (1, 6, True), (3, 6, True), (6, 6, True)]
    assert active(library).key != before


def test_an_open_engine_answers_from_the_new_space_at_its_next_search(
    library, shelf, backbone, head_file
):
    query = axis(1)[0]
    before = shelf.engine.search_vector(query, 10)
    fuse(library, backbone, head_file)
    after = shelf.engine.search_vector(query, 10)
    fresh = SearchEngine.for_library(library, backbone).search_vector(query, 10)
    assert [hit.score for hit in after] == [hit.score for hit in fresh]
    assert [hit.score for hit in after] != [hit.score for hit in before]


def test_stopped_and_run_again_it_goes_on_where_it_was(
    library, shelf, backbone, head_file, monkeypatch
):
    monkeypatch.setattr(fusing, "_SEGMENTS_AT_ONCE", 1)
    before, stop = active(library).key, threading.Event()

    def stop_soon(done: int, _: int) -> None:
        if done >= 3:
            stop.set()

    report = fuse(library, backbone, head_file, on_progress=stop_soon, stop=stop)
    assert report == FuseReport(segments=6, fused=3, interrupted=True)
    assert active(library).key == before
    report = fuse(library, backbone, head_file)
    assert report == FuseReport(segments=6, fused=3, already_there=3, changed=True)
    assert len(vectors(library)) == 6


def test_frames_are_fused_in_portions_that_fit_into_memory(library, shelf, monkeypatch):
    monkeypatch.setattr(fusing, "_FRAMES_IN_HAND", 5)
    with library.reading() as session:
        portions = list(fusing._handfuls(session, np.arange(1, 7), 24))
    sizes = [{number: len(frames) for number, frames in one.items()} for one in portions]
    assert sizes == [{1: 2, 2: 3}, {3: 4, 4: 4}, {5: 1, 6: 2}]


def test_videos_purged_meanwhile_are_left_out(library, shelf, backbone, head_file, monkeypatch):
    monkeypatch.setattr(fusing, "_SEGMENTS_AT_ONCE", 1)

    def remove_last(done: int, _: int) -> None:
        with library.writing() as session:
            remove_paths(session, Path("/v/3.mp4"))
            purge_unheld(session, days=0)

    assert fuse(library, backbone, head_file, on_progress=remove_last).changed
    assert len(vectors(library)) == 3


def test_segments_of_another_model_are_not_fused(library, shelf, backbone, head_file):
    """A re-index that was interrupted has left some videos as they were."""
    other = tiny_backbone(seed=2)
    with library.writing() as session:
        identity = SpaceIdentity(other.identity, HeadIdentity("meanP"), {})
        shelf.space = enter_space(session, identity, other.choice, dim=24, switch=True)
    shelf.put("/v/reindexed.mp4", axis(5))
    file = save_tiny_head(head_file.with_name("other.safetensors"), other)
    assert fuse(library, other, file) == FuseReport(segments=1, fused=1, changed=True)
    assert list(vectors(library)) == [7]
    assert all_embeddings(library) == 6 + 1 + 1


def test_another_visual_tower_is_refused(library, shelf):
    other = tiny_backbone(seed=2)
    with pytest.raises(SpaceMismatch, match="visual tower or preprocessing of tiny-2 is another"):
        fuse(library, other, None)


def test_another_text_tower_over_the_same_visual_tower_is_taken(library, shelf, backbone, tmp_path):
    trained = with_other_text_tower(backbone)
    file = save_tiny_head(tmp_path / "head.safetensors", trained)
    with pytest.raises(SpaceMismatch, match="kinodex fuse --head meanP"):
        SearchEngine.for_library(library, trained)
    opened = SearchEngine.for_library(library, backbone)
    assert fuse(library, trained, file).fused == 6
    assert len(SearchEngine.for_library(library, trained).search("a cat")) == 3
    with pytest.raises(SpaceMismatch, match="was moved to another model meanwhile"):
        opened.search("a cat")


def test_the_library_itself_follows_to_another_text_tower(library, shelf, backbone):
    trained = with_other_text_tower(backbone)
    assert len(library.engine(backbone).search("a cat")) == 3
    fuse(library, trained, None)
    assert len(library.engine(trained).search("a cat")) == 3


def test_a_library_without_anything_says_what_to_do(library, backbone, head_file):
    with pytest.raises(EmptyLibrary, match="run 'kinodex index FOLDER' first"):
        fuse(library, backbone, head_file)


def test_a_library_whose_videos_were_purged_changes_its_head(library, shelf, backbone, head_file):
    with library.writing() as session:
        remove_paths(session, Path("/v"))
        purge_unheld(session, days=0)
    assert fuse(library, backbone, head_file) == FuseReport(segments=0, changed=True)
    assert active(library).head == "seqTransf"


def test_only_one_process_writes_a_library(library, shelf, backbone, head_file):
    with only_indexer(library.folder), pytest.raises(LibraryBusy):
        fuse(library, backbone, head_file)


def test_a_head_of_another_width_is_refused_by_name(backbone, tmp_path):
    file = save_tiny_head(tmp_path / "wide.safetensors", backbone, dim=32)
    with pytest.raises(HeadMismatch, match=r"'wide.safetensors' takes embeddings of width 32"):
        load_head(HeadChoice(file=file), backbone.identity, backbone.dim)


def test_lost_frame_embeddings_are_no_success(library, shelf, backbone, head_file):
    with library.writing() as session:
        session.delete(session.get(SegmentFrames, 2))
    before = active(library).key
    with pytest.raises(KinodexError, match=r"1 segments of .* have lost their frame embeddings"):
        fuse(library, backbone, head_file)
    assert active(library).key == before
    with library.reading() as session:
        assert session.scalar(select(func.count(Segment.id))) == 6
