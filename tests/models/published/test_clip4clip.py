"""Published checkpoints: taken apart key by key, run, and compared with the formulas."""

import json
from pathlib import Path

import open_clip
import pytest
import torch

from models.heads.loose import LooseHead
from models.published.architectures import (
    ClipShape,
    UnknownArchitecture,
    find_quick_gelu_architecture,
)
from models.published.clip4clip import read_clip4clip
from models.published.files import ImportRefused, PublishedModel, check_whole
from models.towers.patches import encode_clips
from tests.models import published_clip4clip as published
from tests.models.published_backbone import build_backbone
from tests.models.published_clip4clip import HEADS, IMAGE, WIDTH


@pytest.fixture(scope="module", autouse=True)
def architecture(tmp_path_factory: pytest.TempPathFactory) -> None:
    published.register_architecture(tmp_path_factory.mktemp("architecture"))


def saved(folder: Path, state: dict[str, torch.Tensor]) -> Path:
    file = folder / "pytorch_model.bin"
    torch.save(state, file)
    return file


@torch.no_grad()
def run(model: PublishedModel, token_ids, pixels, mask) -> torch.Tensor:
    """The imported model as it is meant to be used: (texts, videos)."""
    clip = build_backbone(model)
    texts = clip.encode_text(token_ids)
    frames = encode_clips(clip.visual, pixels, mask)
    if isinstance(model.head, LooseHead):
        cosines = torch.nn.functional.normalize(texts, dim=-1) @ model.head(frames, mask).T
        return torch.tensor(model.logit_scale).exp() * cosines
    return model.head(texts, frames, mask)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(9)
    token_ids = torch.zeros(3, 77, dtype=torch.long)
    for row, length in enumerate((4, 7, 32)):
        token_ids[row, :length] = torch.randint(1, 49000, (length,), generator=generator)
        token_ids[row, length] = 49407
    pixels = torch.randn(4, 5, 3, IMAGE, IMAGE, generator=generator)
    mask = torch.arange(5) < torch.tensor([[5], [3], [1], [4]])
    return token_ids, pixels, mask


@pytest.mark.parametrize("patches_3d", [False, True], ids=["2D", "3D"])
@pytest.mark.parametrize("head", HEADS)
def test_an_imported_model_scores_as_the_formulas_do(tmp_path, head, patches_3d):
    state = published.published_state(head, patches_3d=patches_3d)
    model = read_clip4clip(saved(tmp_path, state))
    expected = published.logits(state, head, *inputs())
    found = run(model, *inputs()).double()
    assert model.head.config.name == head
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert expected.std() > 0.01 * expected.abs().max()


def test_the_report_accounts_for_every_key(tmp_path):
    state = published.published_state("seqLSTM") | {
        "cross.pooler.dense.weight": torch.zeros(1),
        "clip.context_length": torch.tensor(77),
        "something.new": torch.zeros(2),
    }
    model = read_clip4clip(saved(tmp_path, state))
    assert model.architecture == published.ARCHITECTURE
    assert model.idle == (
        "clip.context_length",
        "cross.pooler.dense.weight",
        "frame_position_embeddings.weight",
    )
    assert model.unknown == ("something.new",)
    assert model.used + len(model.idle) + len(model.unknown) == len(state)


def test_the_prefix_of_parallel_training_is_taken_off(tmp_path):
    state = published.published_state("seqTransf")
    parallel = {f"module.{key}": value for key, value in state.items()}
    model = read_clip4clip(saved(tmp_path, parallel))
    assert (model.head.config.name, model.unknown, model.used) == ("seqTransf", (), len(state))


def test_the_head_is_built_as_the_checkpoint_expects(tmp_path):
    config = read_clip4clip(saved(tmp_path, published.published_state("seqTransf"))).head.config
    assert (config.dim, config.blocks, config.attention_heads, config.positions) == (128, 3, 2, 77)
    assert (config.layer_norm_epsilon, config.activation) == (1e-12, "quick_gelu")
    assert not config.gated
    assert not config.standardised


@pytest.mark.parametrize("rows", [2, 50])
def test_a_head_has_as_many_positions_as_the_checkpoint(tmp_path, rows):
    name = "frame_position_embeddings.weight"
    state = published.published_state("seqTransf")
    model = read_clip4clip(saved(tmp_path, state | {name: state[name][:rows]}))
    assert model.head.config.positions == rows


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (torch.zeros(1, WIDTH), r"\(the first is \(1, 128\), not \(2, 128\)\)"),
        (torch.tensor(1.0), r"\(the first is \(\), not \(77, 128\)\)"),
        (torch.zeros(3, 4, WIDTH), r"\(the first is \(3, 4, 128\), not \(77, 128\)\)"),
    ],
    ids=["one row", "number", "three axes"],
)
def test_a_table_of_positions_that_is_none_is_refused(tmp_path, table, sentence):
    state = published.published_state("seqTransf") | {"frame_position_embeddings.weight": table}
    with pytest.raises(ImportRefused, match=sentence):
        read_clip4clip(saved(tmp_path, state))


def test_a_3d_projection_takes_the_place_of_the_2d_one_that_is_left_over(tmp_path):
    state = published.published_state("meanP", patches_3d=True)
    model = read_clip4clip(saved(tmp_path, state))
    assert model.idle == ("clip.visual.conv1.weight",)
    assert model.patches_3d
    kernel = model.backbone["visual.conv1.weight"]
    assert torch.equal(kernel, state["clip.visual.conv2.weight"])


def without(state: dict[str, torch.Tensor], *keys: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state.items() if key not in keys}


def test_missing_keys_are_named(tmp_path):
    keys = ("clip.ln_final.bias", "transformerClip.resblocks.1.attn.out_proj.bias")
    file = saved(tmp_path, without(published.published_state("seqTransf"), *keys))
    with pytest.raises(ImportRefused, match=r"'pytorch_model.bin' is not whole: it lacks") as found:
        read_clip4clip(file)
    assert set(found.value.missing) == set(keys)
    assert all(key in str(found.value) for key in keys)


def test_up_to_five_missing_keys_are_named_and_the_others_counted(tmp_path):
    file = tmp_path / "model.bin"
    for count, told in ((5, "a0, a1, a2, a3, a4"), (7, "a0, a1, a2, a3, a4 and 2 more keys")):
        wanted = {f"a{number}": torch.Size([1]) for number in range(count)}
        with pytest.raises(ImportRefused) as found:
            check_whole(file, {}, wanted)
        assert str(found.value) == f"'model.bin' is not whole: it lacks {told}"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"lstm_visual.bias_hh_l0": torch.zeros(7)},
            "holds more than one head: seqLSTM, seqTransf",
        ),
        (
            {"transformerClip.resblocks.0.ln_1.bias": torch.zeros(3)},
            r"wrong shape: transformerClip.resblocks.0.ln_1.bias \(the first is \(3,\), "
            r"not \(128,\)\)",
        ),
        (
            {"transformerClip.resblocks.2.ln_1.bias": torch.full((128,), torch.nan)},
            "NaN or infinite numbers in transformerClip.resblocks.2.ln_1.bias",
        ),
        ({"clip.visual.layer1.0.conv1.weight": torch.zeros(1)}, "image tower is a ResNet"),
        (
            {"clip.text_projection": torch.zeros(128, 96)},
            "open_clip has no CLIP of its sizes with QuickGELU",
        ),
        ({"clip.visual.positional_embedding": torch.tensor(1.0)}, "holds no whole CLIP model"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, changes, sentence):
    file = saved(tmp_path, published.published_state("seqTransf") | changes)
    with pytest.raises(ImportRefused, match=sentence) as found:
        read_clip4clip(file)
    assert "\n" not in str(found.value)


class Bomb:
    """Unpickled carelessly, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


def test_code_in_a_file_is_not_run(tmp_path):
    owned = tmp_path / "owned"
    file = tmp_path / "pytorch_model.bin"
    torch.save({"clip.logit_scale": torch.tensor(1.0), "x": Bomb(owned)}, file)
    with pytest.raises(ImportRefused, match=r"'pytorch_model.bin' cannot be loaded safely"):
        read_clip4clip(file)
    assert not owned.exists()


@pytest.mark.parametrize("kept", [0, 10, 3000])
def test_a_cut_off_file_is_refused(tmp_path, kept):
    whole = saved(tmp_path, {"clip.logit_scale": torch.zeros(4000)}).read_bytes()
    file = tmp_path / "cut.bin"
    file.write_bytes(whole[:kept])
    with pytest.raises(ImportRefused, match=r"'cut.bin' cannot be loaded safely: it is damaged"):
        read_clip4clip(file)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [torch.zeros(1)],
        torch.zeros(3),
        {"epoch": 3, "model_state_dict": {"logit_scale": torch.tensor(1.0)}},
        {7: torch.zeros(1)},
        {"clip.visual.proj": torch.zeros(1).expand(1 << 40)},
        {"clip.visual.proj": torch.eye(3).to_sparse()},
    ],
    ids=["empty", "list", "tensor", "nested", "numbered", "endless view", "sparse"],
)
def test_what_is_no_table_of_weights_is_refused(tmp_path, content):
    file = saved(tmp_path, content)
    with pytest.raises(ImportRefused, match=r"is no flat table of weights"):
        read_clip4clip(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ImportRefused, match="there is no file"):
        read_clip4clip(tmp_path / "gone.bin")


@pytest.mark.parametrize(
    ("sizes", "name"),
    [
        ((512, 224, 32, 768, 12, 512, 12), "ViT-B-32-quickgelu"),
        ((512, 224, 16, 768, 12, 512, 12), "ViT-B-16-quickgelu"),
        ((768, 224, 14, 1024, 24, 768, 12), "ViT-L-14-quickgelu"),
        ((768, 336, 14, 1024, 24, 768, 12), "ViT-L-14-336-quickgelu"),
    ],
)
def test_openais_models_are_known_by_their_sizes(sizes, name):
    assert find_quick_gelu_architecture(ClipShape(*sizes, 77, 49408)) == name


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, True),
        ({"quick_gelu": False}, False),
        ({"custom_text": True}, False),
        ({"vision_cfg": {"head_width": 64}}, False),
        ({"text_cfg": {"heads": 2}}, False),
        ({"text_cfg": {"no_causal_mask": True}}, False),
    ],
    ids=["plain", "other activation", "other class", "other vision", "other heads", "other text"],
)
def test_only_plain_architectures_are_taken(tmp_path, changes, known):
    config = {
        "embed_dim": 40,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 24, "layers": 2, "width": 128, "patch_size": 8},
        "text_cfg": {"context_length": 9, "vocab_size": 50, "width": 64, "heads": 1, "layers": 3},
    }
    for name, change in changes.items():
        config[name] = config[name] | change if isinstance(change, dict) else change
    (tmp_path / "forty-channels.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "forty-channels.json")
    shape = ClipShape(40, 24, 8, 128, 2, 64, 3, 9, 50)
    if known:
        assert find_quick_gelu_architecture(shape) == "forty-channels"
        return
    sizes = "patches of 8 in 24 pixels, vision 2 × 128, text 3 × 64, embedding 40"
    with pytest.raises(UnknownArchitecture, match=sizes):
        find_quick_gelu_architecture(shape)


def test_an_architecture_without_quick_gelu_is_not_taken():
    laions_g14 = ClipShape(1024, 224, 14, 1408, 40, 1024, 24, 77, 49408)
    with pytest.raises(UnknownArchitecture, match=r"vision 40 × 1408"):
        find_quick_gelu_architecture(laions_g14)
