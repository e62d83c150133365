"""The `[index]` table of a library's settings file."""

import json
from typing import Any

from pydantic import ValidationError

from indexer.settings import IndexSettings
from models.errors import KinodexError
from search.library import Library

# What decides which frames stand for a video. The rest are limits and habits: changing
# them leaves the embeddings comparable.
_SAMPLING = {
    "sample_rate",
    "min_frames_per_segment",
    "max_segment_s",
    "min_segment_s",
    "shot_threshold",
    "skip_duplicates",
    "duplicate_threshold",
}


def load_settings(library: Library) -> IndexSettings:
    """The library's own settings over the defaults.

    Raises KinodexError that names the file, the key and what is wrong with its value.
    """
    try:
        return IndexSettings(**library.settings("index"))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "its values"
        raise KinodexError(
            f"{str(library.settings_file)!r}, [index], {key}: {first['msg'].lower()}"
        ) from error


def sampling_of(settings: IndexSettings) -> dict[str, Any]:
    """The settings that belong to a space's identity."""
    return settings.model_dump(include=_SAMPLING)


def write_settings_template(library: Library) -> None:
    """Put a settings file beside the catalog with every option at its default, commented out."""
    if library.settings_file.exists():
        return
    lines = ["# Settings of this library. Take the '#' off a line to change it.", "", "[index]"]
    for name, option in IndexSettings.model_fields.items():
        # JSON writes numbers, texts and truth values as TOML does.
        lines += ["", f"# {option.description}", f"# {name} = {json.dumps(option.default)}"]
    library.settings_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
