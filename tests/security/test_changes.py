"""Whatever the page changes asks one gate first, at the deed itself."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.catalog.store import ENVIRONMENT_VARIABLE
from ui.web.gate import visitors
from ui.web.gate.tokens import Tokens
from ui.web.shared import changes
from ui.web.shared.access import ADDRESS_VARIABLE

WEB = Path(changes.__file__).parents[1]
MODULES = sorted(file for file in WEB.rglob("*.py") if file.name not in ("app.py", "__init__.py"))

# Calls by which something is changed.
CHANGING = {
    *("writing", "ask", "stop", "delete_caches", "keep_list", "Upload", "run_index", "run_tag"),
    *("rmtree", "unlink", "mkdir", "rename", "link", "symlink", "touch", "chmod", "remove"),
    *("write_text", "write_bytes", "replaced_whole", "Popen", "open", "copy", "move"),
}
# What may change things without asking, and why.
EXEMPT = {
    "gate/entrance.open_browser": "a file for the owner's own browser, when the server starts",
    "search/kept_pictures.keep_picture": "a cache: what is searched with",
    "search/kept_pictures._small_jpeg": "reads",
    "search/kept_pictures._forget_old": "the same cache",
    "shared/pictures._small": "reads",
    "shared/open_library._open_catalog": "reads",
    "search/picture_route._kept": "reads",
    "serve.serve": "reads, before there is a page",
    # The work itself, below what asks for it.
    "jobs/queue": "is asked by jobs/asking only",
    "jobs/process": "is started by jobs/queue only",
    "library/space": "is asked by library/rebuild only",
    "tags/own_lists": "is asked by tags/vocabulary only",
    "uploads/storing": "is asked by uploads/route only",
    # Not made yet: the deed that takes it makes it.
    "tags/vocabulary._written": "hands on how to keep a list",
}


def deeds() -> dict[str, object]:
    for file in MODULES:
        importlib.import_module(f"ui.web.{name_of(file).replace('/', '.')}")
    return dict(changes.DEEDS)


def name_of(file: Path) -> str:
    return file.relative_to(WEB).with_suffix("").as_posix()


def test_these_are_all_the_deeds() -> None:
    assert sorted(deeds()) == [
        "ui.web.jobs.asking.begin",
        "ui.web.jobs.asking.stop",
        "ui.web.library.rebuild._delete_caches",
        "ui.web.shared.tag_panel._keep",
        "ui.web.tags.corrections._forget",
        "ui.web.tags.vocabulary._keep_and_tag",
        "ui.web.uploads.route._store",
    ]


TOKENS = Tokens.of(8501)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The library of a page that this machine alone can reach, and that asks for tokens."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    monkeypatch.setenv(ADDRESS_VARIABLE, "127.0.0.1")
    visitors.ask_for(TOKENS)
    yield tmp_path
    visitors.let_nobody_in()


def visit_with(token: str) -> None:
    right = TOKENS.right_of(token)
    cookie = f"{TOKENS.cookie}={TOKENS.kept(right)}" if right else ""
    visitors.REQUEST_HEADERS.set({"Cookie": cookie})


@pytest.mark.parametrize("name", sorted(deeds()))
@pytest.mark.parametrize(
    ("token", "setting"),
    [("", "always"), (TOKENS.look, "always"), (TOKENS.look, "local"), (TOKENS.change, "never")],
    ids=["nobody", "who may look", "who may look here", "all where nothing may be changed"],
)
def test_no_deed_is_done_for_those_who_may_not(
    library: Path, name: str, token: str, setting: str
) -> None:
    (library / "library.toml").write_text(f'[ui]\nallow_changes = "{setting}"\n')
    visit_with(token)

    with pytest.raises(changes.ChangeRefused):
        # The deed itself would trip over these.
        deeds()[name](*[None] * 9)  # type: ignore[operator]


@pytest.mark.parametrize("name", sorted(deeds()))
def test_a_deed_is_begun_for_those_who_may(library: Path, name: str) -> None:
    visit_with(TOKENS.change)

    with pytest.raises((TypeError, AttributeError)):
        deeds()[name](*[None] * 9)  # type: ignore[operator]


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_what_changes_something_is_a_deed(file: Path) -> None:
    module = name_of(file)
    if module in EXEMPT:
        return
    for function in ast.parse(file.read_text()).body:
        where = f"{module}.{getattr(function, 'name', '')}"
        if where in EXEMPT or is_deed(function):
            continue
        called = {called_by(one) for one in ast.walk(function) if isinstance(one, ast.Call)}
        assert not called & CHANGING, f"{where} changes something and is not marked with 'change'"


def test_no_exemption_is_left_over() -> None:
    names = {name_of(file) for file in MODULES}
    for exempt in EXEMPT:
        module, _, function = exempt.partition(".")
        assert module in names
        assert not function or f"def {function}(" in (WEB / f"{module}.py").read_text()


def is_deed(function: ast.stmt) -> bool:
    """Whether a function is marked with `change`."""
    decorators = getattr(function, "decorator_list", [])
    return any(ast.unparse(one) in ("change", "changes.change") for one in decorators)


def called_by(call: ast.Call) -> str:
    """The last name of what is called; what asks for work through the gate is no change itself."""
    name = ast.unparse(call.func)
    gated = ("asking.", "library_work.", "address.", "tags_address.", "webbrowser.", "Image.")
    return "" if name.startswith(gated) else name.rpartition(".")[2]
