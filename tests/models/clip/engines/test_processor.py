"""Code that is compiled for one processor is not taken for another one's."""

from pathlib import Path

import pytest

from models.clip.engines import processor
from models.clip.engines.processor import processor_key

TOLD = """processor\t: 0
model name\t: Some CPU
cpu MHz\t\t: 2000.1
flags\t\t: fpu avx512_bf16

processor\t: 1
model name\t: Some CPU
flags\t\t: fpu
"""


@pytest.fixture
def key_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The key on a machine whose /proc/cpuinfo says this."""

    def key(text: str) -> str:
        told = tmp_path / "cpuinfo"
        told.write_text(text)
        monkeypatch.setattr(processor, "Path", lambda _: told)
        return processor_key.__wrapped__()

    monkeypatch.setattr(processor.platform, "system", lambda: "Linux")
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    return key


def test_one_processor_has_one_key(key_for):
    assert key_for(TOLD) == "7ede5beb07b3957c"


@pytest.mark.parametrize(
    ("said", "instead"),
    [("2000.1", "3000.2"), ("fpu\n", "fpu vme\n"), ("processor\t: 1", "processor\t: 7")],
    ids=["its clock", "other cores", "their numbers"],
)
def test_what_changes_no_code_changes_no_key(key_for, said, instead):
    assert key_for(TOLD.replace(said, instead)) == key_for(TOLD)


@pytest.mark.parametrize(("said", "instead"), [("Some", "Other"), ("avx512_bf16", "avx512_vnni")])
def test_another_name_or_ability_is_another_processor(key_for, said, instead):
    assert key_for(TOLD.replace(said, instead)) != key_for(TOLD)


def test_another_system_is_another_processor(key_for, monkeypatch):
    here = key_for(TOLD)
    monkeypatch.setattr(processor.platform, "machine", lambda: "aarch64")
    assert key_for(TOLD) != here
