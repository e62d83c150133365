"""What a user may set in `library.toml`, and how a table of it is read."""

import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from models.errors import KinodexError
from models.identity import USUAL_TAG_THRESHOLD

SETTINGS_FILE = "library.toml"

# Ten times what all settings take. A key of 50,000 parts would be read for minutes.
_MOST_BYTES = 100_000
_LONGEST_LINE = 10_000

AUTO = "auto"  # the setting that leaves the choice to the program
NO_RERANKING, QUERY_AWARE = "none", "query-aware"


class SettingsForm(Protocol):
    """One table of library.toml: what may stand in it, and what holds where it is silent."""

    section: ClassVar[str]

    @classmethod
    def model_validate(cls, obj: Any, *, context: Any | None = None) -> Self:
        """The form filled from a table. Raises ValidationError."""
        ...


Form = TypeVar("Form", bound=SettingsForm)


def read_settings(library: Path, form: type[Form]) -> Form:
    """One table of a library's settings file over the defaults of its form.

    library: its folder; files that the settings name are found from there. There need not be a
        catalog in it, nor a settings file.

    Raises KinodexError that names the file, the key and what is wrong with its value.
    """
    file = library / SETTINGS_FILE
    try:
        return form.model_validate(_table(file, form.section), context=library)
    except (RuntimeError, OverflowError) as error:  # the home of a user whom nobody knows
        raise KinodexError(f"{str(file)!r}, [{form.section}]: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "its values"
        raise KinodexError(
            f"{str(file)!r}, [{form.section}], {key}: {first['msg'].lower()}"
        ) from error


def _table(file: Path, section: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(_content(file)).get(section, {})
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise KinodexError(f"{str(file)!r} cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise KinodexError(f"{str(file)!r}: '{section}' must be a [table]")
    return table


def _content(file: Path) -> str:
    # A pipe would be waited for, and a device may have no end.
    if not stat.S_ISREG(file.stat().st_mode):
        raise ValueError("it is not a regular file")
    with file.open("rb") as settings:
        content = settings.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES // 1000} kB")
    if any(len(line) > _LONGEST_LINE for line in content.splitlines()):
        raise ValueError(f"it has a line of more than {_LONGEST_LINE:,} characters")
    return content.decode("utf-8")


def _in_library(value: str, info: ValidationInfo) -> str:
    """The path of a file, from the library's folder; anything else as it is."""
    if not Path(value).suffix or info.context is None:
        return value
    return str(info.context / Path(value).expanduser())


def _reranker_in_library(value: str, info: ValidationInfo) -> str:
    if value in (NO_RERANKING, QUERY_AWARE) or info.context is None:
        return value
    return str(info.context / Path(value).expanduser())


NameOrFile = Annotated[str, AfterValidator(_in_library)]


class LibrarySettings(BaseModel):
    """Whom a library is open to on this machine, and how long it keeps what no file holds."""

    section: ClassVar[str] = "library"
    model_config = ConfigDict(frozen=True, extra="forbid")

    group: Literal["none", "read", "write"] = Field(
        default="none",
        description="What the group of the library's folder may do with a new library: none, read, "
        "or write. All others may do nothing. 'kinodex verify --repair' applies a change.",
    )
    keep_days: float = Field(
        default=30.0,
        ge=0,
        le=36_500,
        description="What was encoded of a video that no file holds any more is kept for this "
        "time, in days, before 'kinodex clean' deletes it.",
    )


class SearchSettings(BaseModel):
    """How hits are ranked."""

    section: ClassVar[str] = "search"
    model_config = ConfigDict(frozen=True, extra="forbid")

    rerank: Annotated[str, AfterValidator(_reranker_in_library)] = Field(
        default=NO_RERANKING,
        description="What looks again at the frames of the best segments: none, query-aware, or "
        "the file of a tightTransf head.",
    )


class TagSettings(BaseModel):
    """Which labels segments are tagged with, and how sure a tag must be."""

    section: ClassVar[str] = "tags"
    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary: NameOrFile = Field(
        default=AUTO,
        description="The labels: kinetics-400, ucf-101, hmdb-51, imagenet-1k, small-world, or a "
        "text file with one a line. auto keeps the library's, and begins with the one that suits "
        "the model.",
    )
    min_probability: float = Field(
        default=USUAL_TAG_THRESHOLD,
        gt=0,
        lt=1,
        description="A label holds from this probability on.",
    )
    most: int = Field(default=5, ge=1, le=100, description="The most tags that a segment gets.")
    head: NameOrFile = Field(
        default=AUTO,
        description="What fuses a segment's frames for its tags: MeanP, or the file of a trained "
        "action head. auto keeps the library's, and begins with the one that suits the model.",
    )


StrokeCount = Annotated[int, Field(ge=1, le=64)] | Literal["auto"]


class SketchSettings(BaseModel):
    """How the segments of a library are sketched."""

    section: ClassVar[str] = "sketch"
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
        description="How the subject is found that is drawn: auto (what moves, or stands out where "
        "the model looks), none (the whole picture), or rembg where that is installed.",
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

    section: ClassVar[str] = "ui"
    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_changes: Literal["local", "always", "never"] = Field(
        default="local",
        description="Whether those with the token for changes may use it: to add videos, correct "
        "tags, start and stop work, delete caches. local: on a page that only this machine can "
        "reach; always: from everywhere; never: nobody.",
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
        default=100, ge=1, le=10_000, description="The most files in one upload."
    )
    keep_free_mb: int = Field(
        default=1000,
        ge=0,
        le=1_000_000_000,
        description="An upload is refused when it would leave less than this on the disk.",
    )
    uploads_at_once: int = Field(
        default=8, ge=1, le=100, description="The most uploads that are taken in at the same time."
    )
    uploads_per_visitor: int = Field(
        default=4, ge=1, le=100, description="The most of these that come from one address."
    )
    upload_silence_s: float = Field(
        default=20.0,
        ge=1,
        le=3600,
        description="An upload of which nothing comes for this time, in seconds, is given up.",
    )
    upload_hours: float = Field(
        default=6.0, gt=0, le=1000, description="An upload that takes longer is given up."
    )
    token: str = Field(
        default="",
        description="What lets people in who may look and change: 16 to 200 letters, digits, "
        "`.` `_` `~` `-`. Empty: a new one at each start.",
    )
    look_token: str = Field(
        default="", description="What lets people in who may only look; empty: a new one."
    )
    hosts: list[str] = Field(
        default=[],
        description="Names that people have for the page besides where it listens, such as that "
        "of a proxy in front of it.",
    )
    connections: int = Field(
        default=400,
        ge=16,
        le=100_000,
        description="The most connections at once; those on which nothing is asked make room.",
    )
    ask_within_s: float = Field(
        default=10.0,
        ge=1,
        le=3600,
        description="A connection on which nothing is asked for this time, in seconds, is closed.",
    )
