"""`kinodex index` and `kinodex failed --retry`: the model, the progress bar, the summary."""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from indexer.library_settings import sampling_of, write_settings_template
from indexer.pipeline import Indexer, IndexReport, check_paths
from indexer.reading.settings import IndexSettings
from models.choice import HeadChoice, ModelChoice
from models.clip.backbone import Backbone, find_device
from models.clip.sources import default_choice
from models.heads.checkpoints import default_head
from models.heads.fit import HeadMismatch
from search.catalog.settings import SketchSettings, TagSettings
from search.catalog.spaces import check_same_model, choice_of, head_of
from search.catalog.store import Store
from search.catalog.tables import Space
from search.heads import choose_head, load_fusing_head
from search.tags.planning import make_tagger, wanted_for_new_videos
from search.wording import counted, printable
from tasks.terminal.bars import IndexingBar as ProgressBar
from tasks.terminal.model_flags import ModelFlags, space_of
from tasks.terminal.model_flags import load_talking as load_model
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import data_json, talk


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
    with Store.open(folder, create=True) as library:
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
    with Store.open(folder) as library:
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
    library: Store,
    choice: ModelChoice,
    head_choice: HeadChoice,
    device: str | None,
    work: Callable[[Indexer], IndexReport],
    *,
    sketch: bool | None = None,
    watched: Sequence[Path] = (),
    as_json: bool,
) -> int:
    settings, tag_settings = library.settings(IndexSettings), library.settings(TagSettings)
    sketch_settings = library.settings(SketchSettings)
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
            return Exit.DONE
        return _finish(
            library, backbone, report, stop, wants_sketches=wants_sketches, as_json=as_json
        )

    with stop_on_interrupt() as stop:
        if not watched:
            return once(work, stop)
        from tasks.watch import watch_folders  # it imports this module

        return watch_folders(watched, library.folder, settings, stop, lambda do: once(do, stop))


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
        from tasks.sketches.run import sketch_new_segments  # it imports this module

        sketching = sketch_new_segments(library, backbone, stop)
    if as_json:
        data_json(asdict(report) | {"sketching": asdict(sketching) if sketching else None})
        sys.stdout.flush()  # whoever reads a watch's lines wants them as they come
    if report.interrupted or (sketching and sketching.interrupted):
        return Exit.INTERRUPTED
    some_failed = report.has_failures or bool(sketching and sketching.failed)
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
    if report.interrupted:
        talk("interrupted: run the same command again to go on")
