"""Published ActionCLIP checkpoints: taken apart key by key, run, and compared with the formulas."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.published.actionclip import read_actionclip
from models.published.files import ImportRefused
from models.towers.patches import encode_clips
from tests.models import published_actionclip as published
from tests.models import published_clip4clip
from tests.models.published_backbone import build_backbone
from tests.models.published_clip4clip import ARCHITECTURE, IMAGE, WIDTH


@pytest.fixture(scope="module", autouse=True)
def architecture(tmp_path_factory: pytest.TempPathFactory) -> None:
    published_clip4clip.register_architecture(tmp_path_factory.mktemp("architecture"))


def saved(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "model_best.pt"
    torch.save(content, file)
    return file


def pixels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(9)
    return torch.randn(3, published.FRAMES, 3, IMAGE, IMAGE, generator=generator)


@pytest.mark.parametrize("shift", [False, True], ids=["plain", "Shift"])
@pytest.mark.parametrize("head", published.HEADS)
def test_an_imported_model_embeds_as_the_formulas_do(tmp_path, head, shift):
    model = read_actionclip(saved(tmp_path, published.published_file(head, shift=shift)))
    assert (model.head.config.name, model.shifted) == (head, shift)
    whole = torch.ones(3, published.FRAMES, dtype=torch.bool)
    with torch.no_grad():
        frames = encode_clips(build_backbone(model).visual, pixels(), whole)
        found = model.head(frames, whole).double()
    expected = published.embed_videos(head, pixels(), shift=shift)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert expected.std(dim=0).mean() > 1e-3


def test_every_key_is_accounted_for(tmp_path):
    content = published.published_file("LSTM", shift=True)
    content["model_state_dict"] |= {
        "context_length": torch.tensor(77),
        "something.new": torch.zeros(1),
    }
    model = read_actionclip(saved(tmp_path, content))
    assert model.architecture == ARCHITECTURE
    assert model.logit_scale == pytest.approx(4.2)
    assert model.idle == ("fusion.frame_position_embeddings.weight", "model.context_length")
    assert model.unknown == ("model.something.new",)
    tables = (content["model_state_dict"], content["fusion_model_state_dict"])
    assert model.used + len(model.idle) + len(model.unknown) == sum(map(len, tables))


def test_a_head_is_built_as_the_checkpoint_expects(tmp_path):
    transf = read_actionclip(saved(tmp_path, published.published_file("Transf"))).head.config
    assert (transf.dim, transf.blocks, transf.attention_heads, transf.positions) == (128, 3, 2, 77)
    token = read_actionclip(saved(tmp_path, published.published_file("Transf_cls"))).head.config
    assert (token.blocks, token.attention_heads, token.positions) == (3, 8, 5)
    assert token.feed_forward == 96
    assert not (token.gated or token.standardised or transf.gated or transf.standardised)


@pytest.mark.parametrize("rows", [2, 50])
def test_a_head_has_as_many_positions_as_the_checkpoint(tmp_path, rows):
    content = published.published_file("Transf")
    fusion = content["fusion_model_state_dict"]
    fusion["module.frame_position_embeddings.weight"] = torch.zeros(rows, WIDTH)
    assert read_actionclip(saved(tmp_path, content)).head.config.positions == rows


@pytest.mark.parametrize(
    ("head", "key", "table", "sentence"),
    [
        (
            "Transf",
            "frame_position_embeddings.weight",
            torch.zeros(1, WIDTH),
            r"\(the first is \(1, 128\), not \(2, 128\)\)",
        ),
        (
            "Transf",
            "frame_position_embeddings.weight",
            torch.zeros(WIDTH),
            r"\(the first is \(128,\), not \(77, 128\)\)",
        ),
        (
            "Transf_cls",
            "transformer.pos_embed",
            torch.zeros(1, 1, WIDTH),
            r"\(the first is \(1, 1, 128\), not \(1, 2, 128\)\)",
        ),
        (
            "Transf_cls",
            "transformer.pos_embed",
            torch.tensor(0.0),
            r"\(the first is \(\), not \(1, 77, 128\)\)",
        ),
    ],
    ids=["one row", "one axis", "one place", "number"],
)
def test_a_table_of_positions_that_is_none_is_refused(tmp_path, head, key, table, sentence):
    content = published.published_file(head)
    content["fusion_model_state_dict"][f"module.{key}"] = table
    with pytest.raises(ImportRefused, match=sentence):
        read_actionclip(saved(tmp_path, content))


def changed(head: str, shift: bool, table: str, changes: dict[str, Any]) -> dict[str, Any]:
    content = published.published_file(head, shift=shift)
    content[table] = content[table] | changes
    return content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            changed(
                "MeanP", False, "fusion_model_state_dict", {"shift.weight": torch.ones(128, 1, 3)}
            ),
            "has a Conv1D head: in the published program it mixes channels with time by mistake",
        ),
        (
            changed(
                "MeanP", False, "model_state_dict", {"visual.time_embedding": torch.ones(8, 128)}
            ),
            r"was trained with Joint \(model.visual.time_embedding\): the published program cannot",
        ),
        (
            changed("MeanP", False, "fusion_model_state_dict", {"pool.weight": torch.ones(3)}),
            r"has a head that is not known here \(fusion.pool.weight\)",
        ),
        (
            changed("MeanP", False, "model_state_dict", {"ln_final.bias": torch.ones(3)}),
            r"wrong shape: model.ln_final.bias \(the first is \(3,\), not \(128,\)\)",
        ),
        (
            changed(
                "MeanP", False, "model_state_dict", {"ln_final.bias": torch.full((128,), torch.nan)}
            ),
            "holds NaN or infinite numbers in model.ln_final.bias",
        ),
        ({"epoch": 1}, "is no checkpoint as ActionCLIP saves them: it has no table of weights"),
        (
            {"model_state_dict": {"logit_scale": torch.tensor(1.0)}},
            "it has no table of weights 'fusion_model_state_dict'",
        ),
        (
            {"model_state_dict": {"x": torch.ones(1)}, "fusion_model_state_dict": {}},
            "holds no whole CLIP model",
        ),
        (
            {"model_state_dict": {"x": 3}, "fusion_model_state_dict": {}},
            "it has no table of weights",
        ),
        (torch.zeros(3), "it has no table of weights 'model_state_dict'"),
    ],
    ids=[
        "Conv1D",
        "Joint",
        "odd head",
        "shape",
        "NaN",
        "one entry",
        "half",
        "no CLIP",
        "no weights",
        "tensor",
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(tmp_path, content, sentence):
    with pytest.raises(ImportRefused, match=sentence) as found:
        read_actionclip(saved(tmp_path, content))
    assert "\n" not in str(found.value)


def test_missing_keys_are_named_as_the_file_names_them(tmp_path):
    content = published.published_file("Transf", shift=True)
    gone = "visual.transformer.resblocks.1.net.ln_1.weight"
    del content["model_state_dict"][gone]
    del content["fusion_model_state_dict"]["module.transformer.resblocks.2.mlp.c_fc.bias"]
    with pytest.raises(ImportRefused, match="is not whole: it lacks") as found:
        read_actionclip(saved(tmp_path, content))
    assert found.value.missing == (f"model.{gone}", "fusion.transformer.resblocks.2.mlp.c_fc.bias")


def test_a_model_of_which_one_block_alone_was_wrapped_is_refused(tmp_path):
    content = published.published_file("MeanP", shift=True)
    model = content["model_state_dict"]
    block = "visual.transformer.resblocks.0."
    content["model_state_dict"] = {k.replace(f"{block}net.", block): v for k, v in model.items()}
    with pytest.raises(ImportRefused, match=r"it lacks model.visual.transformer.resblocks.0.net."):
        read_actionclip(saved(tmp_path, content))


def test_published_heads_know_their_width(tmp_path):
    head = read_actionclip(saved(tmp_path, published.published_file("MeanP"))).head
    assert head.config.dim == WIDTH
