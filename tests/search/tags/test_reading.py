"""Tags: what holds, the runner-up, what people say about it, and finding segments by them."""

from pathlib import Path

import numpy as np
import pytest

from models.errors import KinodexError
from search.catalog.segment_reference import NoSuchSegment
from search.catalog.store import EmptyLibrary
from search.catalog.tables import Segment
from search.catalog.writing import mark_missing, remove_paths
from search.finding.engine import SearchEngine
from search.finding.tag_search import search_tags
from search.library import Library
from search.queries.language import parse
from search.queries.query import Filters
from search.tags.corrections import corrected_segments, forget, say
from search.tags.counting import summarise_tags
from search.tags.explanation import explain
from search.tags.reading import (
    Tag,
    TagFilter,
    TagSource,
    UnknownLabel,
    find_tagged,
    known_label,
    tags_of,
    used_labels,
)
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plan, plant, tag


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    """Four segments: one jumps, one spins, one does both, one does nothing that has a name."""
    shelf = Shelf(library, backbone)
    both = (axis(0) + axis(1)) / np.sqrt(2)
    shelf.put("/v/a.mp4", axis(0), axis(1))
    shelf.put("/v/b.mp4", both, axis(9))
    plant(library, backbone)
    tag(library, backbone)
    return shelf


def names(library: Library) -> dict[int, list[str]]:
    with library.reading() as session:
        found = tags_of(session, [1, 2, 3, 4])
    return {segment: [tag.label for tag in tags] for segment, tags in found.items()}


def found(library: Library, *labels: str, least: float | None = None) -> list[int]:
    with library.reading() as session:
        return find_tagged(session, TagFilter(labels, least)).ids.tolist()


def test_several_labels_hold_at_once_or_none(library, shelf):
    assert names(library) == {1: ["jumping"], 2: ["spinning"], 3: ["jumping", "spinning"], 4: []}


def test_a_tag_says_how_sure_it_is_and_whose_word_it_is(library, shelf):
    with library.reading() as session:
        [one] = tags_of(session, [1])[1]
    # The cosine is 1: ten times that, less the offset of 5 and the background's 0.
    assert one == Tag("jumping", pytest.approx(1 / (1 + np.exp(-5)), abs=1e-2), TagSource.MODEL)


def test_at_most_so_many_are_kept_and_the_next_is_the_runner_up(library, backbone, shelf):
    few = plan(most=1)
    plant(library, backbone, few)
    tag(library, backbone, few)
    assert [len(labels) for labels in names(library).values()] == [1, 1, 1, 0]
    with library.reading() as session:
        of_both, of_none = explain(session, 3), explain(session, 4)
    assert {of_both.tags[0].label, of_both.runner_up.label} == {"jumping", "spinning"}
    assert (of_none.tags, of_none.runner_up.probability < 0.5) == ((), True)


def test_an_explanation_has_every_number(library, shelf):
    with library.reading() as session:
        explanation = explain(session, 1)
    assert explanation.vocabulary == "mine"
    assert explanation.tags[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert explanation.background_similarity == pytest.approx(0.0, abs=1e-3)
    assert explanation.runner_up.label in {"spinning", "falling down"}
    assert explanation.as_json()["tags"][0]["source"] == "model"


def test_segments_are_found_by_one_tag_or_several(library, shelf):
    assert found(library, "jumping") == [1, 3]
    assert found(library, "Jumping", "SPINNING") == [3]
    assert found(library, "falling down") == []


def test_a_lower_threshold_looks_at_every_segment_again(library, shelf):
    assert found(library, "jumping", least=0.9) == [1]
    assert set(found(library, "jumping", least=0.001)) == {1, 2, 3, 4}


def test_an_unknown_label_is_named_with_what_is_near_it(library, shelf):
    with pytest.raises(UnknownLabel, match=r"no label 'jumpin' .* did you mean 'jumping'"):
        found(library, "jumpin")
    with pytest.raises(UnknownLabel, match="'kinodex tags --all' lists them"):
        found(library, "xyz")


def test_three_labels_at_most_are_told_as_near(library, shelf):
    with library.writing() as session:
        for label in ("jumping a", "jumping b", "jumping c", "jumping d"):
            say(session, 1, label, holds=True)
    with pytest.raises(UnknownLabel) as told:
        found(library, "jumping e")
    assert str(told.value).count("'jumping ") == 1 + 3


def test_a_persons_word_comes_before_the_models(library, shelf):
    with library.writing() as session:
        say(session, 1, "jumping", holds=False)
        say(session, 1, "juggling", holds=True)
        say(session, 4, "jumping", holds=True)
    assert names(library) == {
        1: ["juggling"],
        2: ["spinning"],
        3: ["jumping", "spinning"],
        4: ["jumping"],
    }
    assert found(library, "jumping") == [4, 3]
    assert found(library, "juggling") == [1]
    assert found(library, "jumping", least=0.0001) == [4, 3, 2]
    with library.reading() as session:
        assert tags_of(session, [4])[4] == (Tag("jumping", 1.0, TagSource.PERSON),)
        assert explain(session, 1).denied == ("jumping",)


def test_the_last_word_counts_and_can_be_taken_back(library, shelf):
    with library.writing() as session:
        say(session, 1, "jumping", holds=False)
        say(session, 1, "jumping", holds=True)
        assert tags_of(session, [1])[1][0].source is TagSource.PERSON
        say(session, 1, "jumping", holds=False)
        assert tags_of(session, [1])[1] == ()
        assert forget(session, 1, "spinning") == 0
        assert forget(session, 1) == 1
    assert names(library)[1] == ["jumping"]


def test_no_new_tags_overwrite_a_persons_word(library, backbone, shelf):
    with library.writing() as session:
        say(session, 1, "jumping", holds=False)
        say(session, 4, "juggling", holds=True)
    tag(library, backbone)
    assert (names(library)[1], names(library)[4]) == ([], ["juggling"])
    tag(library, backbone, plan(["sleeping"], name="other"))
    assert names(library)[4] == ["juggling"]
    plant(library, backbone)
    tag(library, backbone)
    assert (names(library)[1], names(library)[4]) == ([], ["juggling"])


def test_a_word_outlives_its_segment_and_its_file(library, backbone, shelf):
    with library.writing() as session:
        say(session, 1, "juggling", holds=True)  # of /v/a.mp4, 0 to 10 seconds
        remove_paths(session, Path("/v/a.mp4"))
    [first, second] = shelf.put("/v/a.mp4", axis(0), axis(1))
    assert first > 4
    tag(library, backbone)
    with library.reading() as session:
        tags = tags_of(session, [first, second])
    assert [tag.label for tag in tags[first]] == ["juggling", "jumping"]
    assert [tag.label for tag in tags[second]] == ["spinning"]


@pytest.mark.parametrize(
    ("start_s", "end_s", "applies"),
    [
        (0.0, 10.0, True),
        (0.0, 4.0, True),  # a part of what was spoken of
        (0.0, 30.0, True),  # all of it and more
        (4.0, 14.0, True),
        (6.0, 16.0, False),
        (10.0, 20.0, False),
        (9.0, 9.0, True),
    ],
)
def test_a_word_applies_where_half_of_the_shorter_span_is_shared(
    library, shelf, start_s, end_s, applies
):
    with library.writing() as session:
        say(session, 1, "juggling", holds=True)  # 0 to 10 seconds
        segment = session.get_one(Segment, 1)
        segment.start_s, segment.end_s = start_s, end_s
    assert ("juggling" in names(library)[1]) == applies


def test_training_can_use_what_people_said(library, shelf):
    with library.writing() as session:
        say(session, 2, "spinning", holds=False)
        say(session, 2, "juggling", holds=True)
        say(session, 3, "jumping", holds=True)
        mark_missing(session, Path("/v/b.mp4"), [])
    with library.reading() as session:
        first, second = corrected_segments(session)
    assert (first.path, first.start_s, first.end_s) == (Path("/v/a.mp4"), 10.0, 20.0)
    assert [first.content_hash, second.content_hash] == ["hash of /v/a.mp4", "hash of /v/b.mp4"]
    assert (second.start_s, second.end_s) == (0.0, 10.0)
    assert (first.labels, first.denied) == (("juggling",), ("spinning",))
    assert (second.path, second.labels, second.denied) == (None, ("jumping",), ())


def test_words_on_a_segment_that_is_not_there_are_refused(library, shelf):
    with library.writing() as session:
        with pytest.raises(NoSuchSegment, match="there is no segment 99"):
            say(session, 99, "jumping", holds=True)
        with pytest.raises(NoSuchSegment):
            forget(session, 99)


def test_labels_are_counted_with_their_surest_examples(library, shelf):
    with library.writing() as session:
        say(session, 4, "juggling", holds=True)
        say(session, 1, "jumping", holds=False)
    with library.reading() as session:
        summary = summarise_tags(session, most=1)
    counts = {one.label: (one.segments, one.by_person) for one in summary.labels}
    assert counts == {
        "spinning": (2, 0),
        "juggling": (1, 1),
        "jumping": (1, 0),
        "falling down": (0, 0),
    }
    assert (summary.segments, summary.untagged) == (4, 1)
    [example] = summary.labels[0].examples
    assert (example.path, example.start_s, example.segment) == (Path("/v/a.mp4"), 10.0, 2)


def test_what_is_missing_is_neither_counted_nor_found(library, shelf):
    with library.writing() as session:
        mark_missing(session, Path("/v/a.mp4"), [])
    with library.reading() as session:
        summary = summarise_tags(session)
    assert (summary.segments, summary.untagged) == (2, 1)
    hits = search_tags(library, parse("--tag jumping"))
    assert [hit.segment for hit in hits] == [3]


def test_search_by_tags_alone_ranks_by_probability_and_needs_no_model(library, shelf):
    hits = search_tags(library, parse("--tag jumping"))
    assert [(str(hit.paths[0]), hit.segment) for hit in hits] == [("/v/a.mp4", 1), ("/v/b.mp4", 3)]
    assert hits[0].score == hits[0].why.tag_probability > hits[1].score
    assert [tag.label for tag in hits[1].tags] == ["jumping", "spinning"]
    assert hits[0].why.segment_similarity is None
    assert hits[0].as_json()["tags"][0]["label"] == "jumping"


def test_tags_alone_are_looked_for_in_the_videos_that_are_asked_for(library, shelf):
    assert [hit.segment for hit in search_tags(library, parse("--tag jumping --in /v/b.mp4"))] == [
        3
    ]


def test_with_a_text_the_tags_filter_before_the_cut(library, backbone, shelf):
    for number in range(30):
        shelf.put(f"/w/{number}.mp4", axis(9))
    engine = SearchEngine.for_library(library, backbone)
    hits = engine.search_vector(axis(9)[0], k=2, filters=Filters(("spinning",)))
    assert {str(hit.paths[0]) for hit in hits} == {"/v/a.mp4", "/v/b.mp4"}
    assert all(hit.why.tag_probability > 0.5 for hit in hits)
    assert engine.search_vector(axis(9)[0], k=2, filters=Filters(("falling down",))) == []
    assert {hit.segment for hit in engine.search("a cat --tag spinning", 5)} == {2, 3}


def test_the_library_takes_tags_with_its_searches(library, backbone, shelf):
    assert [hit.segment for hit in library.search("--tag jumping --tag spinning")] == [3]
    library.engine(backbone)
    assert {hit.segment for hit in library.search("a cat --tag spinning")} == {2, 3}
    with pytest.raises(KinodexError, match="the query is empty"):
        library.search("")


def test_a_library_without_tags_says_what_to_do(library, backbone):
    with pytest.raises(EmptyLibrary):
        search_tags(library, parse("--tag jumping"))
    Shelf(library, backbone).put("/v/a.mp4", axis(0))
    with pytest.raises(KinodexError, match=r"nothing is tagged .* run 'kinodex tag'"):
        search_tags(library, parse("--tag jumping"))
    with library.reading() as session:
        assert tags_of(session, [1]) == {1: ()}
        for ask in (summarise_tags, lambda session: explain(session, 1)):
            with pytest.raises(KinodexError, match="run 'kinodex tag'"):
                ask(session)


def test_a_person_may_speak_before_anything_is_tagged(library, backbone):
    Shelf(library, backbone).put("/v/a.mp4", axis(0))
    with library.writing() as session:
        say(session, 1, "juggling", holds=True)
    [hit] = search_tags(library, parse("--tag juggling"))
    assert (hit.score, hit.best_s, hit.tags[0].source) == (1.0, 0.0, "person")
    with library.reading() as session:
        summary = summarise_tags(session)
    assert (summary.labels[0].segments, summary.segments, summary.untagged) == (1, 1, 0)


def test_a_label_of_peoples_own_is_found_with_any_threshold(library, shelf):
    with library.writing() as session:
        say(session, 2, "juggling", holds=True)
    assert found(library, "juggling", least=0.0001) == [2]


def test_labels_in_use_are_those_that_hold_somewhere(library, shelf):
    with library.writing() as session:
        say(session, 1, "juggling", holds=True)
        say(session, 1, "Dozing", holds=False)
        say(session, 1, "Asleep", holds=True)
    with library.reading() as session:
        assert used_labels(session) == ["Asleep", "juggling", "jumping", "spinning"]


def test_a_label_is_known_by_any_letters_and_by_what_cleaning_leaves_of_it(library, shelf):
    with library.writing() as session:
        say(session, 1, "dance (waltz)", holds=True)
    with library.reading() as session:
        assert known_label(session, "JUMPING") == "jumping"
        assert known_label(session, " jumping ") == "jumping"
        assert known_label(session, "Dance (Waltz)") == "dance (waltz)"
