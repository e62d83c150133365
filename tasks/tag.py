"""`kinodex tag`: tags for a whole library, from stored frames, and a person's word on a segment."""

from dataclasses import asdict
from pathlib import Path

from search.catalog.segment_reference import find_segment
from search.catalog.settings import TagSettings
from search.catalog.spaces import choice_of, encoder_of, tower_of
from search.catalog.store import Store
from search.tags.planning import TagRequest, make_tagger, wanted_by
from search.tags.reading import tags_of
from search.tags.tagger import TagReport
from search.tags.verdicts import Verdict, keep_verdict
from search.wording import counted, printable
from tasks.terminal.bars import WorkBar
from tasks.terminal.model_flags import ModelFlags, indexed_space, load_talking
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import data_json, talk


def run_correction(
    folder: Path | None, what: str, segment: str, label: str, *, as_json: bool
) -> None:
    """Keep a person's word, or take it back; `what` is a Verdict's value.

    Raises NoSuchSegment, and what `keep_verdict` raises.
    """
    with Store.open(folder) as library, library.writing() as session:
        number = find_segment(session, segment)
        meant, is_new = keep_verdict(session, number, label, Verdict(what))
        tags = tags_of(session, [number])[number]
    if as_json:
        data_json({"segment": number, "label": meant, "tags": [asdict(tag) for tag in tags]})
    if is_new:
        talk(f"{printable(meant)!r} is a label of your own: the vocabulary does not have it")
    listed = ", ".join(printable(tag.label) for tag in tags) or "none"
    talk(f"tags of segment {number} now: {listed}")


def run_tag(folder: Path | None, request: TagRequest, flags: ModelFlags, *, as_json: bool) -> int:
    """Tag the library in `folder`; → the exit code."""
    with Store.open(folder) as library:
        library.require_writable()
        space = indexed_space(library)
        current = choice_of(space)
        choice = flags.text_tower_over(current) or current
        settings = library.settings(TagSettings)
        stored = encoder_of(space) if choice == current else None
        backbone = load_talking(
            choice, flags, stored=stored, tower=tower_of(space, library.int8_folder)
        )
        with library.reading() as session:
            wanted = wanted_by(session, request, settings, backbone)
        tagger = make_tagger(library, backbone, wanted, talk)
        with WorkBar("tagging", library=library.folder) as bar, stop_on_interrupt() as stop:
            report = tagger.run(on_progress=bar.show, stop=stop)
    if as_json:
        data_json(asdict(report) | {"vocabulary": wanted.plan.words.name})
    _summarise(report, wanted.plan.words.name)
    return Exit.INTERRUPTED if report.interrupted else Exit.DONE


def _summarise(report: TagReport, vocabulary: str) -> None:
    if report.interrupted:
        talk("interrupted: tags stay as they were; run the same command to go on")
        return
    talk(
        f"{counted(report.tags, 'tag')} of {printable(vocabulary)} ({report.labels} labels): "
        f"{report.tagged} of {counted(report.segments, 'segment')} have one or more"
    )
