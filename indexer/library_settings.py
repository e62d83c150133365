"""A library's settings file, as it is written to begin with, and what of it makes a space."""

import json
from typing import Any

from indexer.reading.settings import IndexSettings
from models.files import replaced_whole
from search.catalog.settings import (
    LibrarySettings,
    SearchSettings,
    SketchSettings,
    TagSettings,
    UiSettings,
)
from search.catalog.store import Store

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

_FORMS = (LibrarySettings, IndexSettings, SearchSettings, TagSettings, SketchSettings, UiSettings)


def sampling_of(settings: IndexSettings) -> dict[str, Any]:
    """The settings that belong to a space's identity."""
    return settings.model_dump(include=_SAMPLING)


def write_settings_template(library: Store) -> None:
    """Put a settings file beside the catalog with every option at its default, commented out."""
    if library.settings_file.exists():
        return
    lines = ["# Settings of this library. Take the '#' off a line to change it."]
    for form in _FORMS:
        lines += ["", f"[{form.section}]"]
        for name, option in form.model_fields.items():
            # JSON writes numbers, texts and truth values as TOML does.
            lines += ["", f"# {option.description}", f"# {name} = {json.dumps(option.default)}"]
    with replaced_whole(library.settings_file, as_folder=True) as draft:
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
