"""`kinodex index` and `kinodex failed --retry`: the model, the progress bar, the summary."""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from indexer.pipeline import IndexReport, check_paths
from models.clip.backbone import Backbone
from search.catalog.settings import SketchSettings
from search.catalog.spaces import SpaceMismatch
from search.catalog.store import Store
from search.heads import choose_head
from search.wording import counted, printable
from tasks.index_setup import IndexSetup, Pass, pass_over
from tasks.terminal.bars import IndexingBar
from tasks.terminal.model_flags import ModelFlags
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import data_json, talk
from tasks.watch import watch_folders

# While one model or head is loaded, the library may be given another once more.
_MORE_TRIES = 4


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
    # Before a library is made for nothing, or a model loaded.
    check_paths(paths)
    asked_head = choose_head(head) if head else None
    with Store.open(folder, create=True) as library:
        library.require_writable()
        library.require_sound()
        wants_sketches = library.settings(SketchSettings).after_indexing
        setup = IndexSetup.load(library, flags, talk, head=asked_head, reindex=reindex, paths=paths)
        return _run(
            setup,
            pass_over(paths, reindex=reindex),
            wants_sketches=wants_sketches if sketch is None else sketch,
            follows=not (asked_head or flags.name_a_model or reindex),
            watched=paths if watch else (),
            as_json=as_json,
        )


def retry_failed(
    folder: Path | None, device: str | None, *, only: Sequence[Path] = (), as_json: bool
) -> int:
    """Index the failed files once more, all or `only` some; → the exit code."""
    check_paths(only)
    with Store.open(folder) as library:
        library.require_writable()
        wants_sketches = library.settings(SketchSettings).after_indexing
        setup = IndexSetup.load(library, ModelFlags(device=device), talk)
        work = pass_over(only, retry_failed=True)
        return _run(setup, work, wants_sketches=wants_sketches, follows=True, as_json=as_json)


def _run(
    setup: IndexSetup,
    work: Pass,
    *,
    wants_sketches: bool,
    follows: bool,
    watched: Sequence[Path] = (),
    as_json: bool,
) -> int:
    remarks_made: set[str] = set()

    def once(setup: IndexSetup, do: Pass, stop: threading.Event) -> int:
        with IndexingBar(setup.library.folder, remarks_made) as listener:
            report = setup.run(do, listener, stop)
        if watched and report.is_empty:
            return Exit.DONE
        return _finish(
            setup.library,
            setup.backbone,
            report,
            stop,
            wants_sketches=wants_sketches,
            as_json=as_json,
        )

    _say_with_what(setup)
    with stop_on_interrupt() as stop:
        rounds = _Rounds(setup, lambda setup, do: once(setup, do, stop), follows)
        if not watched:
            return rounds.run(work)
        return watch_folders(watched, setup.library.folder, setup.settings, stop, rounds.run)


def _say_with_what(setup: IndexSetup) -> None:
    talk(
        f"library {printable(setup.library.folder)}, model {setup.backbone.choice}, "
        f"head {setup.head.identity.name}, on {setup.backbone.device_type}{_engine(setup.backbone)}"
    )


def _engine(backbone: Backbone) -> str:
    """With what it computes, where that is a choice."""
    if backbone.device_type != "cpu":
        return ""
    return f" with {backbone.engine.name} in {backbone.engine.precision}"


@dataclass
class _Rounds:
    """The rounds of a run; a watch has many. Meanwhile somebody may give the library another head,
    model or sampling: the next try goes on with that.

    once: does one round with what was loaded; → the exit code
    follows: whether nothing else was asked for. After the first round what was asked for is done
    """

    setup: IndexSetup
    once: Callable[[IndexSetup, Pass], int]
    follows: bool

    def run(self, do: Pass) -> int:
        """Do one. Raises SpaceMismatch where the library was made otherwise than was asked for."""
        for _ in range(_MORE_TRIES if self.follows else 0):
            try:
                return self.once(self.setup, do)
            except SpaceMismatch:
                self._load_again()
        code = self.once(self.setup, do)
        self.follows = True
        return code

    def _load_again(self) -> None:
        flags = ModelFlags(device=self.setup.backbone.device_type)
        self.setup = IndexSetup.load(self.setup.library, flags, talk)
        talk("the library was changed meanwhile: going on with what it uses now")
        _say_with_what(self.setup)


def _finish(
    library: Store,
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
        from tasks.sketches.run import sketch_new_segments

        sketching = sketch_new_segments(library, backbone, stop)
    if as_json:
        data_json(asdict(report) | {"sketching": asdict(sketching) if sketching else None})
        sys.stdout.flush()  # whoever reads a watch's lines wants them as they come
    if report.interrupted or (sketching and sketching.interrupted):
        return Exit.INTERRUPTED
    some_failed = report.has_failures or bool(report.behind) or bool(sketching and sketching.failed)
    return Exit.SOME_FAILED if some_failed else Exit.DONE


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
    if report.behind:
        talk(
            f"searches go on with what was there: {counted(report.behind, 'video')} could not be "
            "encoded anew. Bring back what 'kinodex failed' lists, or take it out with "
            "'kinodex remove', and run the same command again"
        )
    if report.interrupted:
        talk("interrupted: run the same command again to go on")
