"""The part of the library view that tells of work: what runs, how far it is, how it ended."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from models.errors import NOT_DOWNLOADED, KinodexError
from models.identity import IMAGENET
from models.imagenet.packages import is_installed
from search.catalog.progress import Progress, read_progress, running_works
from tasks.terminal.outcomes import Exit
from ui.web.jobs import asking
from ui.web.jobs.queue import EndedJob, JobsNow, Running, jobs_of
from ui.web.jobs.request import JobKind, JobRequest

_EVERY_S = 1.0

WHAT = {
    JobKind.INDEX: "indexing",
    JobKind.RETRY: "trying failed files again",
    JobKind.REINDEX: "indexing everything again",
    JobKind.FUSE: "fusing with another head",
    JobKind.TAG: "tagging again",
    JobKind.SKETCH: "sketching",
}
_HOW_IT_ENDED: Mapping[int, str] = {
    Exit.DONE: "done",
    Exit.SOME_FAILED: "done, but some failed",
    Exit.INTERRUPTED: "stopped; what was finished is kept",
}


def ask(request: JobRequest) -> None:
    """Have work done, for buttons; where it may not be, or too much waits, that is said."""
    try:
        asking.begin(request)
    except KinodexError as error:
        st.toast(str(error))  # it reads Markdown, but this is a sentence of ours


def is_busy(folder: Path) -> bool:
    """Whether any work on the library is going on, asked for here or elsewhere."""
    return jobs_of(folder).now().running is not None or bool(running_works(folder))


def draw(folder: Path, *, may_change: bool, has_model: bool = True) -> None:
    """Draw it; it draws itself again and again while there is work, and the page when it ends.

    has_model: whether the library keeps to one already
    """
    if is_busy(folder):
        st.fragment(_draw_busy, run_every=_EVERY_S)(folder, may_change)
    else:
        last = jobs_of(folder).now().last
        if last is not None:
            offers = may_change and is_installed() and could_use_another_model(last, has_model)
            _draw_outcome(last, offers_imagenet=offers)


def _draw_busy(folder: Path, may_change: bool) -> None:
    if not is_busy(folder):
        st.rerun()
    work = jobs_of(folder).now()
    with st.container(key="work"):
        if work.running is not None and work.running.started:
            _draw_running(folder, work.running)
        else:
            for lock in running_works(folder):
                _draw_elsewhere(read_progress(folder, lock), lock)
        _draw_waiting(work)
        if may_change and work.running is not None:
            _draw_stop(folder, work.running)


def _draw_running(folder: Path, running: Running) -> None:
    progress = next(
        filter(None, (read_progress(folder, one) for one in running_works(folder))), None
    )
    _draw_bar(_first_large(WHAT[running.request.kind]), progress, running)
    if running.lines:
        with st.container(key="work-said"):
            st.text(running.lines[-1])


def _draw_elsewhere(progress: Progress | None, lock: str) -> None:
    by = f" (process {progress.process})" if progress else ""
    _draw_bar(f"Another program is {progress.work if progress else lock}{by}", progress, None)


def _draw_bar(title: str, progress: Progress | None, running: Running | None) -> None:
    with st.container(key="work-title"):
        st.text("Stopping after the present step …" if running and running.stopping else title)
    st.progress(min(progress.fraction, 1.0) if progress else 0.0)
    if progress is not None:
        st.text(_how_far(progress))
    elif running is not None:
        st.text("preparing: the model is loaded, files are looked at")


def _how_far(progress: Progress) -> str:
    how_far = f"{progress.work}: {progress.done} of {progress.total} {progress.noun}"
    how_far += f", {100 * progress.fraction:.0f} %"
    if progress.left_s is not None:
        how_far += f", about {_in_words(progress.left_s)} left"
    return how_far


def _draw_waiting(work: JobsNow) -> None:
    waiting = list(work.waiting)
    if work.running is not None and not work.running.started:
        waiting.insert(0, work.running.request)
    if waiting:
        st.text("Then: " + ", ".join(WHAT[request.kind] for request in waiting))


def _draw_stop(folder: Path, running: Running) -> None:
    label = "Stop at once" if running.stopping else "Stop"
    st.button(
        label,
        key="stop-work",
        icon=":material/stop_circle:",
        help="What is finished is kept. Adding the same again goes on from there.",
        on_click=_stop,
        args=(folder,),
    )


def _stop(folder: Path) -> None:
    try:
        asking.stop(folder)
    except KinodexError as error:
        st.toast(str(error))


def _draw_outcome(outcome: EndedJob, *, offers_imagenet: bool) -> None:
    how = _HOW_IT_ENDED.get(outcome.code, "it did not work")
    title = f"{_first_large(WHAT[outcome.request.kind])}: {how} ({_in_words(outcome.seconds)})"
    with st.container(key="work"):
        with st.container(key="work-title"):
            st.text(title)
        if outcome.lines:
            st.text(outcome.lines[-1])
        if offers_imagenet:
            _offer_imagenet(outcome.request)
        if len(outcome.lines) > 1:
            with st.expander("All that was said"):
                st.code("\n".join(outcome.lines), language=None, wrap_lines=True)


def could_use_another_model(outcome: EndedJob, has_model: bool) -> bool:
    """Whether work failed for want of a download, and may be asked for with another model."""
    may_choose = outcome.request.kind == JobKind.REINDEX or (
        outcome.request.kind == JobKind.INDEX and not has_model
    )
    lacks_it = any(NOT_DOWNLOADED in line for line in outcome.lines)
    return may_choose and outcome.code == Exit.ERROR and lacks_it


def _offer_imagenet(request: JobRequest) -> None:
    st.button(
        "Use the model imagenet instead",
        key="use-imagenet",
        icon=":material/cloud_off:",
        help="It is installed and needs no download. It knows a thousand kinds of things, no "
        "people and few actions. A CLIP model is better: everything can be indexed again later.",
        on_click=ask,
        args=(replace(request, name=IMAGENET),),
    )


def _in_words(seconds: float) -> str:
    """ "12 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _first_large(text: str) -> str:
    return text[:1].upper() + text[1:]
