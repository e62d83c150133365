import pytest
import torch
from torch.nn import functional

from models.backbone import Backbone, load_backbone
from models.choice import ModelChoice
from models.errors import KinodexError
from models.hidden_maps import picture_tower
from models.sources import choose_model
from tests.tiny import tiny_backbone


@pytest.fixture(scope="module")
def bundled() -> Backbone:
    return load_backbone(choose_model("bundled"))


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def plain_inputs(backbone: Backbone, pictures: torch.Tensor) -> torch.Tensor:
    mean, std = (
        torch.tensor(v)[:, None, None]
        for v in (backbone.preprocessing.mean, backbone.preprocessing.std)
    )
    return (pictures - mean) / std


def test_a_resnets_maps_are_those_of_its_stages(bundled: Backbone, pictures: torch.Tensor) -> None:
    visual = bundled.model.visual
    with torch.no_grad():
        second = visual.layer2(visual.layer1(visual.stem(plain_inputs(bundled, pictures))))
        third = visual.layer3(second)
        wanted = visual(plain_inputs(bundled, pictures))
    told = picture_tower(bundled)(pictures, layers=[2, 3], embedding=True)
    for found, right in zip((*told.maps, told.embedding), (second, third, wanted), strict=True):
        assert found is not None
        assert float((found - right).norm() / right.norm()) < 1e-4


def test_folding_changes_nothing_that_counts(bundled: Backbone, pictures: torch.Tensor) -> None:
    folded, plain = (picture_tower(bundled, fold=fold) for fold in (True, False))
    a, b = (tower(pictures, layers=[4], embedding=True) for tower in (folded, plain))
    assert float((a.maps[0] - b.maps[0]).norm() / b.maps[0].norm()) < 1e-4
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.visual.modules())
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in bundled.model.visual.modules())


def test_a_transformers_maps_are_its_blocks_patches() -> None:
    backbone = tiny_backbone()
    pictures = torch.rand(2, 3, 32, 32)
    visual = backbone.model.visual
    with torch.no_grad():
        inputs = plain_inputs(backbone, pictures)
        tokens = visual.transformer.resblocks[0](visual._embeds(inputs))
        wanted = visual(inputs)
    told = picture_tower(backbone)(pictures, layers=[0], embedding=True)
    assert torch.allclose(told.maps[0].flatten(2).transpose(1, 2), tokens[:, 1:], atol=1e-5)
    assert told.embedding is not None
    assert torch.allclose(told.embedding, wanted, atol=1e-5)


def test_gradients_reach_the_pictures_and_no_weight(
    bundled: Backbone, pictures: torch.Tensor
) -> None:
    tower = picture_tower(bundled)
    asked = pictures.clone().requires_grad_()
    told = tower(asked, layers=[2], embedding=True)
    assert told.embedding is not None
    (told.maps[0].sum() + told.embedding.sum()).backward()
    assert asked.grad is not None
    assert float(asked.grad.abs().sum()) > 0
    assert not any(p.requires_grad or p.grad is not None for p in tower.visual.parameters())


def test_without_an_embedding_a_resnet_takes_any_size(bundled: Backbone) -> None:
    told = picture_tower(bundled)(torch.rand(1, 3, 96, 96), layers=[2], embedding=False)
    assert told.embedding is None
    assert told.maps[0].shape[-2:] == (12, 12)


def test_attention_shares_sum_to_less_than_one_by_what_the_class_token_keeps(
    bundled: Backbone, pictures: torch.Tensor
) -> None:
    for tower, asked in (
        (picture_tower(bundled), pictures),
        (picture_tower(tiny_backbone()), torch.rand(2, 3, 32, 32)),
    ):
        shares = tower.attention(asked)
        assert shares.ndim == 3
        total = shares.sum(dim=(1, 2))
        assert bool(((total > 0) & (total < 1)).all())


def test_a_transformers_attention_is_that_of_torchs_own_module() -> None:
    backbone = tiny_backbone()
    pictures = torch.rand(1, 3, 32, 32)
    visual = backbone.model.visual
    block = visual.transformer.resblocks[0]
    with torch.no_grad():
        normal = block.ln_1(visual._embeds(plain_inputs(backbone, pictures)))
        _, weights = block.attn(normal, normal, normal, need_weights=True)
    told = picture_tower(backbone).attention(pictures)
    assert torch.allclose(told.flatten(), weights[0, 0, 1:], atol=1e-6)


def test_a_thing_is_seen_where_it_is(bundled: Backbone) -> None:
    from tests.sketch.stills import still

    tower = picture_tower(bundled)
    on = off = 0.0
    for thing in ("cat", "owl", "bus", "pizza"):
        pixels = still(thing, "grass", size=0.4, at=(0.28, 0.72))
        picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        small = functional.interpolate(picture, size=(64, 64), mode="bilinear", antialias=True)
        [text] = bundled.embed_texts([f"a photo of a {thing}"])
        seen = tower.relevance(small, text)[0]
        half = len(seen) // 2
        on += float(seen[half:, :half].mean())
        off += float(seen[:half, half:].mean())
    assert on > off


def test_another_kind_of_tower_is_one_sentence(bundled: Backbone) -> None:
    class Other:
        choice = ModelChoice("convnext")
        preprocessing = bundled.preprocessing

        class model:  # noqa: N801
            visual = torch.nn.Linear(2, 2)

    with pytest.raises(KinodexError, match="ViT-B-32 or RN101; that of convnext is Linear"):
        picture_tower(Other())  # type: ignore[arg-type]
