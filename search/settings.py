"""What a user may set about searching and tags: `[search]` and `[tags]` in `library.toml`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from models.choice import USUAL_TAG_THRESHOLD
from search.library import Library
from search.vocabularies import AUTO

NO_RERANKING, QUERY_AWARE = "none", "query-aware"


class SearchSettings(BaseModel):
    """How hits are ranked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rerank: str = Field(
        default=NO_RERANKING,
        description="What looks again at the frames of the best segments: none, query-aware, or "
        "the file of a tightTransf head.",
    )


class TagSettings(BaseModel):
    """Which labels segments are tagged with, and how sure a tag must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary: str = Field(
        default=AUTO,
        description="The labels: kinetics-400, ucf-101, hmdb-51, small-world, or a text file with "
        "one a line. auto keeps the library's, and begins with the one that suits the model.",
    )
    min_probability: float = Field(
        default=USUAL_TAG_THRESHOLD,
        gt=0,
        lt=1,
        description="A label holds from this probability on.",
    )
    most: int = Field(default=5, ge=1, le=100, description="A segment gets at most so many tags.")
    head: str = Field(
        default=AUTO,
        description="What fuses a segment's frames for its tags: MeanP, or the file of a trained "
        "action head. auto keeps the library's, and begins with the one that suits the model.",
    )


def tag_settings_of(library: Library) -> TagSettings:
    """A library's `[tags]`; the paths of files are from the library's folder.

    Raises KinodexError for malformed settings.
    """
    settings = library.checked_settings("tags", TagSettings)
    named = {"vocabulary": settings.vocabulary, "head": settings.head}
    files = {
        name: str(library.folder / Path(value).expanduser())
        for name, value in named.items()
        if Path(value).suffix
    }
    return settings.model_copy(update=files)


def reranker_of(library: Library) -> str:
    """The re-ranker that a library's settings name; a file's path is from the library's folder.

    Raises KinodexError for malformed settings.
    """
    rerank = library.checked_settings("search", SearchSettings).rerank
    if rerank in (NO_RERANKING, QUERY_AWARE):
        return rerank
    return str(library.folder / Path(rerank).expanduser())
