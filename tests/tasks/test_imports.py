"""`kinodex import`: from a published file to files that other commands load."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from models.heads.checkpoints import LoadedHead, load_action_head, load_head
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice
from models.published.actionclip import read_actionclip
from models.published.clip4clip import read_clip4clip
from tests.calling import call
from tests.models import published_actionclip
from tests.models import published_clip4clip as published
from tests.models.published_backbone import build_backbone


@pytest.fixture(scope="module", autouse=True)
def architecture(tmp_path_factory: pytest.TempPathFactory) -> None:
    published.register_architecture(tmp_path_factory.mktemp("architecture"))


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    file = tmp_path / "msrvtt.bin"
    torch.save(published.published_state("seqTransf") | {"odd.key": torch.zeros(1)}, file)
    return file


def load(folder: Path) -> tuple[Backbone, LoadedHead]:
    """As indexing does with --model, --weights and --head."""
    weights = folder / "backbone.safetensors"
    choice = choose_model(published.ARCHITECTURE, weights=weights)
    backbone = load_backbone(choice, device="cpu")
    head = HeadChoice(file=folder / "head.safetensors")
    return backbone, load_head(head, backbone.identity, backbone.dim)


def test_what_is_written_loads_and_gives_the_published_models_embeddings(
    checkpoint, tmp_path, capsys
):
    assert call("import", "clip4clip", checkpoint, "--out", tmp_path / "out") == 0
    shown = capsys.readouterr()
    assert "seqTransf, 3 blocks, width 128, 77 positions" in shown.out
    assert published.ARCHITECTURE in shown.out
    assert "unknown: odd.key" in shown.out.splitlines()
    assert f"--model {published.ARCHITECTURE} --weights" in shown.err
    backbone, head = load(tmp_path / "out")
    model = read_clip4clip(checkpoint)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    frames = backbone.embed_frames(pictures)
    with torch.no_grad():
        inputs = backbone.preprocessing(torch.from_numpy(pictures))
        expected = build_backbone(model).encode_image(inputs)
        everything = torch.ones(1, 5, dtype=torch.bool)
        torch.testing.assert_close(frames, expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            head.head(frames[None], everything), model.head(expected[None], everything)
        )
    assert head.card.dataset == "imported from msrvtt.bin"
    assert head.card.frames == 12
    assert head.card.logit_scale == pytest.approx(4.2)


def test_the_report_as_json_lists_every_key(checkpoint, tmp_path, capsys):
    arguments = ("--out", tmp_path / "out", "--frames", 64, "--json")
    assert call("import", "clip4clip", checkpoint, *arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["head"]["name"] == "seqTransf"
    assert report["model"] == published.ARCHITECTURE
    assert report["keys_unknown"] == ["odd.key"]
    assert report["keys_idle"] == []
    assert report["keys_used"] == len(published.published_state("seqTransf"))
    assert Path(report["head_file"]).is_file()
    assert load(tmp_path / "out")[1].card.frames == 64


def test_missing_keys_are_listed_one_by_one_and_nothing_is_written(tmp_path, capsys):
    state = published.published_state("seqLSTM")
    del state["lstm_visual.bias_ih_l0"]
    torch.save(state, tmp_path / "half.bin")
    assert call("import", "clip4clip", tmp_path / "half.bin", "--out", tmp_path / "out") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0] == "missing: lstm_visual.bias_ih_l0"
    assert lines[1].startswith("kinodex: 'half.bin' is not whole: it lacks lstm_visual")
    assert not (tmp_path / "out").exists()


def test_weights_that_are_there_are_not_overwritten(checkpoint, tmp_path, capsys):
    (tmp_path / "head.safetensors").write_bytes(b"trained for hours")
    assert call("import", "clip4clip", checkpoint, "--out", tmp_path) == 1
    assert "already holds head.safetensors: name another folder" in capsys.readouterr().err
    assert (tmp_path / "head.safetensors").read_bytes() == b"trained for hours"


def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("not a checkpoint")
    assert call("import", "clip4clip", tmp_path / "notes.txt", "--out", tmp_path / "out") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("kinodex: 'notes.txt' cannot be loaded safely")


# ActionCLIP


def action_checkpoint(folder: Path, head: str, *, shift: bool = False) -> Path:
    file = folder / "k400.pt"
    torch.save(published_actionclip.published_file(head, shift=shift), file)
    return file


def load_actions(folder: Path, **options) -> tuple[Backbone, LoadedHead]:
    choice = choose_model(published.ARCHITECTURE, weights=folder / "backbone.safetensors")
    backbone = load_backbone(choice, device="cpu")
    head = HeadChoice(file=folder / "head.safetensors")
    return backbone, load_action_head(head, backbone.identity, backbone.dim, **options)


def test_a_model_for_actions_loads_and_gives_the_published_models_embeddings(tmp_path, capsys):
    file = action_checkpoint(tmp_path, "Transf")
    labels = tmp_path / "labels.txt"
    labels.write_text("ApplyLipstick\nTaiChi\n")
    arguments = ("--out", tmp_path / "out", "--labels", labels)
    assert call("import", "actionclip", file, *arguments) == 0
    shown = capsys.readouterr()
    assert "Transf, 3 blocks, width 128, 77 positions" in shown.out
    assert "kinodex tag --head" in shown.err
    backbone, head = load_actions(tmp_path / "out", labels=["ApplyLipstick", "TaiChi"])
    model = read_actionclip(file)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    everything = torch.ones(1, 4, dtype=torch.bool)
    with torch.no_grad():
        inputs = backbone.preprocessing(torch.from_numpy(pictures))
        expected = model.head(build_backbone(model).encode_image(inputs)[None], everything)
        found = head.head(backbone.embed_frames(pictures)[None], everything)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (head.card.frames, head.card.frame_rate) == (8, 0.0)
    assert head.card.dataset == "imported from k400.pt"


def test_a_model_that_shifts_is_for_evaluation(tmp_path, capsys):
    file = action_checkpoint(tmp_path, "Transf_cls", shift=True)
    assert call("import", "actionclip", file, "--out", tmp_path / "out", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["shift"] is True
    assert report["head"]["name"] == "Transf_cls"
    assert (report["keys_idle"], report["keys_unknown"]) == ([], [])
    with pytest.raises(HeadMismatch, match="sees several frames at once"):
        load_actions(tmp_path / "out")
    card = load_actions(tmp_path / "out", visuals=("plain", "shift"))[1].card
    assert (card.action.visual, card.action.placement, card.action.labels) == (
        "shift",
        "residual",
        (),
    )
    assert card.frames == published_actionclip.FRAMES
    assert call("import", "actionclip", file, "--out", tmp_path / "again") == 0
    shown = capsys.readouterr()
    assert "Shift: its frames see the frames beside them" in shown.out
    assert "kinodex evaluate actions --data DATA" in shown.err


def test_a_bad_list_of_labels_is_refused_before_anything_is_written(tmp_path, capsys):
    file = action_checkpoint(tmp_path, "MeanP")
    arguments = ("--out", tmp_path / "out", "--labels", tmp_path / "gone.txt")
    assert call("import", "actionclip", file, *arguments) == 1
    assert "there is no vocabulary" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_files_of_the_two_methods_are_not_mistaken_for_each_other(tmp_path, capsys):
    actions = action_checkpoint(tmp_path, "MeanP")
    torch.save(published.published_state("meanP"), tmp_path / "retrieval.bin")
    out = ("--out", tmp_path / "out")
    assert call("import", "clip4clip", actions, *out) == 1
    assert "is no flat table of weights, as CLIP4Clip saves them" in capsys.readouterr().err
    assert call("import", "actionclip", tmp_path / "retrieval.bin", *out) == 1
    assert "is no checkpoint as ActionCLIP saves them" in capsys.readouterr().err
