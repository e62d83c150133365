"""Which libraries and models go together, and what is said when they do not."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

import search.catalog.database
from models.clip.engines.int8 import Int8Tower
from models.identity import EncoderIdentity, HeadChoice, HeadIdentity, ModelChoice
from search.catalog import spaces
from search.catalog.spaces import (
    SpaceIdentity,
    SpaceMismatch,
    active_space,
    check_same_model,
    check_same_weights,
    choice_of,
    encoder_of,
    enter_space,
    find_or_make_space,
    gives_same_frames,
    head_of,
    tower_of,
    towers_named,
)
from search.catalog.store import Store
from search.catalog.tables import Space
from search.tags.reading import active_vocabulary, tags_of

ENCODER = EncoderIdentity("tiny", "weights", {"size": (32, 32)}, "frames")
IN_INT8 = EncoderIdentity("tiny", "weights", {"size": (32, 32)}, "frames", "tower")
OTHER_TEXT = EncoderIdentity("tiny", "tuned", {"size": (32, 32)}, "frames")
OTHER_FRAMES = EncoderIdentity("tiny", "others", {"size": (32, 32)}, "other frames")
MEAN, TRAINED = HeadIdentity("meanP"), HeadIdentity("seqTransf", "abc")
CHOICE = ModelChoice("tiny")
# The key that libraries from before trained heads have for ENCODER, meanP and two frames a second.
OLD_KEY = "70802b0c258f1b97b4a49a844cfcd805"


@pytest.fixture
def library(tmp_path: Path):
    with Store.open(tmp_path / "library", create=True) as library:
        enter(library, SpaceIdentity(ENCODER, MEAN, {}))
        yield library


def enter(library: Store, identity: SpaceIdentity, **options):
    options = {"switch": False, "dim": 24} | options
    with library.writing() as session:
        return enter_space(session, identity, CHOICE, **options)


def test_meanp_keeps_the_key_that_it_always_had():
    assert SpaceIdentity(ENCODER, MEAN, {"sample_rate": 2.0}).key == OLD_KEY


def test_two_trainings_of_a_head_are_two_spaces():
    keys = {
        SpaceIdentity(ENCODER, head, {}).key
        for head in (MEAN, TRAINED, HeadIdentity("seqTransf", "xyz"))
    }
    assert len(keys) == 3


def test_where_weights_lie_now_is_told_to_all_spaces_of_them(library):
    other = SpaceIdentity(OTHER_FRAMES, MEAN, {})
    enter(library, other, switch=True)
    told = [
        ModelChoice("tiny", weights=Path("/new/place.safetensors")),
        ModelChoice("tiny", pretrained="published"),
    ]
    for choice in told:
        with library.writing() as session:
            identity = SpaceIdentity(ENCODER, TRAINED, {})
            find_or_make_space(session, identity, choice, dim=24, head_file=None)
        with library.reading() as session:
            found = {space.key: choice_of(space) for space in session.scalars(select(Space))}
        same = {SpaceIdentity(ENCODER, head, {}).key: choice for head in (MEAN, TRAINED)}
        assert found == same | {other.key: CHOICE}


def test_a_library_in_int8_is_a_space_of_its_own(library):
    """Its frames meet no others, although all else is the same."""
    in_int8 = SpaceIdentity(IN_INT8, MEAN, {})
    assert in_int8.key != SpaceIdentity(ENCODER, MEAN, {}).key
    with pytest.raises(SpaceMismatch, match="encoded otherwise than in int8: leave --precision"):
        enter(library, in_int8)
    space = enter(library, in_int8, switch=True)
    assert encoder_of(space) == IN_INT8
    assert not gives_same_frames(space, ENCODER)
    assert tower_of(space, Path("/x")) == Int8Tower(Path("/x"), "tower")
    with pytest.raises(SpaceMismatch, match="encoded in int8, and no others may meet them"):
        check_same_weights(space, ENCODER)
    with pytest.raises(SpaceMismatch, match="encoded in int8"):
        enter(library, SpaceIdentity(ENCODER, MEAN, {}))
    with library.reading() as session:
        assert towers_named(session) == {"tower"}


def test_only_another_head_leads_to_fuse(library):
    with pytest.raises(
        SpaceMismatch, match=r"head meanP, not seqTransf \(h.safetensors\)"
    ) as raised:
        enter(library, SpaceIdentity(ENCODER, TRAINED, {}), head_file=Path("/x/h.safetensors"))
    assert "'kinodex fuse --head /x/h.safetensors'" in str(raised.value)
    assert "--reindex" not in str(raised.value)


def test_a_head_that_was_trained_again_in_its_place_leads_to_fuse(library):
    file = Path("/x/h.safetensors")
    enter(library, SpaceIdentity(ENCODER, TRAINED, {}), head_file=file, switch=True)
    again = SpaceIdentity(ENCODER, HeadIdentity("seqTransf", "xyz"), {})
    with pytest.raises(
        SpaceMismatch, match="has changed since this library was made: run 'kinodex"
    ):
        enter(library, again, head_file=file)


def test_only_another_text_tower_leads_to_fuse(library):
    with pytest.raises(SpaceMismatch, match="kinodex fuse --head meanP"):
        enter(library, SpaceIdentity(OTHER_TEXT, MEAN, {}))


@pytest.mark.parametrize(
    "identity",
    [SpaceIdentity(OTHER_FRAMES, MEAN, {}), SpaceIdentity(ENCODER, TRAINED, {"sample_rate": 1.0})],
)
def test_other_frames_lead_to_encoding_again(library, identity):
    with pytest.raises(SpaceMismatch, match="kinodex index --reindex"):
        enter(library, identity)


def test_weights_of_ones_own_may_be_another_text_tower_only(library):
    with library.reading() as session:
        space = active_space(session)
    with pytest.raises(SpaceMismatch, match="kinodex fuse"):
        check_same_model(space, ModelChoice("tiny", weights=Path("/x/backbone.safetensors")))
    with pytest.raises(SpaceMismatch) as raised:
        check_same_model(space, ModelChoice("other"))
    assert "fuse" not in str(raised.value)


def test_what_a_space_was_made_with_can_be_loaded_again(library):
    file = Path("/x/h.safetensors")
    space = enter(library, SpaceIdentity(ENCODER, TRAINED, {}), head_file=file, switch=True)
    assert (choice_of(space), head_of(space).name, head_of(space).file) == (
        CHOICE,
        "seqTransf",
        file,
    )
    with library.reading() as session:
        assert encoder_of(active_space(session)) == ENCODER


def old_catalog(folder: Path, version: str = "0001") -> None:
    """A catalog as an earlier version of the tables had it, with one space."""
    folder.mkdir()
    connection = sqlite3.connect(folder / "catalog.db")
    connection.close()
    engine = search.catalog.database.create_engine(f"sqlite:///{folder / 'catalog.db'}")
    config = Config()
    config.set_main_option("script_location", str(search.catalog.database._MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()
    with sqlite3.connect(folder / "catalog.db") as rows:
        rows.execute(
            "INSERT INTO spaces (key, model, weights_digest, preprocessing, head, sampling, dim,"
            " active, revision, created_at) VALUES (?, 'tiny', 'weights', ?, 'meanP', ?, 24, 1, 7,"
            " '2026-01-01 00:00:00.000000')",
            (OLD_KEY, '{"size": [32, 32]}', '{"sample_rate": 2.0}'),
        )


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_an_old_catalog_is_searched_as_before_and_waits_for_tags(tmp_path, version):
    old_catalog(tmp_path / "library", version)
    with Store.open(tmp_path / "library") as library, library.reading() as session:
        space = active_space(session)
        assert (space.key, space.active, space.tagging) == (OLD_KEY, True, False)
        assert active_vocabulary(session) is None
        assert tags_of(session, [1]) == {1: ()}


def test_an_old_catalog_is_brought_up_to_date_and_keeps_its_space(tmp_path):
    old_catalog(tmp_path / "library")
    with Store.open(tmp_path / "library") as library:
        with library.reading() as session:
            space = active_space(session)
            assert (space.key, space.head, space.revision) == (OLD_KEY, "meanP", 7)
            assert (space.head_file, space.head_digest, encoder_of(space)) == (None, None, None)
            assert gives_same_frames(space, ENCODER)
            assert not gives_same_frames(space, OTHER_TEXT)
        entered = enter(library, SpaceIdentity(ENCODER, MEAN, {"sample_rate": 2.0}))
        assert entered.id == space.id
        assert encoder_of(entered) == ENCODER


@pytest.mark.parametrize(
    ("model", "how"),
    [
        (ModelChoice("ViT-B-32", "openai"), "--model ViT-B-32"),
        (ModelChoice("ViT-B-32", weights=Path("/w/mine.pt")), "--weights /w/mine.pt"),
    ],
)
def test_the_way_to_another_head_names_the_model_as_it_was_named(model, how):
    told = spaces._fuse_command(HeadChoice("seqTransf", Path("/h/mine.safetensors")), model)
    assert told == f"'kinodex fuse --head /h/mine.safetensors {how}'"


def test_frames_are_the_same_only_by_the_same_tower_in_the_same_preprocessing(library):
    with library.reading() as session:
        space = active_space(session)
    assert gives_same_frames(space, ENCODER)
    assert gives_same_frames(space, OTHER_TEXT)
    for change in ({"preprocessing": {"size": (64, 64)}}, {"model": "other"}, {"int8": "tower"}):
        assert not gives_same_frames(space, replace(ENCODER, **change))
    assert not gives_same_frames(space, OTHER_FRAMES)
