"""Which segments a search may show: those of videos that lie somewhere now."""

from sqlalchemy import exists
from sqlalchemy.sql.elements import ColumnElement

from search.catalog import Segment, VideoPath


def is_present() -> ColumnElement[bool]:
    """A condition on rows of Segment: a file with this video's content is in its place."""
    return exists().where(VideoPath.video_id == Segment.video_id, VideoPath.missing_since.is_(None))
