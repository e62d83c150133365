"""A library's settings file: reading its `[index]` table, and writing the file to begin with."""

import json
from typing import Any

from pydantic import BaseModel

from indexer.settings import IndexSettings
from search.library import Library
from search.settings import SearchSettings, SketchSettings, TagSettings, UiSettings

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
    return library.checked_settings("index", IndexSettings)


def sampling_of(settings: IndexSettings) -> dict[str, Any]:
    """The settings that belong to a space's identity."""
    return settings.model_dump(include=_SAMPLING)


def write_settings_template(library: Library) -> None:
    """Put a settings file beside the catalog with every option at its default, commented out."""
    if library.settings_file.exists():
        return
    lines = ["# Settings of this library. Take the '#' off a line to change it."]
    forms: dict[str, type[BaseModel]] = {
        "index": IndexSettings,
        "search": SearchSettings,
        "tags": TagSettings,
        "sketch": SketchSettings,
        "ui": UiSettings,
    }
    for section, form in forms.items():
        lines += ["", f"[{section}]"]
        for name, option in form.model_fields.items():
            # JSON writes numbers, texts and truth values as TOML does.
            lines += ["", f"# {option.description}", f"# {name} = {json.dumps(option.default)}"]
    library.settings_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
