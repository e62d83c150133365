"""Exit codes, and what Ctrl-C does."""

import os
import signal

import pytest

from tasks.terminal.outcomes import Exit, stop_on_interrupt


def test_shells_know_the_codes():
    codes = {name: code.value for name, code in Exit.__members__.items()}
    assert codes == {"DONE": 0, "ERROR": 1, "USAGE": 2, "SOME_FAILED": 3, "INTERRUPTED": 130}


def test_the_first_interrupt_asks_to_stop_and_the_second_stops(capsys):
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
        assert capsys.readouterr().err == "stopping: what is finished is kept\n"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is before
