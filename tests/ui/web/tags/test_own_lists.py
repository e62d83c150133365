"""Lists of labels written on the page: read, and kept in the library's folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from search.catalog.store import Store
from search.tags.vocabulary import BadVocabulary, read_vocabulary
from ui.web.tags.own_lists import keep_list, kept_lists, read_list


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "library", create=True) as opened:
        yield opened


def test_a_list_is_read_line_by_line() -> None:
    own = read_list("ApplyLipstick\r\n\n# no label\n  a  cat \na cat\n")

    assert own.labels == ("apply lipstick", "a cat")
    assert own.repeated == 1


def test_a_pasted_table_of_numbers_and_names_is_the_list_of_its_names() -> None:
    assert read_list("id,name\n0,abseiling\n1,air drumming\n").labels == (
        "abseiling",
        "air drumming",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" \n# nothing\n", "the list is empty"),
        ("a cat\n" + "x" * 201, "line 2: a label has 201 characters"),
        ("# mine\n0,abseiling\n1,air drumming", "line 2: this looks like a table, not like a list"),
        ("turned \u202e round", "line 1: the label .* cannot be shown"),
        ("x" * 100_001, "the list has 100,001 characters, 100,000 at most"),
        ("\n".join(f"a{n}" for n in range(10_001)), "the list has 10,001 labels, 10,000 at most"),
    ],
)
def test_what_cannot_be_a_list_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadVocabulary, match=said):
        read_list(text)


def test_a_kept_list_is_read_as_a_vocabulary(library: Store) -> None:
    file = keep_list(library, "Big cats!", ("a tiger", "eine Löwin"))

    assert file == library.folder / "vocabularies" / "big-cats.txt"
    assert read_vocabulary(str(file)).labels == ("a tiger", "eine Löwin")
    assert kept_lists(library) == [file]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("", "own.txt"),
        ("../../etc/passwd", "etc-passwd.txt"),
        ("/a\x00b", "a-b.txt"),
        ("..", "own.txt"),
        ("x" * 300, "x" * 40 + ".txt"),
    ],
)
def test_a_name_never_leaves_the_folder_of_lists(library: Store, name: str, file: str) -> None:
    assert keep_list(library, name, ("a cat",)) == library.folder / "vocabularies" / file


def test_a_list_is_never_written_over_another(library: Store) -> None:
    first = keep_list(library, "cats", ("a tiger",))
    second = keep_list(library, "cats", ("a lion",))

    assert second.name == "cats-2.txt"
    assert keep_list(library, "cats", ("a tiger",)) == first
    assert first.read_text() == "a tiger\n"
