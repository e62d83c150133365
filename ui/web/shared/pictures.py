"""The pictures of a segment as every view shows them: its keyframe and its sketch."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
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

_NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 90" width="160" height="90">'
    '<rect width="160" height="90" fill="#333"/>'
    '<path d="M62 34 h26 v22 h-26 z M91 42 l8 -5 v16 l-8 -5 z" fill="#777"/></svg>'
)


class Pictures:
    """Reads the pictures of one library, for one drawing of the page."""

    def __init__(self, library: Store, settings: IndexSettings, worker: DecodeWorker) -> None:
        self._library = library
        self._settings = settings
        self._worker = worker

    def draw(self, segment: int, *, sketch_first: bool = False) -> None:
        """The keyframe and, under the pointer, the sketch, or the other way round.

        Where there is only one of them it stands alone, and where there is none a grey picture.
        """
        ways = [_show_keyframe, _show_sketch]
        pictures = [self._keyframe(segment), self._sketch(segment)]
        if sketch_first:
            ways.reverse()
            pictures.reverse()
        shown = [(way, one) for way, one in zip(ways, pictures, strict=True) if one]
        if not shown:
            st.image(_NO_PICTURE, width="stretch")
            return
        (show, picture), *others = shown
        show(picture, segment)
        for show_other, other in others:
            with st.container(key=f"other-{segment}"):
                show_other(other, segment)

    def tile(self, segment: int) -> bytes | None:
        """The sketch, or a small keyframe; None where neither can be had."""
        if sketch := self._sketch(segment):
            return sketch
        file = self._keyframe_file(segment)
        try:
            return _small(file, file.stat().st_mtime_ns) if file else None
        except OSError:
            return None

    def _sketch(self, segment: int) -> bytes | None:
        """The sketch as PNG; None where there is none."""
        try:
            file = ensure_sketch(self._library, segment, "png")
            return file.read_bytes() if file else None
        except (OSError, SketchNotStored):
            return None

    def _keyframe(self, segment: int) -> bytes | None:
        """The keyframe as JPEG; None when its video cannot be read."""
        file = self._keyframe_file(segment)
        try:
            return file.read_bytes() if file else None
        except OSError:  # it was deleted just now
            return None

    def _keyframe_file(self, segment: int) -> Path | None:
        try:
            return ensure_keyframe(
                self._library, segment, settings=self._settings, worker=self._worker
            )
        except OSError:  # a full or read-only disk
            return None


def _show_keyframe(picture: bytes, segment: int) -> None:
    st.image(picture, width="stretch")


def _show_sketch(picture: bytes, segment: int) -> None:
    """The sketch where a style can tell it from a keyframe: its paper goes on beside it."""
    with st.container(key=f"drawn-{segment}"):
        st.image(picture, width="stretch")


@contextmanager
def pictures_of(library: Store) -> Iterator[Pictures]:
    """The pictures of a library. Raises KinodexError where its settings are malformed."""
    settings = library.settings(IndexSettings)
    with DecodeWorker() as worker:
        yield Pictures(library, settings, worker)


@st.cache_data(max_entries=_TILES_KEPT, show_spinner=False)
def _small(file: Path, written_ns: int) -> bytes:
    with Image.open(file) as picture:
        picture.thumbnail((_TILE_SIDE, _TILE_SIDE))
        small = io.BytesIO()
        picture.convert("RGB").save(small, "JPEG", quality=80)
        return small.getvalue()
