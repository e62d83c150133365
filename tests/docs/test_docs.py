"""The documentation says what the program does: no option is missing, no link leads nowhere."""

import re
from pathlib import Path

import pytest
from typer.cli import app as typer_program
from typer.testing import CliRunner

from indexer.reading.settings import IndexSettings
from search.catalog.settings import (
    LibrarySettings,
    SearchSettings,
    SketchSettings,
    TagSettings,
    UiSettings,
)

PROJECT = Path(__file__).parents[2]
PAGES = sorted([PROJECT / "README.md", *PROJECT.glob("docs/*.md"), *PROJECT.glob("models/**/*.md")])
OPTIONS = {
    **LibrarySettings.model_fields,
    **IndexSettings.model_fields,
    **SearchSettings.model_fields,
    **TagSettings.model_fields,
    **SketchSettings.model_fields,
    **UiSettings.model_fields,
}


def test_the_command_reference_is_up_to_date(tmp_path):
    fresh = tmp_path / "commands.md"
    arguments = ["ui.cli.main", "utils", "docs", "--name", "kinodex", "--output", str(fresh)]
    assert CliRunner().invoke(typer_program, arguments).exit_code == 0
    assert (PROJECT / "docs" / "commands.md").read_text() == fresh.read_text(), "run 'make docs'"


@pytest.mark.parametrize("name", OPTIONS)
def test_every_setting_is_in_the_guide_with_its_default_and_meaning(name):
    option = OPTIONS[name]
    default = str(option.default).lower() if isinstance(option.default, bool) else option.default
    row = f"| `{name}` | {default} | {option.description} |"
    assert row in (PROJECT / "docs" / "guide.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_what_the_papers_settings_are_called_here_can_be_typed():
    told = (PROJECT / "docs" / "papers.md").read_text()
    commands = (PROJECT / "docs" / "commands.md").read_text()
    retrieval, actions = told.split("## ActionCLIP")
    for page, name in ((retrieval, "retrieval"), (actions, "actions")):
        sections = re.findall(
            rf"## `kinodex (?:train|evaluate) {name}`.*?(?=\n#|\Z)", commands, re.S
        )
        options = set(re.findall(r"--[a-z][a-z-]+", "".join(sections)))
        asked = set(re.findall(r"`(--[a-z-]+)", page))
        assert len(sections) == 2
        assert asked <= options, f"there is no {sorted(asked - options)} for {name}"
