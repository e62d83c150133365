"""Asking for work and stopping it, for visitors who may."""

from pathlib import Path

from ui.web.jobs.queue import jobs_of
from ui.web.jobs.request import JobRequest
from ui.web.shared.changes import change


@change
def begin(request: JobRequest) -> None:
    """Have work done after all that was asked for before. Raises ChangeRefused, TooMuchWork."""
    jobs_of(request.library).ask(request)


@change
def stop(folder: Path) -> None:
    """End the work on a library after its current step, then at once. Raises ChangeRefused."""
    jobs_of(folder).stop()
