"""`kinodex index` and `kinodex failed --retry`: the model, the progress bar, the summary."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from indexer.config import load_settings, sampling_of, write_settings_template
from indexer.discover import Discovery
from indexer.pipeline import Indexer, IndexReport, check_paths
from indexer.scan import Job, Scan
from models.backbone import Backbone, find_device, load_backbone
from models.checkpoints import HeadMismatch, default_head
from models.choice import HeadChoice, ModelChoice
from models.sources import choose_model, default_choice
from search.catalog import Space
from search.heads import choose_head, load_fusing_head
from search.library import Library
from search.settings import SketchSettings, tag_settings_of
from search.spaces import active_space, check_same_model, choice_of, head_of
from search.tag_planning import make_tagger, wanted_for_new_videos
from ui.printing import counted, data_json, printable, short_path, talk, talk_console
from ui.progress_notes import ProgressNotes

EXIT_DONE, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 0, 3, 130
STOPPING = "stopping: what is finished is kept"


@dataclass(frozen=True)
class ModelFlags:
    """The options that choose a model, as typed."""

    model: str | None = None
    pretrained: str | None = None
    weights: Path | None = None
    device: str | None = None

    def choice(self, current: ModelChoice | None) -> ModelChoice | None:
        """What was asked for, filled up from the library's current model; None for nothing."""
        if not (self.model or self.pretrained or self.weights):
            return None
        name = self.model or (current.name if current else default_choice(find_device()).name)
        bare = not (self.pretrained or self.weights)
        if current and bare and self.model == current.name:
            return current  # the bare name of the library's own model means exactly that model
        return choose_model(name, pretrained=self.pretrained, weights=self.weights)


def run_index(
    folder: Path | None,
    paths: Sequence[Path],
    flags: ModelFlags,
    *,
    head: str | None = None,
    reindex: bool,
    sketch: bool | None = None,
    watch: bool = False,
    as_json: bool,
) -> int:
    """Index `paths` (or all known files) into the library in `folder`; → the exit code.

    head: a name or a file; by default the library's own, and for a new one the model's usual one
    sketch: whether new segments are sketched afterwards; by default what the settings say
    watch: go on with what comes, until somebody stops it
    """

    def work(indexer: Indexer) -> IndexReport:
        if paths:
            return indexer.index(paths, switch_space=reindex)
        return indexer.index_known(failed=False, switch_space=reindex)

    # Before a library is made for nothing, or a model loaded.
    check_paths(paths)
    asked_head = choose_head(head) if head else None
    with Library.open(folder, create=True) as library:
        space = space_of(library)
        choice = _choice_for_indexing(space, flags, reindex=reindex)
        head_choice = asked_head or _usual_head(space, choice)
        return _run(
            library,
            choice,
            head_choice,
            flags.device,
            work,
            sketch=sketch,
            watched=paths if watch else (),
            as_json=as_json,
        )


def retry_failed(
    folder: Path | None, device: str | None, *, only: Sequence[Path] = (), as_json: bool
) -> int:
    """Index the failed files once more, all or `only` some; → the exit code."""

    def work(indexer: Indexer) -> IndexReport:
        if only:
            return indexer.index(only, retry_failed=True)
        return indexer.index_known(failed=True)

    check_paths(only)
    with Library.open(folder) as library:
        space = space_of(library)
        choice = _choice_for_indexing(space, ModelFlags(), reindex=False)
        return _run(
            library,
            choice,
            _usual_head(space, choice),
            device,
            work,
            as_json=as_json,
        )


def load_model(choice: ModelChoice, device: str | None) -> Backbone:
    """The model, with word of what happens while it takes its time."""
    return load_backbone(choice, device=device, talk=talk)


def space_of(library: Library) -> Space | None:
    """The space that searches use, or None in a library that was never indexed."""
    with library.reading() as session:
        return active_space(session)


def _usual_head(space: Space | None, model: ModelChoice) -> HeadChoice:
    """The library's own head while it keeps its model. Raises HeadMismatch when that is gone."""
    if space is None or choice_of(space) != model:
        return default_head(model)
    own = head_of(space)
    if own.file and not own.file.is_file():
        raise HeadMismatch(
            f"the head of this library, {str(own.file)!r}, is gone: bring it back, or run "
            "'kinodex fuse --head' with the place where it lies now or with another head"
        )
    return own


def _choice_for_indexing(space: Space | None, flags: ModelFlags, *, reindex: bool) -> ModelChoice:
    current = choice_of(space) if space else None
    asked = flags.choice(current)
    if space is not None and asked is not None and not reindex:
        check_same_model(space, asked)
    if asked or current:
        return asked or current  # type: ignore[return-value]
    choice = default_choice(find_device(flags.device))
    talk(f"no model named: using {choice}, a good one for {find_device(flags.device).type}")
    return choice


def _run(
    library: Library,
    choice: ModelChoice,
    head_choice: HeadChoice,
    device: str | None,
    work: Callable[[Indexer], IndexReport],
    *,
    sketch: bool | None = None,
    watched: Sequence[Path] = (),
    as_json: bool,
) -> int:
    settings, tag_settings = load_settings(library), tag_settings_of(library)
    sketch_settings = library.checked_settings("sketch", SketchSettings)
    backbone = load_model(choice, device)
    head = load_fusing_head(head_choice, choice, backbone.identity, backbone.dim)
    talk(
        f"library {printable(library.folder)}, model {choice}, head {head.identity.name}, "
        f"on {backbone.device.type}"
    )
    write_settings_template(library)
    wants_sketches = sketch_settings.after_indexing if sketch is None else sketch

    remarks_made: set[str] = set()

    def once(do: Callable[[Indexer], IndexReport], stop: threading.Event) -> int:
        # Somebody may have tagged the library otherwise while it was watched.
        with library.reading() as session:
            wanted = wanted_for_new_videos(session, tag_settings, backbone, sampling_of(settings))
        tagger = make_tagger(library, backbone, wanted, talk)
        with ProgressBar(library.folder, remarks_made) as listener:
            report = do(Indexer(library, backbone, head, settings, listener, stop, tagger))
        if watched and report.is_empty:
            return EXIT_DONE
        return _finish(
            library, backbone, report, stop, wants_sketches=wants_sketches, as_json=as_json
        )

    with stop_on_interrupt() as stop:
        if not watched:
            return once(work, stop)
        from ui.watching import watch_folders  # it imports this module

        return watch_folders(watched, library.folder, settings, stop, lambda do: once(do, stop))


def _finish(
    library: Library,
    backbone: Backbone,
    report: IndexReport,
    stop: threading.Event,
    *,
    wants_sketches: bool,
    as_json: bool,
) -> int:
    """Say what was done, and sketch what is new; → the exit code."""
    _summarise(report)
    sketching = None
    if wants_sketches and not report.interrupted:
        from ui.sketching import sketch_new_segments  # it imports this module

        sketching = sketch_new_segments(library, backbone, stop)
    if as_json:
        data_json(asdict(report) | {"sketching": asdict(sketching) if sketching else None})
        sys.stdout.flush()  # whoever reads a watch's lines wants them as they come
    if report.interrupted or (sketching and sketching.interrupted):
        return EXIT_INTERRUPTED
    some_failed = report.has_failures or bool(sketching and sketching.failed)
    return EXIT_SOME_FAILED if some_failed else EXIT_DONE


class ProgressBar:
    """Draws indexing on stderr: files, frames a second, time left by the size of the files.

    remarks_made: what was said of files left aside, which is not said again
    """

    def __init__(self, library: Path, remarks_made: set[str]) -> None:
        self._remarks_made = remarks_made
        self._notes = ProgressNotes(library, "indexing")
        self._progress = Progress(
            TextColumn("indexing"),
            BarColumn(),
            TextColumn("{task.fields[files]}/{task.fields[all_files]} files"),
            TextColumn("{task.fields[rate]:.0f} frames/s"),
            TimeRemainingColumn(),
            console=talk_console,
            transient=True,
        )
        self._task = self._progress.add_task("", visible=False, files=0, all_files=0, rate=0.0)
        self._bytes_done: dict[int, float] = {}
        self._bytes = self._files = self._all_files = 0
        self._frames = 0
        self._started = time.monotonic()

    def __enter__(self) -> "ProgressBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._notes.clear()

    def on_scan(self, discovery: Discovery, scan: Scan) -> None:
        """Say what was left out, then show the bar."""
        left_aside = _left_aside(discovery)
        if left_aside and left_aside not in self._remarks_made:
            self._remarks_made.add(left_aside)
            talk(left_aside)
        for line in _remarks(discovery):
            talk(line)
        self._bytes = sum(job.size_bytes for job in scan.jobs)
        self._all_files = len(scan.jobs)
        self._progress.update(
            self._task, total=self._bytes, all_files=self._all_files, visible=bool(scan.jobs)
        )
        self._started = time.monotonic()
        self._notes.write(0.0, 0, self._all_files, "files")

    def on_frames(self, job: Job, frames: int, fraction: float) -> None:
        """Move the bar by the part of the file that is decoded."""
        self._frames += frames
        self._move(job, fraction)

    def on_done(self, job: Job) -> None:
        """Count a file."""
        self._files += 1
        self._move(job, 1.0)

    def on_failed(self, job: Job, reason: str) -> None:
        """Count a file and say at once what is wrong with it."""
        self.on_done(job)
        talk(f"failed: {printable(short_path(job.path))}: {reason}")

    def _move(self, job: Job, fraction: float) -> None:
        self._bytes_done[job.path_id] = job.size_bytes * fraction
        completed = sum(self._bytes_done.values())
        self._notes.write(completed / max(self._bytes, 1), self._files, self._all_files, "files")
        self._progress.update(
            self._task,
            completed=completed,
            files=self._files,
            rate=self._frames / max(time.monotonic() - self._started, 0.1),
        )


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl-C asks the run to stop after its current step; a second one ends it hard."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        talk(STOPPING)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _left_aside(discovery: Discovery) -> str:
    """How many files are not even tried, and why; empty for none."""
    reasons = (
        (discovery.skipped_hidden, "hidden"),
        (len(discovery.unreadable), "not readable"),
        (len(discovery.links_outside), "links that lead out of the folder"),
    )
    said = ", ".join(f"{count} {why}" for count, why in reasons if count)
    return f"left aside: {said}" if said else ""


def _remarks(discovery: Discovery) -> Iterator[str]:
    """What a user should know about files that are not being indexed."""
    for refused in discovery.refused:
        yield f"failed: {printable(short_path(refused.found.path))}: {refused.reason}"
    for root in discovery.roots:
        if not root.was_seen:
            state = "is empty" if os.path.exists(root.path) else "is not there"  # noqa: PTH110
            yield f"{printable(root.path)} {state}: nothing was taken out of the library for it"


def _summarise(report: IndexReport) -> None:
    parts = [f"{counted(report.encoded, 'video')} indexed"]
    if report.frames_sampled:
        parts[0] += f" ({report.frames_sampled} frames, {report.frames_encoded} encoded)"
    for count, words in (
        (report.damaged, "of them damaged"),
        (report.linked, "already known under another name"),
        (report.unchanged, "unchanged"),
        (report.newly_missing, "gone and hidden"),
        (report.failed, "failed"),
        (report.failed_before, "failed before (try again: 'kinodex failed --retry')"),
    ):
        if count:
            parts.append(f"{count} {words}")
    if report.tagging:
        parts.append(f"{counted(report.tagging.tagged, 'segment')} with tags")
    talk(", ".join(parts))
    if report.interrupted:
        talk("interrupted: run the same command again to go on")
