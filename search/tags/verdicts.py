"""What a person can say of a label in a segment, by whatever name they call it."""

from enum import StrEnum

from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.tags.corrections import forget, say
from search.tags.reading import UnknownLabel, known_label
from search.tags.vocabulary import clean_label


class Verdict(StrEnum):
    """That a label holds, that it does not, or neither."""

    RIGHT = "correct"
    WRONG = "wrong"
    FORGET = "forget"


def keep_verdict(
    session: Session, segment_id: int, label: str, verdict: Verdict
) -> tuple[str, bool]:
    """Keep a person's verdict; → the label as it is stored, and whether it is a new one.

    Raises NoSuchSegment, BadVocabulary for what cannot be a label, UnknownLabel for one that is
    denied but that nobody uses, and KinodexError where there was nothing to take back.
    """
    if verdict is Verdict.FORGET:
        return _take_back(session, segment_id, label), False
    meant, is_new = _meant_label(session, label, may_be_new=verdict is Verdict.RIGHT)
    say(session, segment_id, meant, holds=verdict is Verdict.RIGHT)
    return meant, is_new


def _take_back(session: Session, segment_id: int, label: str) -> str:
    # A vocabulary may have the same label in other letters: what was said goes first.
    if forget(session, segment_id, label):
        return label
    meant, _ = _meant_label(session, label, may_be_new=False)
    if not forget(session, segment_id, meant):
        raise KinodexError(f"nothing was said of {meant!r} in segment {segment_id}")
    return meant


def _meant_label(session: Session, label: str, *, may_be_new: bool) -> tuple[str, bool]:
    try:
        return known_label(session, label), False
    except UnknownLabel:
        if not may_be_new:
            raise
    except KinodexError:  # nothing is tagged yet; a person's word needs no vocabulary
        if not may_be_new:
            raise
    return clean_label(label), True
