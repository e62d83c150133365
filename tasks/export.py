"""`kinodex export`: the moments that were found, as clips and as a contact sheet."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from models.files import draft_of
from search.catalog.store import Store
from search.export.cuts import Cut, cuts_of
from search.finding.hits import Hit
from search.wording import counted, printable, short_path, why_unwritten
from tasks.clips.job import CutJob, Cutting
from tasks.clips.naming import clip_name, shortened
from tasks.clips.playing import NotPlayable, run_cut
from tasks.sketches.products import usable_folder
from tasks.terminal.outcomes import Exit
from tasks.terminal.printing import data_json, data_path, talk

USUAL_NAME = "{rank:03}-{name}-{start}"
_FIELDS = ("rank", "name", "start", "end", "segment")
# A copy may begin this much sooner than asked; beyond that pictures are encoded anew.
_SOONER_S = 1.0
# The other fields of a name must have room.
_LONGEST_STEM_BYTES = 120
_CUT_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class ExportRequest:
    """Where clips go, what they are called, and how they are cut.

    name: of each file without ending, with fields in braces
    before_s, after_s: margins
    encode: encode all pictures anew, so that clips begin exactly where asked
    """

    folder: Path
    name: str = USUAL_NAME
    before_s: float = 1.0
    after_s: float = 1.0
    encode: bool = False
    best_only: bool = False
    sheet: Path | None = None


def run_export(library: Store, hits: Sequence[Hit], wanted: ExportRequest, *, as_json: bool) -> int:
    """Cut a clip of each moment; → the exit code. A clip that fails does not stop the others.

    Raises KinodexError when nothing can be written.
    """
    cuts = cuts_of(library, hits, best_only=wanted.best_only)
    names = [file_name(cut, wanted.name) for cut in cuts]  # a wrong template is said first
    folder = usable_folder(wanted.folder)
    settings = library.settings(IndexSettings)
    failed = 0
    for cut, name in zip(cuts, names, strict=True):
        try:
            file, cutting = _write_clip(cut, folder, name, wanted, settings)
        except (NotPlayable, OSError) as error:
            failed += 1
            why = error if isinstance(error, NotPlayable) else _unwritten(folder, error)
            talk(f"{printable(short_path(cut.path))} at {cut.start_s:.1f} s: {why}")
        else:
            _show(cut, file, cutting, as_json=as_json)
    if wanted.sheet is not None and hits:
        from tasks.sketches.sheet import write_sheets_of_cuts  # drawing needs torch

        for page in write_sheets_of_cuts(library, cuts, wanted.sheet):
            talk(f"contact sheet: {printable(short_path(page))}")
    talk(f"{counted(len(cuts) - failed, 'clip')} in {printable(short_path(folder))}")
    return Exit.SOME_FAILED if failed else Exit.DONE


def file_name(cut: Cut, template: str) -> str:
    """A name for a clip: no separators, no characters that cannot be shown, not too long.

    A long name of a video is shortened, so that what tells its clips apart is still there.

    Raises KinodexError for a template that names something else.
    """
    fields = {
        "rank": cut.rank,
        "name": shortened(cut.path.stem, _LONGEST_STEM_BYTES),
        "start": _time(cut.start_s),
        "end": _time(cut.end_s),
        "segment": cut.moment.segment,
    }
    try:
        name = template.format_map(fields)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        known = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise KinodexError(
            f"the name {template!r} cannot be filled in: there are {known}"
        ) from error
    return clip_name(name)


def _taken(folder: Path, name: str) -> Path:
    """A new, empty file of this name, or with a number after it: what lies there stays."""
    for number in itertools.count(1):
        file = folder / (f"{name}.mp4" if number == 1 else f"{name}-{number}.mp4")
        with contextlib.suppress(FileExistsError):
            file.touch(exist_ok=False)
            break
    return file


def _write_clip(
    cut: Cut, folder: Path, name: str, wanted: ExportRequest, settings: IndexSettings
) -> tuple[Path, Cutting]:
    start_s = max(0.0, cut.start_s - wanted.before_s)
    end_s = min(cut.end_s + wanted.after_s, cut.length_s)
    copy_from_s = None if wanted.encode else max(0.0, start_s - _SOONER_S)
    with draft_of(folder / f"{name}.mp4") as draft:
        job = CutJob(
            cut.path,
            draft,
            start_s,
            end_s,
            settings,
            copy_from_s,
            to_keep=True,
            length_s=cut.length_s,
        )
        cutting = run_cut(job, _CUT_TIMEOUT_S)
        file = _taken(folder, name)
        try:
            draft.replace(file)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
    return file, cutting


def _unwritten(folder: Path, error: OSError) -> str:
    return f"nothing can be written to {printable(short_path(folder))}: {why_unwritten(error)}"


def _show(cut: Cut, file: Path, cutting: Cutting, *, as_json: bool) -> None:
    if cutting.lost is not None:
        talk(f"{printable(short_path(file))}: {cutting.lost}")
    if not as_json:
        data_path(short_path(file))
        return
    data_json(
        {
            "file": str(file),
            "path": str(cut.path),
            "segment": cut.moment.segment,
            "rank": cut.rank,
            "start_s": cut.start_s,
            "end_s": cut.end_s,
            "copied": cutting.copied_from_s is not None,
            "begins_s": cutting.copied_from_s,
            "lost": cutting.lost,
        }
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes // 60}h{minutes % 60:02d}m{rest / 10:04.1f}s"
