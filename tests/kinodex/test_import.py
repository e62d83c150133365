"""`import kinodex`: light, complete and typed; `python -m kinodex` is the command."""

import importlib
import inspect
import pydoc
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import kinodex

PROJECT = Path(__file__).parents[2]
HEAVY = ("torch", "open_clip", "streamlit", "faiss", "sqlalchemy", "PIL", "numpy", "rich", "typer")


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_importing_it_loads_nothing_heavy():
    program = f"""
import sys, kinodex
open, errors = kinodex.open, (kinodex.KinodexError, kinodex.QueryMistake)
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert run("-c", program) == "[]"


def test_the_module_is_the_command():
    assert run("-m", "kinodex", "--version") == f"kinodex {version('kinodex')}"
    assert "Usage: python -m kinodex" in run("-m", "kinodex", "--help")


def test_it_knows_its_version():
    assert kinodex.__version__ == version("kinodex")


@pytest.mark.parametrize("name", kinodex.__all__)
def test_every_name_is_there_and_documented(name):
    assert getattr(kinodex, name)
    if name != "__version__":
        assert inspect.getdoc(getattr(kinodex, name))


def test_type_checkers_and_python_find_the_same_things():
    source = (PROJECT / "kinodex" / "__init__.py").read_text()
    imported = {
        name.strip().partition(" as ")[0]: module
        for module, names in re.findall(r"^    from (\S+) import (.+)$", source, re.MULTILINE)
        for name in names.split(",")
    }
    del imported["Path"]
    assert set(imported) | {"open", "__version__"} == set(kinodex.__all__)
    for name, module in imported.items():
        assert getattr(kinodex, name) is getattr(importlib.import_module(module), name)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'serach'"):
        _ = kinodex.serach
    assert dir(kinodex) == kinodex.__all__


def test_its_help_begins_with_an_example_and_shows_every_name():
    text = pydoc.render_doc(kinodex, renderer=pydoc.plaintext)
    assert text.index("library.index(") < text.index("PACKAGE CONTENTS")
    for name in set(kinodex.__all__) - {"__version__"}:
        assert name in text


def test_nothing_inside_the_program_imports_it():
    found = [
        file
        for file in PROJECT.glob("*/**/*.py")
        if file.relative_to(PROJECT).parts[0] not in ("kinodex", "tests", ".venv", "build")
        and re.search(r"^\s*(import|from) kinodex\b", file.read_text(), re.MULTILINE)
    ]
    assert found == []
