"""`kinodex import`: from a published file to files that other commands load."""

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rich.console import Console

from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from models.errors import KinodexError
from models.heads.checkpoints import LoadedHead, load_action_head, load_head
from models.heads.config import HeadConfig
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice
from models.published.actionclip import read_actionclip
from models.published.clip4clip import read_clip4clip
from models.published.files import PublishedModel
from tasks import imports
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


def ready(backbone: Backbone, pictures: np.ndarray) -> torch.Tensor:
    """Pictures as the model's tower wants them."""
    fitted = torch.from_numpy(backbone.preprocessing.fit(pictures)).permute(0, 3, 1, 2)
    return backbone.preprocessing.normalise(fitted)


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
        inputs = ready(backbone, pictures)
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
        inputs = ready(backbone, pictures)
        expected = model.head(build_backbone(model).encode_image(inputs)[None], everything)
        found = head.head(backbone.embed_frames(pictures)[None], everything)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (head.card.frames, head.card.frame_rate) == (8, 0.0)
    assert head.card.action.crop == "centre"
    assert "the centre of each frame, in evaluation" in shown.out
    whole = ("--out", tmp_path / "whole", "--crop", "whole", "--json")
    assert call("import", "actionclip", file, *whole) == 0
    assert json.loads(capsys.readouterr().out)["crop"] == "whole"
    assert load_actions(tmp_path / "whole")[1].card.action.crop == "whole"
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


def imported(
    name: str = "seqTransf", *, shifted: bool = False, kernel: bool = False, blocks: int = 2
) -> imports.Imported:
    """A model of this head, as if it had been written."""
    config = HeadConfig(name, 24, blocks=blocks, attention_heads=2, positions=16)
    model = PublishedModel(
        "ViT-B-32", {}, SimpleNamespace(config=config), 4.6, 300, ("a", "b"), ("c",),
        kernel, shifted,
    )  # fmt: skip
    return imports.Imported(Path("/i/a.bin"), model, Path("/o/b 1.st"), Path("/o/head.st"))


def test_what_was_found_is_told_line_by_line():
    lines = dict(imports._lines(imported()))
    assert lines == {
        "file": "/i/a.bin",
        "head": "seqTransf, 2 blocks, width 24, 16 positions",
        "backbone": "ViT-B-32",
        "patches": "2D",
        "keys used": "300",
        "keys idle": "2 (part of such files, without effect)",
        "keys unknown": "1",
        "written": "/o/b 1.st, /o/head.st, /o/head.json",
    }
    assert dict(imports._lines(imported(kernel=True)))["patches"].startswith("3D: ")
    assert dict(imports._lines(imported(shifted=True)))["frames"].startswith("Shift: ")


@pytest.mark.parametrize(
    ("name", "blocks", "told"),
    [
        ("seqLSTM", 1, "seqLSTM, width 24"),
        ("Transf", 1, "Transf, 1 block, width 24, 16 positions"),
        ("Transf_cls", 2, "Transf_cls, 2 blocks, width 24, 16 positions"),
        ("tightTransf", 2, "tightTransf, 2 blocks, width 24, 16 positions"),
        ("meanP", 2, "meanP, width 24"),
    ],
)
def test_a_head_is_told_by_what_it_has(name, blocks, told):
    assert imports._described(imported(name, blocks=blocks).model.head.config) == told


def test_it_is_told_what_to_type_next():
    model = "--model ViT-B-32 --weights '/o/b 1.st'"
    index = f"kinodex index FOLDER {model}"
    assert imports._next_steps(imported()) == [f"use it with: {index} --head /o/head.st"]
    assert imports._next_steps(imported("Transf")) == [
        f"use it with: {index}",
        "and then: kinodex tag --head /o/head.st",
    ]
    assert imports._next_steps(imported("tightTransf")) == [
        f"use it with: {index}",
        "and then: kinodex search TEXT --rerank /o/head.st",
    ]
    assert imports._next_steps(imported("Transf", shifted=True)) == [
        f"measure it with: kinodex evaluate actions --data DATA {model} --head /o/head.st"
    ]


def test_programs_get_all_there_is_to_know():
    told = imported("Transf").as_json()
    assert told.pop("head")["name"] == "Transf"
    assert told == {
        "file": "/i/a.bin",
        "model": "ViT-B-32",
        "patches": "2D",
        "shift": False,
        "logit_scale": 4.6,
        "keys_used": 300,
        "keys_idle": ["a", "b"],
        "keys_unknown": ["c"],
        "backbone_file": "/o/b 1.st",
        "head_file": "/o/head.st",
    }
    assert imported(kernel=True).as_json()["patches"] == "3D"


def test_a_folder_that_holds_weights_or_is_none_is_refused(tmp_path):
    imports._check_free(tmp_path)
    for name in ("backbone.safetensors", "head.safetensors"):
        (tmp_path / name).touch()
        with pytest.raises(KinodexError, match=f"already holds {name}"):
            imports._check_free(tmp_path)
        (tmp_path / name).unlink()
    (tmp_path / "file").touch()
    with pytest.raises(KinodexError, match="cannot be a folder: Not a directory"):
        imports._write(Path("a"), imported().model, tmp_path / "file" / "out", {})


def test_long_names_are_folded_and_not_cut(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(imports, "data_console", Console(file=file, width=40))
    source = Path("/i") / ("long" * 20 + ".bin")
    imports._print(replace(imported(), source=source))
    assert str(source) in "".join(file.getvalue().split())


def test_idle_and_unknown_keys_and_the_next_step_are_told(capsys):
    imports._print(imported("Transf"))
    shown = capsys.readouterr()
    assert shown.out.startswith("file ")  # it begins at the edge, as the lines below it
    assert shown.out.splitlines()[-3:] == ["idle: a", "idle: b", "unknown: c"]
    assert shown.err.splitlines()[-1] == "and then: kinodex tag --head /o/head.st"
