"""Clips that a browser can play, cut from the videos when they are asked for.

A page that is given a whole video keeps all of it in memory, and a browser plays few of the
codecs that are indexed. A short clip around the moment is small and plays everywhere.
"""

import contextlib
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from models.files import make_folder, replaced_whole
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.store import Store, media_folder
from search.wording import why_unwritten
from tasks.clips.cutting import EXIT_UNPLAYABLE, EXIT_UNWRITABLE
from tasks.clips.job import LOST_KEY, CutJob, Cutting

_MARGIN_S = 1.5
_LONGEST_S = 30.0
_CUT_TIMEOUT_S = 60.0
# Stands in the names of clips: those of a program that cut them otherwise are left to age.
_FORM = 3
_CLIPS_KEPT = 200  # at some 3 MB each


class NotPlayable(KinodexError):
    """A moment that cannot be shown: its video is gone or cannot be read there."""


@dataclass(frozen=True)
class PlayableClip:
    """A short H.264 file, and the whole second in it at which the moment wanted begins.

    lost: what it lacks of the video, in a sentence; None if nothing
    """

    file: Path
    start_s: int
    lost: str | None = None


@dataclass(frozen=True)
class Window:
    """The part of a video that becomes a clip."""

    start_s: float
    end_s: float

    @classmethod
    def around(cls, place: SegmentPlace, at_s: float) -> "Window":
        """The segment with a margin, at most half a minute.

        It begins a whole number of seconds before `at_s`, because players on the page start at
        whole seconds only; where the video begins sooner than that, with the video.
        """
        lead_s = math.ceil(min(at_s - place.start_s + _MARGIN_S, _LONGEST_S / 2))
        start_s = max(0.0, at_s - lead_s)
        end_s = min(place.end_s + _MARGIN_S, start_s + _LONGEST_S, place.video.duration_s)
        return cls(start_s, max(end_s, at_s + 0.1))


def find_place(library: Store, segment: int) -> SegmentPlace:
    """Where a segment comes from. Raises NotPlayable when it is not in the library any more."""
    with library.reading() as session:
        places = place_segments(session, [segment])
    if not places:
        raise NotPlayable("This moment is not in the library any more: search again.")
    return places[0]


def ensure_clip(
    library: Store, place: SegmentPlace, at_s: float, *, settings: IndexSettings
) -> PlayableClip:
    """The clip in which the moment `at_s` can be watched, cut now unless it lies ready.

    Raises NotPlayable when the video is gone, cannot be read, or takes too long to cut.
    """
    window = Window.around(place, at_s)
    folder = clips_folder(library.folder)
    file = folder / f"{place.segment_id}-{round(window.start_s * 1000)}-{_FORM}.mp4"
    if not file.exists():
        try:
            make_folder(folder)
            _cut(place, file, window, settings)
            _drop_oldest(folder)
        except OSError as error:
            raise NotPlayable(f"The clip cannot be stored: {why_unwritten(error)}.") from error
    return PlayableClip(file, int(at_s - window.start_s + 0.001), _lost(file))


def is_clip(name: str) -> bool:
    """Whether a clip of this or an earlier program may be called so."""
    return re.fullmatch(r"\d+(-\d+)+\.mp4", name, re.ASCII) is not None


def clips_folder(library_folder: Path) -> Path:
    """Where a library's clips lie; in a folder of our own where the library cannot hold them."""
    return media_folder(library_folder) / "clips"


def first_existing(paths: tuple[Path, ...]) -> Path:
    """The first path that lies there now; the first of all when none does."""
    for path in paths:
        with contextlib.suppress(OSError):  # in a folder that may not be entered
            if path.exists():
                return path
    return paths[0]


def _cut(place: SegmentPlace, file: Path, window: Window, settings: IndexSettings) -> None:
    source, length_s = first_existing(place.video.paths), place.video.duration_s
    with replaced_whole(file, as_folder=True) as draft:
        job = CutJob(source, draft, window.start_s, window.end_s, settings, length_s=length_s)
        run_cut(job, _CUT_TIMEOUT_S)


def _lost(file: Path) -> str | None:
    import av

    with contextlib.suppress(OSError, av.error.FFmpegError), av.open(str(file)) as clip:
        return clip.metadata.get(LOST_KEY)
    return None


def run_cut(job: CutJob, within_s: float) -> Cutting:
    """Do a job in a child process.

    Raises NotPlayable when it cannot be done, or not within these seconds, and OSError when the
    clip cannot be written.
    """
    try:
        # -P: the folder that the program was started in must not lend it modules.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tasks.clips.cutting"],
            input=job.as_json(),
            stdout=subprocess.PIPE,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotPlayable(
            f"This moment cannot be played: cutting it took longer than {within_s:.0f} seconds."
        ) from error
    if done.returncode == EXIT_UNWRITABLE:
        number = json.loads(done.stdout)
        raise OSError(number, os.strerror(number))
    if done.returncode:
        known = done.returncode == EXIT_UNPLAYABLE
        reason = json.loads(done.stdout) if known else "the decoder crashed on it"
        raise NotPlayable(f"This video cannot be played: {reason}.")
    return Cutting(**json.loads(done.stdout))


def _drop_oldest(folder: Path) -> None:
    """Keep the cache small; what is dropped is cut again when it is asked for."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_CLIPS_KEPT:]:
        file.unlink(missing_ok=True)
