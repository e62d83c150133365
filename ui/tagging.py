"""`kinodex tag`: tags for a whole library, from stored frames."""

from dataclasses import asdict
from pathlib import Path

from search.library import Library, nothing_indexed
from search.settings import tag_settings_of
from search.spaces import choice_of
from search.tag_planning import TagRequest, make_tagger, wanted_by
from search.tagger import TagReport
from ui.indexing import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    ModelFlags,
    load_model,
    space_of,
    stop_on_interrupt,
)
from ui.printing import counted, data_json, printable, talk
from ui.work_bar import WorkBar


def run_tag(folder: Path | None, request: TagRequest, flags: ModelFlags, *, as_json: bool) -> int:
    """Tag the library in `folder`; → the exit code."""
    with Library.open(folder) as library:
        space = space_of(library)
        if space is None:
            raise nothing_indexed(library)
        current = choice_of(space)
        # A model's bare name means its own weights here: the way back from another text tower.
        choice = flags.choice(None if flags.model else current) or current
        settings = tag_settings_of(library)
        backbone = load_model(choice, flags.device)
        with library.reading() as session:
            wanted = wanted_by(session, request, settings, backbone)
        tagger = make_tagger(library, backbone, wanted, talk)
        with WorkBar("tagging", library=library.folder) as bar, stop_on_interrupt() as stop:
            report = tagger.run(on_progress=bar.show, stop=stop)
    if as_json:
        data_json(asdict(report) | {"vocabulary": wanted.plan.words.name})
    _summarise(report, wanted.plan.words.name)
    return EXIT_INTERRUPTED if report.interrupted else EXIT_DONE


def _summarise(report: TagReport, vocabulary: str) -> None:
    if report.interrupted:
        talk("interrupted: tags stay as they were; run the same command to go on")
        return
    talk(
        f"{counted(report.tags, 'tag')} of {printable(vocabulary)} ({report.labels} labels): "
        f"{report.tagged} of {counted(report.segments, 'segment')} have one or more"
    )
