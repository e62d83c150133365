"""A settings file that cannot be used is one sentence that names it, whatever is in it."""

import os
from pathlib import Path

import pytest

from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from search.catalog.settings import SearchSettings, TagSettings, UiSettings, read_settings


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
