"""Small pictures of segments for the tags view: the sketch, or the keyframe where there is none."""

import io
from pathlib import Path

import streamlit as st
from PIL import Image

from indexer.keyframes import ensure_keyframe
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from search.catalog.store import Store
from tasks.sketches.files import SketchNotStored, ensure_sketch

# As wide as a tile on a screen with two pixels a point; 72 of them stay far below 1 MB.
_TILE_SIDE = 224
_TILES_KEPT = 2_000  # at some 5 kB each


class Pictures:
    """Reads the pictures of one library, for one drawing of the page."""

    def __init__(self, library: Store, settings: IndexSettings, worker: DecodeWorker) -> None:
        self._library = library
        self._settings = settings
        self._worker = worker

    def tile(self, segment: int) -> bytes | None:
        """The sketch, or a small keyframe; None where neither can be had."""
        if sketch := self.sketch(segment):
            return sketch
        file = self._keyframe_file(segment)
        try:
            return _small(file, file.stat().st_mtime_ns) if file else None
        except OSError:
            return None

    def sketch(self, segment: int) -> bytes | None:
        """The sketch as PNG; None where there is none."""
        try:
            file = ensure_sketch(self._library, segment, "png")
            return file.read_bytes() if file else None
        except (OSError, SketchNotStored):
            return None

    def keyframe(self, segment: int) -> bytes | None:
        """The keyframe as JPEG; None when its video cannot be read."""
        file = self._keyframe_file(segment)
        try:
            return file.read_bytes() if file else None
        except OSError:
            return None

    def _keyframe_file(self, segment: int) -> Path | None:
        try:
            return ensure_keyframe(
                self._library, segment, settings=self._settings, worker=self._worker
            )
        except OSError:  # a full or read-only disk
            return None


@st.cache_data(max_entries=_TILES_KEPT, show_spinner=False)
def _small(file: Path, written_ns: int) -> bytes:
    with Image.open(file) as picture:
        picture.thumbnail((_TILE_SIDE, _TILE_SIDE))
        small = io.BytesIO()
        picture.convert("RGB").save(small, "JPEG", quality=80)
        return small.getvalue()
