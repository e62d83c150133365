"""What people have said, listed and taken back one by one."""

from pathlib import Path

import pytest

from search.catalog.writing import mark_missing, remove_paths
from search.tags.corrections import count_words, list_words, say, take_back, words_on
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    """Segments 1 and 2 of a.mp4, 3 of b.mp4, with a word on each."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0), axis(1))
    shelf.put("/w/b.mp4", axis(2))
    with library.writing() as session:
        for segment, label, holds in ((1, "a cat", True), (2, "a dog", False), (3, "rain", True)):
            say(session, segment, label, holds=holds)
    return shelf


def test_the_newest_word_is_listed_first_with_where_it_can_be_seen(shelf, library):
    with library.reading() as session:
        words = list_words(session, start=0, count=10)
        assert count_words(session) == 3
    assert [(word.label, word.holds) for word in words] == [
        ("rain", True),
        ("a dog", False),
        ("a cat", True),
    ]
    assert [(word.path, word.segment) for word in words] == [
        (Path("/w/b.mp4"), 3),
        (Path("/v/a.mp4"), 2),
        (Path("/v/a.mp4"), 1),
    ]
    assert (words[1].start_s, words[1].end_s) == (10.0, 20.0)


def test_a_page_begins_where_it_is_asked_to(shelf, library):
    with library.reading() as session:
        assert [one.label for one in list_words(session, start=1, count=1)] == ["a dog"]
        assert list_words(session, start=3, count=5) == []


@pytest.mark.parametrize("leave", [mark_missing, remove_paths])
def test_a_word_on_a_video_that_is_away_is_listed_without_a_place(shelf, library, leave):
    with library.writing() as session:
        leave(session, Path("/w"), *([[]] if leave is mark_missing else []))
    with library.reading() as session:
        newest = list_words(session, start=0, count=1)[0]
    assert (newest.label, newest.path, newest.segment) == ("rain", None, None)


def test_one_word_is_taken_back_and_the_others_stay(shelf, library):
    with library.writing() as session:
        take_back(session, list_words(session, start=1, count=1)[0].number)
    with library.reading() as session:
        assert words_on(session, [1, 2, 3]) == {1: {"a cat": True}, 3: {"rain": True}}
        assert count_words(session) == 2
    with library.writing() as session:
        for word in list_words(session, start=0, count=10):
            take_back(session, word.number)
        assert count_words(session) == 0
        assert list_words(session, start=0, count=10) == []
