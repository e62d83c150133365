"""What a test run says of programs that are not there."""

import pytest

from tests.programs import needed, summary


def test_a_missing_program_skips_here_and_fails_where_ci_runs(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no 'chromium' on the PATH"):
        needed("chromium")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no 'chromium' on the PATH"):
        needed("chromium")


def test_the_end_of_a_run_names_what_is_missing_and_the_command_that_brings_it():
    reasons = ["('f.py', 3, \"Skipped: no 'chromium' on the PATH\")"] * 2
    reasons += ["Skipped: no 'ffprobe' on the PATH", "Skipped: there is no GPU"]
    assert summary(reasons) == (
        "skipped: 2 for want of chromium, 1 for want of ffprobe. "
        "On Debian 'apt-get install chromium ffmpeg' brings what is missing."
    )
    assert summary(["Skipped: there is no GPU"]) is None
