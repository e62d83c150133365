"""Right, wrong, or neither: what a person says, by whatever name they call a label."""

import pytest

from models.errors import KinodexError
from search.tags.corrections import say, words_on
from search.tags.reading import UnknownLabel
from search.tags.verdicts import Verdict, keep_verdict
from search.tags.vocabulary import BadVocabulary
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plant


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    """Segment 1, and a vocabulary of "jumping", "spinning" and "falling down"."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(3))
    plant(library, backbone)
    return shelf


def keep(library, label: str, verdict: Verdict) -> tuple[str, bool]:
    with library.writing() as session:
        return keep_verdict(session, 1, label, verdict)


def words(library) -> dict[str, bool]:
    with library.reading() as session:
        return words_on(session, [1]).get(1, {})


def test_a_label_is_kept_as_the_vocabulary_writes_it(shelf, library):
    assert keep(library, "Jumping", Verdict.RIGHT) == ("jumping", False)
    assert keep(library, "SPINNING", Verdict.WRONG) == ("spinning", False)
    assert words(library) == {"jumping": True, "spinning": False}


def test_what_holds_may_be_a_label_that_nobody_has_used(shelf, library):
    assert keep(library, " a  cat ", Verdict.RIGHT) == ("a cat", True)
    assert keep(library, "a cat", Verdict.RIGHT) == ("a cat", False)


def test_a_library_without_a_vocabulary_hears_people_too(library, backbone):
    Shelf(library, backbone).put("/v/a.mp4", axis(3))
    assert keep(library, "a cat", Verdict.RIGHT) == ("a cat", True)


@pytest.mark.parametrize("verdict", [Verdict.WRONG, Verdict.FORGET])
def test_where_nothing_is_tagged_nothing_can_be_denied(library, backbone, verdict):
    Shelf(library, backbone).put("/v/a.mp4", axis(3))
    with pytest.raises(KinodexError, match="nothing is tagged"):
        keep(library, "a cat", verdict)
    assert words(library) == {}


@pytest.mark.parametrize("verdict", [Verdict.WRONG, Verdict.FORGET])
def test_what_nobody_has_said_can_be_neither_denied_nor_taken_back(shelf, library, verdict):
    with pytest.raises(UnknownLabel, match="a cat"):
        keep(library, "a cat", verdict)
    assert words(library) == {}


def test_a_name_that_cannot_be_a_label_is_refused(shelf, library):
    with pytest.raises(BadVocabulary):
        keep(library, "", Verdict.RIGHT)


def test_the_last_verdict_counts_and_can_be_taken_back_once(shelf, library):
    keep(library, "jumping", Verdict.RIGHT)
    keep(library, "jumping", Verdict.WRONG)
    assert words(library) == {"jumping": False}
    assert keep(library, "JUMPING", Verdict.FORGET) == ("jumping", False)
    assert words(library) == {}
    with pytest.raises(KinodexError, match="nothing was said of 'jumping' in segment 1"):
        keep(library, "jumping", Verdict.FORGET)


def test_of_two_labels_in_other_letters_the_one_that_was_said_is_taken_back(shelf, library):
    with library.writing() as session:
        say(session, 1, "Jumping", holds=False)  # before the vocabulary had the label
        say(session, 1, "jumping", holds=True)
    keep(library, "Jumping", Verdict.FORGET)
    assert words(library) == {"jumping": True}
