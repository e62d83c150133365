"""Whole queries on made-up libraries: filters, terms, feedback, sequences, neighbours."""

import os
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from models.errors import KinodexError
from search.catalog.embeddings import normalised
from search.catalog.tables import Video, VideoPath
from search.finding import sequences
from search.queries.query import Filters, QueryMistake
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    return Shelf(library, backbone)


def towards(backbone, *texts: str) -> np.ndarray:
    """What shows all these texts, (1, dim)."""
    return normalised(normalised(backbone.embed_texts(list(texts)).numpy()).sum(axis=0)[None])


def names(hits) -> list[str]:
    return [hit.paths[0].name for hit in hits]


def at(library, path: str, **values) -> None:
    """Change what the catalog says of a video, or of its file."""
    with library.writing() as session:
        row = session.scalar(select(VideoPath).where(VideoPath.path == Path(path)))
        if mtime := values.pop("mtime", None):
            row.mtime_ns = int(mtime * 1e9)
        if values:
            session.execute(update(Video).where(Video.id == row.video_id).values(**values))


def test_every_filter_gives_k_results_where_k_exist(shelf, library):
    """Beside brute force, for filters that leave much, little and nothing."""
    rng = np.random.default_rng(3)
    facts = {}
    for number in range(60):
        path = f"/v/{'ab'[number % 2]}/{number % 3}/{number}.mp4"
        vectors = normalised(rng.normal(size=(rng.integers(1, 4), 24)).astype(np.float32))
        shelf.put(path, *[vector[None] for vector in vectors])
        length_s, day = float(rng.integers(5, 100)), datetime(2024, 1 + number % 12, 3)
        at(library, path, duration_s=length_s, recorded_at=day)
        facts[path] = (vectors, length_s, day)
    for _ in range(40):
        k = int(rng.integers(1, 12))
        least_s, month = float(rng.integers(0, 90)), int(rng.integers(1, 13))
        folder = rng.choice(["a", "b", "0", "b/2", "/v/a", "/v", "nowhere", "/v/a/1/7.mp4"])
        query = normalised(rng.normal(size=(1, 24)).astype(np.float32))[0]
        filters = Filters(
            folders=(str(folder),), min_length_s=least_s, before=datetime(2024, month, 20).date()
        )
        found = [str(h.paths[0]) for h in shelf.engine.search_vector(query, k, filters=filters)]
        passing = {
            path: float((vectors @ query).max())
            for path, (vectors, length_s, day) in facts.items()
            if length_s >= least_s
            and day < datetime(2024, month, 20)
            and (path.startswith(f"{folder}/") or path == folder or f"/{folder}/" in path)
        }
        assert found == sorted(passing, key=passing.get, reverse=True)[:k]


def test_folders_are_found_by_names_and_by_place(shelf):
    for path in ("/v/trips/2024/a.mp4", "/v/trips2/2024/b.mp4", "/w/trips/2024/sub/c.mp4"):
        shelf.put(path, axis(0))
    search = shelf.engine.search
    assert sorted(names(search("x --in trips/2024"))) == ["a.mp4", "c.mp4"]
    assert sorted(names(search("x --in 2024"))) == ["a.mp4", "b.mp4", "c.mp4"]
    assert names(search("x --in /v/trips")) == ["a.mp4"]
    assert names(search("x --in /v/trips/")) == ["a.mp4"]
    assert sorted(names(search("x --in /w --in trips2"))) == ["b.mp4", "c.mp4"]
    assert search("x --in trip") == []


def test_a_file_that_does_not_say_when_it_was_recorded_counts_by_its_date(shelf, library):
    for name in ("said", "unsaid"):
        shelf.put(f"/v/{name}.mp4", axis(0))
    at(library, "/v/said.mp4", recorded_at=datetime(2020, 6, 1), mtime=time.time())
    at(library, "/v/unsaid.mp4", mtime=datetime(2022, 6, 1).timestamp())
    assert names(shelf.engine.search("x --before 2021")) == ["said.mp4"]
    assert names(shelf.engine.search("x --after 2021")) == ["unsaid.mp4"]
    assert names(shelf.engine.search("x --after 2022-06-01 --before 2022-06-02")) == ["unsaid.mp4"]
    assert shelf.engine.search("x --after 2022-06-02") == []


def test_a_filter_sees_what_was_indexed_meanwhile(shelf):
    shelf.put("/v/a.mp4", axis(0))
    assert names(shelf.engine.search("x --in v")) == ["a.mp4"]
    shelf.put("/v/b.mp4", axis(1))
    assert sorted(names(shelf.engine.search("x --in v"))) == ["a.mp4", "b.mp4"]


def test_plus_wants_both_and_minus_wants_one_without_the_other(shelf, backbone):
    shelf.put("/v/dog.mp4", towards(backbone, "dog"))
    shelf.put("/v/both.mp4", towards(backbone, "dog", "snow"))
    shelf.put("/v/snow.mp4", towards(backbone, "snow"))
    assert names(shelf.engine.search("dog + snow", 1)) == ["both.mp4"]
    assert names(shelf.engine.search("dog - snow", 2)) == ["dog.mp4", "both.mp4"]
    assert names(shelf.engine.search("snow - dog", 2)) == ["snow.mp4", "both.mp4"]


def test_of_a_large_library_only_the_likeliest_by_each_term_are_compared(
    shelf, backbone, monkeypatch
):
    monkeypatch.setattr("search.finding.ranking._COMPARED_AT_ONCE", 3)
    monkeypatch.setattr("search.finding.ranking._LIKELIEST", 1)
    shelf.put("/v/a/dog.mp4", towards(backbone, "dog"))
    shelf.put("/v/a/both.mp4", towards(backbone, "dog", "snow"))
    shelf.put("/v/a/snow.mp4", towards(backbone, "snow"))
    assert names(shelf.engine.search("dog + snow"))[0] == "both.mp4"
    shelf.put("/v/b/far.mp4", axis(3))
    assert set(names(shelf.engine.search("dog + snow"))) == {"dog.mp4", "snow.mp4"}
    assert names(shelf.engine.search("dog - snow")) == ["dog.mp4"]
    assert names(shelf.engine.search("dog + snow --in a"))[0] == "both.mp4"
    assert names(shelf.engine.search("dog + snow --in b")) == ["far.mp4"]


def test_each_term_says_how_near_it_is(shelf, backbone):
    shelf.put("/v/dog.mp4", towards(backbone, "dog"))
    [hit] = shelf.engine.search("2:dog - snow")
    dog, snow = hit.why.terms
    assert (dog[0], snow[0]) == ("2:dog", "- snow")
    assert dog[1] == pytest.approx(1, abs=1e-3) and snow[1] < 1
    assert shelf.engine.search("dog")[0].why.terms == ()


def test_a_picture_finds_what_looks_like_it(shelf, backbone, tmp_path):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a - b.png")
    shelf.put("/v/it.mp4", normalised(backbone.embed_frames(pixels[None]).numpy()))
    shelf.put("/v/other.mp4", -normalised(backbone.embed_frames(pixels[None]).numpy()))
    asked = f'/"{str(tmp_path)[1:]}/a - b.png"'
    hit = shelf.engine.search(asked)[0]
    assert (hit.paths[0].name, round(hit.score, 2)) == ("it.mp4", 1.0)
    with pytest.raises(KinodexError, match="cannot be read"):
        shelf.engine.search("./nothing.png")


def test_a_segment_finds_what_is_like_it_but_not_itself(shelf):
    first, second = shelf.put("/v/a.mp4", axis(0), axis(1))
    shelf.put("/v/b.mp4", normalised(axis(0) + 0.1 * axis(3)))
    for asked in (f"@{first}", "a.mp4@0:05"):
        hits = shelf.engine.search(asked)
        assert names(hits) == ["b.mp4", "a.mp4"]
        assert [hit.segment for hit in hits] == [3, second]
    with pytest.raises(KinodexError, match="there is no segment 99"):
        shelf.engine.search("@99")


def test_likes_draw_the_query_and_what_was_wrong_is_gone(shelf, backbone):
    text = towards(backbone, "dog")
    for number in range(6):
        shelf.put(f"/v/{number}.mp4", normalised(text + 2 * axis(number)))
    wrong = shelf.engine.search("dog", 1)[0].segment
    liked = (wrong + 2) % 6 + 1
    hits = shelf.engine.search(f"dog --like {liked} --unlike {wrong}")
    assert hits[0].segment == liked
    assert wrong not in [hit.segment for hit in hits]
    assert len(hits) == 5


def test_what_was_wrong_pushes_the_query_away_from_what_is_like_it(shelf, backbone):
    text = towards(backbone, "dog")
    shelf.put("/v/wrong.mp4", normalised(text + 2 * axis(0)))
    shelf.put("/v/like it.mp4", normalised(text + 2 * axis(0) + 0.1 * axis(5)))
    shelf.put("/v/other.mp4", normalised(0.95 * text + 2 * axis(3)))
    shelf.put("/v/far.mp4", axis(7))
    before = names(shelf.engine.search("dog"))
    assert before.index("like it.mp4") < before.index("other.mp4")
    after = names(shelf.engine.search("dog --unlike 1"))
    assert "wrong.mp4" not in after
    assert after.index("other.mp4") < after.index("like it.mp4")


def test_terms_and_likes_together_are_one_direction_and_what_is_unwanted_stays_a_term(
    shelf, backbone
):
    for number in range(4):
        shelf.put(f"/v/{number}.mp4", normalised(towards(backbone, "dog") + axis(number)))
    for hit in shelf.engine.search("dog + snow --like 2"):
        assert hit.why.terms == ()
        assert hit.why.rerank_score is None
        assert hit.score == hit.why.segment_similarity
    for hit in shelf.engine.search("dog - snow --like 2"):
        assert [name for name, _ in hit.why.terms] == ["what is looked for", "- snow"]
        assert hit.score == hit.why.rerank_score


def test_likes_alone_are_a_query(shelf):
    shelf.put("/v/a.mp4", axis(0))
    shelf.put("/v/b.mp4", axis(1))
    assert names(shelf.engine.search("--like 2", 1)) == ["b.mp4"]


def test_a_sequence_of_which_a_part_was_just_removed_is_not_found(shelf, backbone, monkeypatch):
    shelf.put("/v/a.mp4", towards(backbone, "dog"), towards(backbone, "cat"))
    assert names(shelf.engine.search("dog --then cat")) == ["a.mp4"]
    with monkeypatch.context() as removed:
        removed.setattr(sequences, "present_videos", lambda _session, _videos: {})
        assert shelf.engine.search("dog --then cat") == []
    real = sequences.moments_of

    def without_the_second(*arguments):
        return {number: one for number, one in real(*arguments).items() if number != 2}

    monkeypatch.setattr(sequences, "moments_of", without_the_second)
    assert shelf.engine.search("dog --then cat") == []


def test_first_this_then_that(shelf, backbone):
    dog, cat = towards(backbone, "dog"), towards(backbone, "cat")
    shelf.put("/v/dog, cat.mp4", axis(3), dog, axis(4), cat)
    shelf.put("/v/cat, dog.mp4", axis(3), cat, axis(4), dog)
    for number in range(6):
        shelf.put(f"/v/{number}.mp4", axis(number), axis(number + 1))
    hit = shelf.engine.search("dog --then cat")[0]
    assert hit.paths[0].name == "dog, cat.mp4"
    assert [(step.start_s, step.end_s) for step in hit.steps] == [(10, 20), (30, 40)]
    assert hit.score == pytest.approx(hit.steps[0].score * hit.steps[1].score)
    assert all(0.5 < step.score < 1 for step in hit.steps)
    assert (hit.start_s, hit.end_s, hit.best_s) == (10, 40, 10)
    assert names(shelf.engine.search("cat --then dog", 1)) == ["cat, dog.mp4"]
    near = shelf.engine.search("dog --then cat --within 5s")[0]
    assert near.steps[1].start_s - near.steps[0].end_s <= 5
    assert shelf.engine.search("dog --then cat --in nowhere") == []
    assert hit.as_json()["steps"][1]["start_s"] == 30


def test_neighbours_that_show_the_same_are_one_moment(shelf):
    shelf.put("/v/a.mp4", axis(0), axis(0), axis(1), axis(0))
    [hit] = shelf.engine.search_vector(normalised(axis(0) + 0.1 * axis(1))[0], 5)
    spans = [(moment.start_s, moment.end_s) for moment in (hit, *hit.moments)]
    assert spans == [(0, 20), (30, 40), (20, 30)]


def test_moments_of_each_video_are_as_many_as_asked_for(shelf):
    shelf.put("/v/a.mp4", *[axis(number) for number in range(8)])
    counts = [len(shelf.engine.search(f"x --per-video {n}")[0].moments) for n in (1, 3, 8)]
    assert counts == [0, 2, 7]
    # However few videos are wanted.
    alone = [shelf.engine.search(f"{asked} --per-video 8", 1) for asked in ("x", "x + y")]
    assert [len(hit.moments) for [hit] in alone] == [7, 7]


def test_a_picture_that_is_kept_no_more_is_said(shelf):
    shelf.put("/v/a.mp4", axis(0))
    with pytest.raises(QueryMistake, match="give it once more"):
        shelf.engine.search("picture:" + "ab" * 16)


def test_a_relative_folder_is_one_in_the_working_folder(shelf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shelf.put(os.fspath(tmp_path / "here" / "a.mp4"), axis(0))
    shelf.put("/v/here/b.mp4", axis(0))
    assert names(shelf.engine.search("x --in ./here")) == ["a.mp4"]


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_are_those_of_the_place_of_recording_wherever_the_machine_stands(
    shelf, library, monkeypatch, zone
):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    for name in ("evening", "morning"):
        shelf.put(f"/v/{name}.mp4", axis(0))
    at(library, "/v/evening.mp4", recorded_at=datetime(2024, 5, 6, 23, 59))
    at(library, "/v/morning.mp4", recorded_at=datetime(2024, 5, 7, 0, 0))
    try:
        assert names(shelf.engine.search("x --before 2024-05-07")) == ["evening.mp4"]
        assert names(shelf.engine.search("x --after 2024-05-07")) == ["morning.mp4"]
    finally:
        monkeypatch.undo()
        time.tzset()
