"""What may stand in a settings file; one that cannot be used is a sentence that names it."""

import os
from pathlib import Path

import pytest

from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from search.catalog.settings import (
    SETTINGS_FILE,
    SearchSettings,
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
