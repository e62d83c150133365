"""What a user may set about searching: the ``[search]`` section of ``library.toml``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from search.library import Library

NO_RERANKING, QUERY_AWARE = "none", "query-aware"


class SearchSettings(BaseModel):
    """How hits are ranked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rerank: str = Field(
        default=NO_RERANKING,
        description="What looks again at the frames of the best segments: none, query-aware, or "
        "the file of a tightTransf head.",
    )


def reranker_of(library: Library) -> str:
    """The re-ranker that a library's settings name; a file's path is from the library's folder.

    Raises KinodexError for malformed settings.
    """
    rerank = library.checked_settings("search", SearchSettings).rerank
    if rerank in (NO_RERANKING, QUERY_AWARE):
        return rerank
    return str(library.folder / Path(rerank).expanduser())
