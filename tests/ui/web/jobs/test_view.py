"""What the page offers when work has failed."""

from pathlib import Path

import pytest

from models.errors import NOT_DOWNLOADED
from tasks.terminal.outcomes import Exit
from ui.web.jobs.queue import EndedJob
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.jobs.view import could_use_another_model

WORDS = ("no model named: using X", f"the model X {NOT_DOWNLOADED}: use another")


def ended(kind: JobKind, *, code: int = Exit.ERROR, lines: tuple[str, ...] = WORDS) -> EndedJob:
    return EndedJob(1, JobRequest(kind, Path("/library")), code, 1.0, lines)


@pytest.mark.parametrize("kind", JobKind)
def test_another_model_is_offered_only_where_one_may_be_chosen(kind):
    assert could_use_another_model(ended(kind), has_model=False) == (
        kind in (JobKind.INDEX, JobKind.REINDEX)
    )
    assert could_use_another_model(ended(kind), has_model=True) == (kind == JobKind.REINDEX)


def test_another_model_is_offered_only_for_want_of_a_download():
    assert not could_use_another_model(ended(JobKind.INDEX, lines=("no space",)), has_model=False)
    assert not could_use_another_model(ended(JobKind.INDEX, lines=()), has_model=False)
    done = ended(JobKind.INDEX, code=Exit.DONE)
    assert not could_use_another_model(done, has_model=False)
