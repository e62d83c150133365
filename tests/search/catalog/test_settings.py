"""What may stand in a settings file; one that cannot be used is a sentence that names it."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from search.catalog.settings import (
    SETTINGS_FILE,
    LibrarySettings,
    SearchSettings,
    SketchSettings,
    TagSettings,
    UiSettings,
    read_settings,
)


@pytest.mark.parametrize(
    "content",
    [
        b"x = " + b"[" * 100_000,
        b"[index]\nsample_rate = " + b"9" * 5000,
        b"a." * 50_000 + b"b = 1",
        b"\xff\xfe\x00",
        b"[index]\ndecoder_memory_gb = inf",
        b"[index]\ndecode_timeout_s = 1e308",
        b"[index]\nmax_pixels = 99999999999999999999999",
        b"index = 3",
        b"[[index]]",
        b"#" * 2_000_000,
    ],
)
def test_a_file_with_nonsense(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "library.toml").write_bytes(content)
    with pytest.raises(KinodexError, match=r"library\.toml"):
        read_settings(tmp_path, IndexSettings)


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "library.toml"
    if kind == "a folder":
        file.mkdir()
    elif kind == "a pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    with pytest.raises(KinodexError, match=r"library\.toml"):
        read_settings(tmp_path, IndexSettings)


@pytest.mark.parametrize("form", [SearchSettings, TagSettings])
def test_the_home_of_nobody(tmp_path: Path, form: type) -> None:
    (tmp_path / "library.toml").write_text(
        '[search]\nrerank = "~nobody-knows-her/head.safetensors"\n'
        '[tags]\nvocabulary = "~nobody-knows-her/list.txt"\n'
    )
    with pytest.raises(KinodexError, match=r"library\.toml"):
        read_settings(tmp_path, form)


def test_no_file_is_all_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "nowhere", UiSettings) == UiSettings()


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        (tmp_path / SETTINGS_FILE).write_text(text)
        return tmp_path

    return write


def test_what_is_not_said_is_as_usual(tmp_path, written):
    assert read_settings(tmp_path, TagSettings) == TagSettings()
    assert read_settings(written("[other]\nmost = 1\n"), TagSettings) == TagSettings()
    assert read_settings(written("[tags]\nmost = 7\n"), TagSettings) == TagSettings(most=7)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[tags]\nmost = 0\n", r"library\.toml', \[tags\], most: .*greater than or equal to 1"),
        ("[tags]\nmost = 101\n", r"\[tags\], most: .*less than or equal to 100"),
        ("[tags]\nmin_probability = 0.0\n", r"\[tags\], min_probability: .*greater than 0"),
        ("[tags]\nmin_probability = 1.0\n", r"\[tags\], min_probability: .*less than 1"),
        ("[tags]\nmany = 3\n", r"\[tags\], many: "),
        ("tags = 3\n", r"library\.toml': 'tags' must be a \[table\]"),
        ("[tags\n", r"library\.toml' cannot be read"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_key(written, text, complaint):
    with pytest.raises(KinodexError, match=complaint):
        read_settings(written(text), TagSettings)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("kinetics-400", "kinetics-400"),
        ("auto", "auto"),
        ("my.txt", "{library}/my.txt"),
        ("lists/my.txt", "{library}/lists/my.txt"),
        ("/lists/my.txt", "/lists/my.txt"),
        ("~/my.txt", "{home}/my.txt"),
    ],
)
def test_files_are_found_from_the_librarys_folder_and_names_are_names(
    written, monkeypatch, value, found
):
    monkeypatch.setenv("HOME", "/home/me")
    library = written(f'[tags]\nvocabulary = "{value}"\nhead = "{value}"\n')
    settings = read_settings(library, TagSettings)
    expected = found.format(library=library, home="/home/me")
    assert (settings.vocabulary, settings.head) == (expected, expected)
    assert TagSettings(vocabulary=value).vocabulary == value


@pytest.mark.parametrize(
    ("value", "found"),
    [("none", "none"), ("query-aware", "query-aware"), ("head", "{library}/head")],
)
def test_a_reranker_is_a_known_name_or_a_file(written, value, found):
    library = written(f'[search]\nrerank = "{value}"\n')
    assert read_settings(library, SearchSettings).rerank == found.format(library=library)
    assert SearchSettings(rerank=value).rerank == value


# Refused as too small, the smallest that is taken, the largest, and refused as too large.
BOUNDS = [
    (LibrarySettings, "keep_days", (-0.1, 0, 36_500, 36_501)),
    (TagSettings, "min_probability", (0, 0.001, 0.999, 1)),
    (TagSettings, "most", (0, 1, 100, 101)),
    (SketchSettings, "strokes", (0, 1, 64, 65)),
    (SketchSettings, "seed", (-1, 0, 2**31 - 1, 2**31)),
    (UiSettings, "upload_limit_mb", (0, 1, 1_000_000, 1_000_001)),
    (UiSettings, "upload_files", (0, 1, 10_000, 10_001)),
    (UiSettings, "keep_free_mb", (-1, 0, 1_000_000_000, 1_000_000_001)),
    (UiSettings, "uploads_at_once", (0, 1, 100, 101)),
    (UiSettings, "uploads_per_visitor", (0, 1, 100, 101)),
    (UiSettings, "upload_silence_s", (0.9, 1, 3600, 3601)),
    (UiSettings, "upload_hours", (0, 0.001, 1000, 1001)),
    (UiSettings, "connections", (15, 16, 100_000, 100_001)),
    (UiSettings, "ask_within_s", (0.9, 1, 3600, 3601)),
]


# As docs and template say; a changed default is a change for every library.
DEFAULTS = {
    LibrarySettings: {"group": "none", "keep_days": 30},
    SearchSettings: {"rerank": "none"},
    TagSettings: {"vocabulary": "auto", "min_probability": 0.5, "most": 5, "head": "auto"},
    SketchSettings: {
        "strokes": 16,
        "preset": "quick",
        "mask": "auto",
        "scene": False,
        "progressive": False,
        "seed": 0,
        "after_indexing": False,
    },
    UiSettings: {
        "allow_changes": "local",
        "folders": [],
        "uploads": "uploads",
        "upload_limit_mb": 2000,
        "upload_files": 100,
        "keep_free_mb": 1000,
        "uploads_at_once": 8,
        "uploads_per_visitor": 4,
        "upload_silence_s": 20,
        "upload_hours": 6,
        "token": "",
        "look_token": "",
        "hosts": [],
        "connections": 400,
        "ask_within_s": 10,
    },
}


@pytest.mark.parametrize("form", DEFAULTS)
def test_what_nobody_sets_is_as_it_always_was(tmp_path, form) -> None:
    assert read_settings(tmp_path, form).model_dump() == DEFAULTS[form]


@pytest.mark.parametrize("form", DEFAULTS)
def test_a_setting_that_does_not_exist_or_changes_later_is_refused(written, form) -> None:
    with pytest.raises(KinodexError, match="nonsense: extra inputs are not permitted"):
        read_settings(written(f"[{form.section}]\nnonsense = 1\n"), form)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read_settings(written(""), form), next(iter(DEFAULTS[form])), None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("#" * 100_001, "it is larger than 100 kB"),
        ("#\n" + "#" * 10_001 + "\n#", "it has a line of more than 10,000 characters"),
    ],
)
def test_a_file_of_more_than_anybody_writes_is_refused_and_one_of_as_much_is_read(
    written, content, reason
) -> None:
    with pytest.raises(KinodexError, match=f"cannot be read: {reason}"):
        read_settings(written(content), TagSettings)
    assert read_settings(written("#" * 10_000 + "\n[tags]\nmost = 7"), TagSettings).most == 7
    assert read_settings(written("#\n" * 50_000), TagSettings) == TagSettings()


def test_every_number_has_bounds() -> None:
    forms = (LibrarySettings, SearchSettings, TagSettings, SketchSettings, UiSettings)
    numbers = {
        (form, name)
        for form in forms
        for name, field in form.model_fields.items()
        if field.annotation in (int, float)
    }
    assert numbers | {(SketchSettings, "strokes")} == {(form, name) for form, name, _ in BOUNDS}


@pytest.mark.parametrize(("form", "name", "bounds"), BOUNDS)
def test_numbers_within_bounds_are_taken_and_no_others(written, form, name, bounds) -> None:
    small, smallest, largest, large = bounds
    for value in (smallest, largest):
        library = written(f"[{form.section}]\n{name} = {value}\n")
        assert getattr(read_settings(library, form), name) == value
    for value in (small, large, "nan", "inf", "-inf"):
        library = written(f"[{form.section}]\n{name} = {value}\n")
        with pytest.raises(KinodexError, match=rf"\[{form.section}\], {name}"):
            read_settings(library, form)


def test_strokes_may_be_left_to_the_program() -> None:
    assert SketchSettings(strokes="auto").strokes == "auto"
    with pytest.raises(ValidationError):
        SketchSettings.model_validate({"strokes": "many"})
