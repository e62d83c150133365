"""Which head is meant by what was typed, and by what a library remembers."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import KinodexError
from models.heads.checkpoints import default_action_head, default_head
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice, ModelChoice
from search.heads import (
    choose_action_head,
    choose_head,
    load_fusing_head,
    load_tagging_head,
    stored_file,
    with_file,
)
from tests.tiny import save_tiny_head, tiny_head

BUNDLED = ModelChoice("bundled")


def test_a_head_is_named_or_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "h.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    assert choose_head("meanP") == HeadChoice("meanP")
    assert choose_head("tightTransf") == HeadChoice("tightTransf")
    assert choose_head("h.safetensors") == HeadChoice(file=tmp_path / "h.safetensors")
    assert choose_action_head("MeanP") == HeadChoice("MeanP")
    assert choose_action_head("h.safetensors") == HeadChoice(file=tmp_path / "h.safetensors")


def test_what_is_no_head_is_told_with_those_that_there_are(tmp_path):
    with pytest.raises(HeadMismatch) as raised:
        choose_head(str(tmp_path))
    assert str(raised.value) == (
        f"there is no head {str(tmp_path)!r}: name meanP, seqLSTM or seqTransf, or the file of a "
        "trained head (.safetensors)"
    )
    with pytest.raises(HeadMismatch, match="there is no head 'seqLSTM': name MeanP"):
        choose_action_head("seqLSTM")


def test_a_name_means_the_head_that_ships_with_the_model():
    shipped = HeadChoice("seqTransf", Path("/x/h.safetensors"))
    assert with_file(HeadChoice("seqTransf"), shipped) == shipped
    for choice in (HeadChoice("meanP"), HeadChoice("seqTransf", Path("/y.safetensors"))):
        assert with_file(choice, shipped) == choice


def test_heads_that_score_a_text_with_every_segment_cannot_index(backbone, tmp_path):
    file = save_tiny_head(tmp_path / "tight.safetensors", backbone, name="tightTransf")
    for choice in (HeadChoice("tightTransf"), HeadChoice(file=file)):
        with pytest.raises(HeadMismatch, match="use it with 'kinodex search --rerank'"):
            load_fusing_head(choice, backbone.choice, backbone.identity, backbone.dim)
    loose = HeadChoice(file=save_tiny_head(tmp_path / "loose.safetensors", backbone))
    loaded = load_fusing_head(loose, backbone.choice, backbone.identity, backbone.dim)
    assert (loaded.identity.name, loaded.file) == ("seqTransf", loose.file)


def test_a_head_for_actions_pools_or_is_trained_for_the_model(backbone):
    choice = HeadChoice("MeanP")
    loaded = load_tagging_head(choice, backbone.choice, backbone.identity, backbone.dim)
    assert (loaded.identity.name, loaded.file) == ("MeanP", None)
    with pytest.raises(KinodexError):
        load_tagging_head(HeadChoice("no such"), backbone.choice, backbone.identity, backbone.dim)


def test_a_library_notes_the_file_of_a_head_that_people_have_trained(backbone, tmp_path):
    file = save_tiny_head(tmp_path / "own.safetensors", backbone)
    own = tiny_head(backbone, file)
    assert stored_file(own, backbone.choice) == file
    assert stored_file(tiny_head(backbone), backbone.choice) is None


@pytest.mark.parametrize("usual", [default_head, default_action_head])
def test_the_file_of_a_head_that_ships_may_move_and_is_not_noted(backbone, tmp_path, usual):
    shipped = usual(BUNDLED).file
    own = tiny_head(backbone, save_tiny_head(tmp_path / "own.safetensors", backbone))
    assert shipped is not None
    assert stored_file(replace(own, file=shipped), BUNDLED) is None
    assert stored_file(replace(own, file=shipped), backbone.choice) == shipped
    moved = Path(shutil.copy(shipped, tmp_path / shipped.name))
    assert stored_file(replace(own, file=moved), BUNDLED) == moved
