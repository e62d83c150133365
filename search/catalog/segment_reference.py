"""Which segment is meant: by its number, or by a file and a time in it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import KinodexError
from models.files import typed_path
from search.catalog.tables import Segment, VideoPath
from search.queries.times import clock_seconds
from search.wording import composed

_HOW = "give the number that 'kinodex search --json' prints, or a file and a time: video.mp4@1:02"


def find_segment(session: Session, text: str) -> int:
    """The segment of a number ("37"), or the one that is shown at a time ("video.mp4@1:02").

    A file may be named without its folder where no other has its name.

    Raises NoSuchSegment.
    """
    if _is_number(text):
        return _numbered(session, text)
    moment = _moment(text)
    if moment is None:
        raise NoSuchSegment(f"{text!r} names no segment: {_HOW}")
    name, time_s = moment
    return _shown_at(session, _video(session, name), time_s, text)


def is_reference(text: str) -> bool:
    """Whether a text has the form of a segment's number or of a file and a time."""
    return _is_number(text) or _moment(text) is not None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _moment(text: str) -> tuple[str, float] | None:
    """A file's name and the seconds in it, if a text has this form."""
    name, _, time = text.rpartition("@")
    time_s = clock_seconds(time)
    return (name, time_s) if name and time_s is not None else None


def _numbered(session: Session, text: str) -> int:
    # SQLite has no larger numbers.
    number = int(text) if len(text) < 19 else -1
    if session.get(Segment, number) is None:
        raise NoSuchSegment(f"there is no segment {text} in this library: {_HOW}")
    return number


def _shown_at(session: Session, video_id: int, time_s: float, text: str) -> int:
    end_s = session.scalar(select(func.max(Segment.end_s)).where(Segment.video_id == video_id))
    found = session.scalar(
        select(Segment.id)
        .where(Segment.video_id == video_id, Segment.start_s <= time_s)
        .order_by(Segment.start_s.desc())
    )
    if found is None or end_s is None or time_s > end_s:
        raise NoSuchSegment(f"{text!r} names no segment: the video has none at that time")
    return found


def _video(session: Session, name: str) -> int:
    typed = typed_path(name)
    for path in (typed.absolute(), typed.resolve()):
        video_id = session.scalar(select(VideoPath.video_id).where(VideoPath.path == path))
        if video_id is not None:
            return video_id
    found = _named_alike(session, {composed(name), composed(typed.absolute())})
    if not found:
        raise NoSuchSegment(f"there is no indexed video {name!r} in this library: {_HOW}")
    if len(found) > 1:
        raise NoSuchSegment(f"{len(found)} videos are named {name!r}: give the whole path")
    return found.pop()


def _named_alike(session: Session, wanted: set[str]) -> set[int]:
    """The videos at a path or of a name, however it is spelled; absent ones if no other is."""
    rows = session.execute(select(VideoPath.path, VideoPath.video_id, VideoPath.missing_since))
    known = [
        (number, missing_since is None)
        for path, number, missing_since in rows
        if number is not None and not wanted.isdisjoint((composed(path.name), composed(path)))
    ]
    return {number for number, present in known if present} or {number for number, _ in known}


class NoSuchSegment(KinodexError):
    """The library has no segment of this number, or none at this place."""
