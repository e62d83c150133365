"""A library in Python: opened, indexed, searched by words and pictures, read as rows."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kinodex
from search.catalog.lock import INDEXING
from search.catalog.progress import read_progress
from tests.kinodex.conftest import CLIPS

PROJECT = Path(__file__).parents[2]
OLD = PROJECT / "tests" / "old_library"
DOG = "a dog chasing a rabbit"
DOG_CLIP = "clip-008.mp4"


def names(hits) -> list[str]:
    return [hit.paths[0].name for hit in hits]


def keyframe(library: kinodex.Library, name: str) -> Path:
    [file] = [row.keyframe for row in library.segments() if row.paths[0].name == name]
    return file


def test_text_finds_the_right_video(library):
    hits = library.search(DOG, k=3)
    assert isinstance(hits, kinodex.Hits)
    assert (names(hits)[0], len(hits)) == (DOG_CLIP, 3)
    assert isinstance(hits[0], kinodex.Hit)


def test_a_ready_made_query_and_the_query_language_agree(library):
    query = kinodex.Query(((kinodex.Term(DOG),),), filters=kinodex.Filters(tags=("chasing",)))
    assert library.search(query) == library.search(f"{DOG} --tag chasing")


def test_a_picture_is_found_however_it_is_given(library):
    file = keyframe(library, DOG_CLIP)
    picture = Image.open(file)
    for query in (file, picture, np.asarray(picture), picture.convert("RGBA")):
        hits = library.search(query, 2)
        assert (names(hits)[0], len(hits)) == (DOG_CLIP, 2)


def test_a_picture_in_memory_is_searched_as_the_file_that_holds_it(library, tmp_path):
    picture = Image.open(keyframe(library, DOG_CLIP))
    picture.save(tmp_path / "dog.png")
    found, expected = (library.search(query) for query in (picture, str(tmp_path / "dog.png")))
    assert [hit.segment for hit in found] == [hit.segment for hit in expected]
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-5)


def test_searching_by_a_picture_leaves_the_librarys_pictures_alone(library):
    before = sorted((library.folder / "media").rglob("*"))
    library.search(np.zeros((30, 40, 3), np.uint8))
    assert sorted((library.folder / "media").rglob("*")) == before


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"dog", "a query is text"),
        (None, "a query is text"),
        (np.zeros((20, 20), np.uint8), r"not uint8 \(20, 20\)"),
        (np.zeros((20, 20, 4), np.uint8), r"not uint8 \(20, 20, 4\)"),
        (np.zeros((20, 20, 3)), r"not float64 \(20, 20, 3\)"),
        (np.zeros((0, 20, 3), np.uint8), "no pixels"),
        (Path("/nowhere.png"), "No such file"),
        ("", "empty"),
    ],
)
def test_what_is_no_query_is_refused_with_a_sentence(library, query, words):
    with pytest.raises(kinodex.KinodexError, match=words):
        library.search(query)


def test_a_picture_is_asked_for_one_result_at_least(library):
    with pytest.raises(kinodex.QueryMistake, match="at least 1"):
        library.search(np.zeros((30, 40, 3), np.uint8), k=0)


def test_encoded_texts_rank_as_the_search_does(library):
    ids, embeddings = library.embeddings()
    scores = dict(zip(ids.tolist(), (embeddings @ library.encode_text(DOG)).tolist(), strict=True))
    hits = library.search(DOG)
    assert sorted(scores, key=scores.__getitem__, reverse=True) == [hit.segment for hit in hits]
    for hit in hits:
        assert hit.why.segment_similarity == pytest.approx(scores[hit.segment], abs=1e-5)


def test_encoded_pictures_rank_as_the_search_does(library):
    picture = np.asarray(Image.open(keyframe(library, DOG_CLIP)))
    ids, embeddings = library.embeddings()
    scores = dict(zip(ids, embeddings @ library.encode_image(picture), strict=True))
    for hit in library.search(picture):
        assert hit.why.segment_similarity == pytest.approx(scores[hit.segment], abs=1e-5)


def test_several_are_encoded_as_one_is(library):
    texts = library.encode_text([DOG, "a bus"])
    pictures = library.encode_image([keyframe(library, DOG_CLIP), np.zeros((9, 9, 3), np.uint8)])
    for vectors in (texts, pictures):
        assert (vectors.dtype, vectors.shape) == (np.float32, (2, 256))
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert library.encode_text(DOG) == pytest.approx(texts[0], abs=1e-5)
    assert library.encode_image(keyframe(library, DOG_CLIP)) == pytest.approx(pictures[0], abs=1e-5)


def test_encoded_text_is_taken_as_it_is(library):
    assert library.encode_text("dog --tag chasing").shape == (256,)


@pytest.mark.parametrize("nothing", [[], 3, [3], b"dog"])
def test_what_cannot_be_encoded_is_refused_with_a_sentence(library, nothing):
    for encode in (library.encode_text, library.encode_image):
        with pytest.raises(kinodex.KinodexError):
            encode(nothing)


def test_rows_and_embeddings_are_of_the_same_segments(library):
    rows = list(library.segments())
    ids, embeddings = library.embeddings()
    assert [row.segment for row in rows] == ids.tolist()
    assert (ids.dtype, embeddings.dtype) == (np.int64, np.float32)
    assert np.array_equal(np.stack([row.embedding for row in rows]), embeddings)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(6), abs=1e-3)


def test_a_row_says_what_a_hit_says(library):
    [hit] = library.search("--tag chasing")
    [row] = [row for row in library.segments() if row.segment == hit.segment]
    assert (row.video, row.paths, row.tags) == (hit.video, hit.paths, hit.tags)
    assert (row.start_s, row.end_s) == (hit.start_s, hit.end_s)
    assert Image.open(row.keyframe).size[1] >= 100


def test_a_deleted_keyframe_is_none(library):
    keyframe(library, DOG_CLIP).unlink()
    assert keyframe(library, DOG_CLIP) is None


def test_a_video_that_is_gone_is_in_no_row(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in (DOG_CLIP, "clip-002.mp4"):
        (videos / name).write_bytes((CLIPS / name).read_bytes())
    with kinodex.open(tmp_path / "library", create=True) as library:
        library.index(videos, model="bundled", device="cpu")
        (videos / DOG_CLIP).unlink()
        report = library.index(videos, device="cpu")
        assert (report.encoded, report.newly_missing) == (0, 1)
        [row] = library.segments()
        assert row.paths == (videos / "clip-002.mp4",)
        assert library.embeddings()[0].tolist() == [row.segment]
        assert names(library.search(DOG)) == ["clip-002.mp4"]


def test_nothing_indexed_is_an_empty_library(tmp_path):
    with kinodex.open(tmp_path / "new", create=True) as library:
        for ask in (
            library.segments,
            library.embeddings,
            lambda: library.search("dog"),
            lambda: library.encode_text("dog"),
        ):
            with pytest.raises(kinodex.EmptyLibrary):
                ask()


def test_opening_what_is_not_there_is_an_error_of_its_own(tmp_path):
    with pytest.raises(kinodex.LibraryNotFound):
        kinodex.open(tmp_path / "nowhere")


def test_indexing_again_encodes_nothing(library, made):
    report = library.index(str(made / "videos"))
    assert (report.encoded, report.unchanged, report.failed_before) == (0, 6, 1)


def test_failures_say_which_file_and_why(library):
    [failure] = library.failures()
    assert (failure.path.name, failure.reason) == ("broken.mp4", "it is a text, not a video")


def test_indexing_is_quiet_and_tells_a_callback_how_far_it_is(tmp_path, capfd, caplog, monkeypatch):
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))  # nothing is read yet
    caplog.set_level(logging.INFO, "kinodex")
    told: list[kinodex.Progress] = []
    noted: list[kinodex.Progress | None] = []

    def listen(progress: kinodex.Progress) -> None:
        told.append(progress)
        noted.append(read_progress(tmp_path / "library", INDEXING))

    with kinodex.open(tmp_path / "library", create=True) as library:
        paths = [CLIPS / "clip-002.mp4", str(CLIPS / "clip-005.mp4")]
        report = library.index(paths, model="bundled", device="cpu", on_progress=listen)
    assert report.encoded == 2
    assert (told[0].done, told[0].fraction, told[0].total) == (0, 0.0, 2)
    assert (told[-1].done, told[-1].fraction, told[-1].noun) == (2, 1.0, "files")
    assert [one.fraction for one in told] == sorted(one.fraction for one in told)
    assert noted[0] is not None  # for the page, which shows it too
    assert read_progress(tmp_path / "library", INDEXING) is None
    assert capfd.readouterr() == ("", "")
    assert "reading 18 labels" in caplog.text


def test_a_mistake_in_indexing_is_said_before_anything_is_loaded(library, tmp_path):
    with pytest.raises(kinodex.KinodexError, match="at least one file or folder"):
        library.index()
    with pytest.raises(kinodex.KinodexError, match="no file or folder"):
        library.index(tmp_path / "nowhere")
    with pytest.raises(kinodex.SpaceMismatch):
        library.index(CLIPS, model="ViT-B-32")
    with pytest.raises(kinodex.KinodexError):
        library.index(CLIPS, head="no-such-head")


def test_a_library_of_an_earlier_version_opens_and_answers(tmp_path):
    expected = json.loads((OLD / "expected.json").read_text())
    folder = shutil.copytree(OLD / "library", tmp_path / "library")
    with kinodex.open(folder) as library:
        for query in (DOG, "--tag growing"):
            found = [hit.segment for hit in library.search(query)]
            assert found == [hit["segment"] for hit in expected[query]]
        assert [row.segment for row in library.segments()] == [1, 2, 3, 4, 5, 6]
