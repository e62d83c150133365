"""Sampled frames of clips, decoded and encoded once: as embeddings, or as pixels."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.crops import Crop, crop_of, three_crops_of, view_by_view
from indexer.datasets.frames.decoding import DecodedClip, decode_clips
from indexer.datasets.frames.full_frames import Canvas
from indexer.datasets.frames.store import Appender, FrameStore, Stamp
from indexer.reading.errors import DecodeFailed
from indexer.reading.sampling import FrameSampling, SegmentSampling
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from models.clip.preprocess import Preprocessing
from models.errors import KinodexError
from models.heads.card import WHOLE

# As many frames are encoded together, and made safe on the disk together. Fewer keep the model
# below its best speed; more only cost memory.
_FRAMES_AT_ONCE = 256
# These may be the machine's fault rather than the file's: they are tried again in the next run.
_PASSING_STAGES = ("timeout", "memory", "crash")
_USUAL = ("by", "time")  # which caches from before there was another say nothing of
_NOT_FINITE = "the model gives no finite embedding of its frames"

Encode = Callable[[list[np.ndarray]], list[np.ndarray]]


@dataclass(frozen=True)
class FillReport:
    """How many clips were encoded and how many were known; for each clip left out, why."""

    encoded: int
    known: int
    failed: dict[ClipWindow, str]


class FrameCache:
    """The frames of clips on the disk, up to ``sampling.frames`` of each.

    It lies in a folder of its own below ``root``, named after all that the stored frames depend
    on: what another model, preprocessing or sampling made is never read. Use `of_embeddings` or
    `of_pixels`.
    """

    def __init__(
        self,
        root: Path,
        *,
        about: dict[str, Any],
        sampling: FrameSampling,
        row_shape: tuple[int, ...],
        dtype: type[np.generic],
        short_side: int,
        encode: Encode,
        crops: int = 1,
        canvas: Canvas | None = None,
    ) -> None:
        """`encode` makes `crops` rows of each frame, or frames of any size on a canvas."""
        self.sampling = sampling
        self._about = {**about, "sampling": _described(sampling)}
        self._short_side, self._encode, self._canvas = short_side, encode, canvas
        written = json.dumps(self._about, sort_keys=True, default=list)
        key = hashlib.blake2b(written.encode(), digest_size=8).hexdigest()
        self._row_shape, self._dtype = row_shape, np.dtype(dtype)
        self._rows_of_clip = sampling.frames * crops
        self._store = FrameStore(root / key, row_shape=row_shape, dtype=self._dtype)

    @classmethod
    def of_embeddings(
        cls, root: Path, backbone: Backbone, sampling: FrameSampling, *, crop: str = WHOLE
    ) -> FrameCache:
        """Frame embeddings of a backbone, not normalised, kept as float16; crop: see `Crop`."""
        return cls._embedded(root, backbone, sampling, crop_of(crop, backbone.preprocessing))

    @classmethod
    def of_crops(cls, root: Path, backbone: Backbone, sampling: FrameSampling) -> FrameCache:
        """Like `of_embeddings`, but of three crops of each frame, side by side; see `by_view`."""
        crop = three_crops_of(backbone.preprocessing)
        return cls._embedded(root, backbone, sampling, crop, kind="crop embeddings")

    @classmethod
    def _embedded(
        cls,
        root: Path,
        backbone: Backbone,
        sampling: FrameSampling,
        crop: Crop,
        *,
        kind: str = "frame embeddings",
    ) -> FrameCache:
        identity = backbone.identity

        views = crop.rows * (sampling.shifts if isinstance(sampling, SegmentSampling) else 1)

        def encode(clips: list[np.ndarray]) -> list[np.ndarray]:
            cut = [crop.cut(clip, backbone.preprocessing) for clip in clips]
            encoded = view_by_view(backbone, cut, views if backbone.sees_neighbours else 1)
            return [rows.astype(np.float16) for rows in encoded]

        return cls(
            root,
            about={
                "kind": kind,
                "frames_digest": identity.frames_digest,
                "preprocessing": identity.preprocessing,
                **crop.about,
            },
            sampling=sampling,
            row_shape=(backbone.dim,),
            dtype=np.float16,
            short_side=crop.short_side,
            encode=encode,
            crops=crop.rows,
        )

    @classmethod
    def of_pixels(
        cls, root: Path, preprocessing: Preprocessing, sampling: FrameSampling, *, crop: str = WHOLE
    ) -> FrameCache:
        """Pictures of the model's size, uint8, as `Preprocessing.normalise` wants them."""
        return cls._pictured(root, preprocessing, sampling, crop_of(crop, preprocessing), "pixels")

    @classmethod
    def of_pixel_crops(
        cls, root: Path, preprocessing: Preprocessing, sampling: FrameSampling
    ) -> FrameCache:
        """Like `of_pixels`, but of three crops of each frame, side by side; see `by_view`."""
        return cls._pictured(
            root, preprocessing, sampling, three_crops_of(preprocessing), "pixel crops"
        )

    @classmethod
    def _pictured(
        cls,
        root: Path,
        preprocessing: Preprocessing,
        sampling: FrameSampling,
        crop: Crop,
        kind: str,
    ) -> FrameCache:
        identity = preprocessing.identity()

        def encode(clips: list[np.ndarray]) -> list[np.ndarray]:
            cut = (crop.cut(clip, preprocessing) for clip in clips)
            return [preprocessing.fit(clip).transpose(0, 3, 1, 2) for clip in cut]

        return cls(
            root,
            about={
                "kind": kind,
                **{name: identity[name] for name in identity if name not in ("mean", "std")},
                **crop.about,
            },
            sampling=sampling,
            row_shape=(3, *preprocessing.size),
            dtype=np.uint8,
            short_side=crop.short_side,
            encode=encode,
            crops=crop.rows,
        )

    @classmethod
    def of_full_frames(
        cls, root: Path, preprocessing: Preprocessing, sampling: FrameSampling
    ) -> FrameCache:
        """Whole frames, uint8, to cut crops out of; `frames_of` gives them, `batch` does not."""
        canvas = Canvas.of(preprocessing)

        def encode(clips: list[np.ndarray]) -> list[np.ndarray]:
            return [canvas.stored(clip, preprocessing) for clip in clips]

        return cls(
            root,
            about={"kind": "full frames", "interpolation": preprocessing.interpolation},
            sampling=sampling,
            row_shape=canvas.row_shape,
            dtype=np.uint8,
            short_side=canvas.short,
            encode=encode,
            canvas=canvas,
        )

    @property
    def folder(self) -> Path:
        """Where it lies; to be deleted at will."""
        return self._store.folder

    def reload(self) -> None:
        """Take in what another process has filled meanwhile."""
        self._store.reload()

    def fill(
        self,
        windows: Iterable[ClipWindow],
        *,
        settings: IndexSettings | None = None,
        processes: int | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> FillReport:
        """Decode and encode the clips that are not known yet, and those whose file has changed.

        What is done is kept, however the program ends. A file that cannot be decoded is listed and
        stops nothing; it is tried again when it has changed. ``on_progress`` is told how many of
        the new clips are done. The memory needed does not grow with the number of clips.

        Raises KinodexError when another process is filling the same cache, or the disk is full.
        """
        stamps = {window: Stamp.of(window.path) for window in windows}
        failed: dict[ClipWindow, str] = {}
        self.reload()
        new = self._unknown(stamps)
        if new:  # else nobody needs to wait for a process that fills it
            with self._explained(), self._store.filling() as appender:
                new = self._unknown(stamps)
                self._write_about()
                for done, group in _in_groups(self._decoded(new, settings, processes)):
                    failed |= self._add(group, stamps, appender)
                    appender.commit()
                    on_progress(done, len(new))
        encoded = len(new) - len(failed)
        failed |= self._known_failures(set(stamps) - set(new))
        return FillReport(encoded, len(stamps) - encoded - len(failed), failed)

    def batch(
        self, windows: Sequence[ClipWindow], *, rows: np.ndarray | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Stored frames and their mask.

        rows: which of each clip's frames; shape: (clips, frames). By default all.

        Embeddings: float16, (clips, frames, dim); pixels: uint8, (clips, frames, 3, height, width);
        mask: bool, (clips, frames). Frames stand at the left, zeros behind them.

        Raises KeyError for a clip that is not there.
        """
        most = self._rows_of_clip if rows is None else rows.shape[1]
        frames = np.zeros((len(windows), most, *self._row_shape), self._dtype)
        mask = np.zeros(frames.shape[:2], bool)
        for clip, window in enumerate(windows):
            stored = self._store[window] if rows is None else self._store[window][rows[clip]]
            frames[clip, : len(stored)] = stored
            mask[clip, : len(stored)] = True
        return torch.from_numpy(frames), torch.from_numpy(mask)

    def frames_of(self, window: ClipWindow, rows: np.ndarray) -> torch.Tensor:
        """Some frames of a clip, full ones in their own size; uint8 (frames, 3, height, width).

        For a cache of pixels or full frames. Raises KeyError for a clip that is not there.
        """
        stored, size = self._store[window][rows], self._store.entries[window].size
        frames = stored if size is None else Canvas.taken_off(stored, size)
        return torch.from_numpy(np.ascontiguousarray(frames))

    def longest(self, windows: Iterable[ClipWindow]) -> int:
        """How many frames the longest of some clips has. Raises KeyError for a missing one."""
        return max(self._store.entries[window].rows for window in windows)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Trouble with the disk in a sentence."""
        try:
            yield
        except OSError as error:
            raise KinodexError(
                f"the frame cache {str(self.folder)!r} cannot be written ({error.strerror}): make "
                "room, or name another folder with --cache"
            ) from error

    def _known_failures(self, windows: Iterable[ClipWindow]) -> dict[ClipWindow, str]:
        entries = (self._store.entries[window] for window in windows)
        return {entry.window: entry.failure for entry in entries if entry.failure is not None}

    def _unknown(self, stamps: Mapping[ClipWindow, Stamp | None]) -> list[ClipWindow]:
        """The clips that are not stored, or of which another state of the file is."""
        entries = self._store.entries
        return [
            window
            for window, stamp in stamps.items()
            if window not in entries or entries[window].stamp != stamp
        ]

    def _decoded(
        self, windows: list[ClipWindow], settings: IndexSettings | None, processes: int | None
    ) -> Iterator[DecodedClip]:
        return decode_clips(
            windows,
            sampling=self.sampling,
            short_side=self._short_side,
            settings=settings or IndexSettings(),
            processes=processes or default_processes(),
        )

    def _add(
        self,
        group: list[DecodedClip],
        stamps: Mapping[ClipWindow, Stamp | None],
        appender: Appender,
    ) -> dict[ClipWindow, str]:
        """Encode and append a group; → the clips that failed."""
        failed: dict[ClipWindow, str] = {}
        good = {clip.window: clip.frames for clip in group if isinstance(clip.frames, np.ndarray)}
        encoded = self._encode(list(good.values())) if good else []
        for window, rows in zip(good, encoded, strict=True):
            if np.isfinite(rows).all():
                canvas, frames = self._canvas, good[window]
                size = canvas.size_of(*frames.shape[1:3]) if canvas else None
                appender.add(window, stamps[window], rows, size=size)
            else:
                failed[window] = _NOT_FINITE
                appender.add_failure(window, stamps[window], _NOT_FINITE)
        for clip in group:
            if isinstance(clip.frames, DecodeFailed):
                failed[clip.window] = clip.frames.reason
                if clip.frames.stage not in _PASSING_STAGES:
                    appender.add_failure(clip.window, stamps[clip.window], clip.frames.reason)
        return failed

    def _write_about(self) -> None:
        """For people who wonder what the folder is."""
        text = json.dumps(self._about, indent=2, default=list)
        (self.folder / "about.json").write_text(text + "\n", encoding="utf-8")


def _described(sampling: FrameSampling) -> dict[str, Any]:
    """What tells samplings apart, in the words that caches on the disk were named by."""
    return {name: value for name, value in asdict(sampling).items() if (name, value) != _USUAL}


def default_processes() -> int:
    """How many files are decoded at the same time."""
    return max(1, min(8, (os.cpu_count() or 1) // 2))


def default_cache_folder() -> Path:
    """Where frames are kept when nobody says: in the user's cache folder."""
    return user_cache_path("kinodex", appauthor=False) / "frames"


def _in_groups(clips: Iterable[DecodedClip]) -> Iterator[tuple[int, list[DecodedClip]]]:
    """Clips whose frames are encoded together, and how many clips there have been by then."""
    group: list[DecodedClip] = []
    done = frames = 0
    for done, clip in enumerate(clips, start=1):
        group.append(clip)
        frames += len(clip.frames) if isinstance(clip.frames, np.ndarray) else 1
        if frames >= _FRAMES_AT_ONCE:
            yield done, group
            group, frames = [], 0
    if group:
        yield done, group
