import pytest

from smallworld.stills.sprites import SPRITE_FOLDER, shipped_things
from smallworld.stills.things import load_things, plural, without_article


def test_there_are_several_hundred_things_and_no_two_share_a_name() -> None:
    phrases = [phrase for thing in load_things() for phrase in thing.phrases]
    assert len(load_things()) >= 300
    assert len({without_article(phrase) for phrase in phrases}) == len(phrases)


def test_every_phrase_is_plain_lower_case_english() -> None:
    phrases = [phrase for thing in load_things() for phrase in thing.phrases]
    odd = [p for p in phrases if not p.replace(" ", "").replace("-", "").replace("'", "").isalpha()]
    assert odd == []
    assert [p for p in phrases if p != p.lower()] == []


def test_every_shipped_sprite_belongs_to_a_thing() -> None:
    stems = {thing.file_stem for thing in shipped_things()}
    assert {file.stem for file in SPRITE_FOLDER.glob("*.webp")} == stems
    assert len(stems) >= 60


def test_licences_lie_beside_the_sprites() -> None:
    names = {file.name for file in SPRITE_FOLDER.glob("LICENSE-*.txt")}
    assert names == {"LICENSE-Apache-2.0.txt", "LICENSE-OFL-1.1.txt"}


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("a cat", "cats"),
        ("a bus", "buses"),
        ("a wolf", "wolves"),
        ("an axe", "axes"),
        ("a strawberry", "strawberries"),
        ("a toy gun", "toy guns"),
        ("a slice of pizza", "slices of pizza"),
        ("a helmet with a white cross", "helmets with a white cross"),
    ],
)
def test_plural_changes_the_head_word(phrase: str, expected: str) -> None:
    assert plural(phrase) == expected
