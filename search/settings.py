"""What a user may set: `[search]`, `[tags]`, `[sketch]` and `[ui]` in `library.toml`."""

from pathlib import Path
from typing import Annotated, Literal

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


StrokeCount = Annotated[int, Field(ge=1, le=64)] | Literal["auto"]


class SketchSettings(BaseModel):
    """How the segments of a library are sketched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strokes: StrokeCount = Field(
        default=16,
        description='Strokes of a sketch, 1 to 64, or "auto". The fewer, the more abstract: 4, 8, '
        "16 and 32 are usual.",
    )
    preset: Literal["quick", "paper"] = Field(
        default="quick",
        description="quick takes seconds, paper (the published parameters) hours without a GPU.",
    )
    mask: Literal["auto", "none", "rembg"] = Field(
        default="auto",
        description="How the subject is told from its background: auto (what the model sees, and "
        "motion), none, or rembg where that is installed.",
    )
    scene: bool = Field(
        default=False, description="Sketch the background too, as a group of strokes of its own."
    )
    progressive: bool = Field(
        default=False,
        description="Draw stroke after stroke, each where most is missing, not all at once.",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Another seed, another sketch.")
    after_indexing: bool = Field(
        default=False, description="Sketch what has no sketch yet at the end of 'kinodex index'."
    )


class UiSettings(BaseModel):
    """What the page's visitors may do with a library, and how much."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_changes: Literal["local", "always", "never"] = Field(
        default="local",
        description="Who may add videos on the page, start and stop work, and delete caches. "
        "local: whoever uses a page that only this machine can reach; always: every visitor; "
        "never: nobody.",
    )
    folders: list[str] = Field(
        default=[],
        description="Folders of this machine that may be added on the page, with all below them. "
        "None named: any, but only on a page that only this machine can reach.",
    )
    uploads: str = Field(
        default="uploads",
        description="Folder for uploaded videos; a relative one is in the library's folder.",
    )
    upload_limit_mb: int = Field(
        default=2000, ge=1, le=1_000_000, description="Larger files cannot be uploaded."
    )
    upload_files: int = Field(
        default=100, ge=1, le=10_000, description="At most so many files in one upload."
    )
    keep_free_mb: int = Field(
        default=1000,
        ge=0,
        description="An upload is refused when it would leave less than this on the disk.",
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
