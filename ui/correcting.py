"""`kinodex tag --correct`, `--wrong` and `--forget`: a person's word on a segment."""

from dataclasses import asdict
from pathlib import Path

from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.corrections import forget, say
from search.library import Library
from search.segment_reference import find_segment
from search.tags import UnknownLabel, known_label, tags_of
from search.vocabularies import clean_label
from ui.printing import data_json, printable, talk


def run_correction(
    folder: Path | None, what: str, segment: str, label: str, *, as_json: bool
) -> None:
    """Keep a person's word, or take it back; `what` is "correct", "wrong" or "forget".

    Raises NoSuchSegment, BadVocabulary for what cannot be a label, UnknownLabel for one that is
    denied but that nobody uses, and KinodexError where there was nothing to take back.
    """
    with Library.open(folder) as library, library.writing() as session:
        number = find_segment(session, segment)
        meant, is_new = meant_label(session, label, may_be_new=what == "correct")
        if what == "forget":
            if not forget(session, number, meant):
                raise KinodexError(f"nothing was said of {meant!r} in segment {number}")
        else:
            say(session, number, meant, holds=what == "correct")
        tags = tags_of(session, [number])[number]
    if as_json:
        data_json({"segment": number, "label": meant, "tags": [asdict(tag) for tag in tags]})
    if is_new:
        talk(f"{printable(meant)!r} is a label of your own: the vocabulary does not have it")
    listed = ", ".join(printable(tag.label) for tag in tags) or "none"
    talk(f"tags of segment {number} now: {listed}")


def meant_label(session: Session, label: str, *, may_be_new: bool) -> tuple[str, bool]:
    """The label as it is stored, and whether it is a new one.

    Raises BadVocabulary for what cannot be a label, UnknownLabel for one that may not be new.
    """
    try:
        return known_label(session, label), False
    except UnknownLabel:
        if not may_be_new:
            raise
    except KinodexError:  # nothing is tagged yet; a person's word needs no vocabulary
        if not may_be_new:
            raise
    return clean_label(label), True
