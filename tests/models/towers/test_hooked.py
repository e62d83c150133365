"""Towers that are neither CLIP's ResNet nor its ViT: timm's, a classifier, open_clip's others."""

from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from open_clip.timm_model import TimmModel
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images
from torch import nn
from torch.nn import functional

from models.clip.backbone import Backbone, load_backbone
from models.errors import KinodexError
from models.identity import ModelChoice
from models.towers.blocks import OtherTower
from models.towers.hidden_maps import PictureTower, picture_tower
from models.towers.hooked import HookedTower
from tests.models.picture_towers import OTHERS, enliven, other_backbone

KINDS = [*OTHERS, "swin", "classifier"]
CONVOLUTIONAL = ("convnext", "fastvit", "classifier")
SIDE = 64


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def backbone(kind: str) -> Backbone:
    return other_backbone(kind)


@pytest.fixture(scope="module")
def tower(backbone: Backbone) -> PictureTower:
    return picture_tower(backbone)


def pictures(count: int = 2, side: int = SIDE) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(5))


def texts(dim: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(1))


def levelled(maps: torch.Tensor) -> torch.Tensor:
    """Channels scaled to a mean square of 1 at each place."""
    return maps / maps.square().mean(1, keepdim=True).sqrt()


def check(tower: PictureTower, visual: nn.Module, shown: torch.Tensor) -> None:
    """What holds of every picture tower that can be sketched with."""
    seen = shown.clone().requires_grad_()
    found = tower(seen, layers=tower.middle_layers, embedding=True)
    with torch.no_grad():
        given = visual(tower.normalised(shown))
    wanted = given[0] if isinstance(given, tuple) else given
    assert float((found.embedding.detach() - wanted).norm() / wanted.norm()) < 1e-4
    for layer in found.maps:
        assert layer.shape[0] == len(shown)
        assert layer.shape[2] == layer.shape[3] > 1
    (sum(m.square().mean() for m in found.maps) + found.embedding.sum()).backward()
    assert seen.grad is not None
    assert bool(seen.grad.isfinite().all())
    assert bool((seen.grad.abs().amax((1, 2, 3)) > 0).all())
    assert not any(p.requires_grad or p.grad is not None for p in tower.parameters())
    attention = tower.attention(shown)
    assert attention.ndim == 3
    assert bool(attention.isfinite().all())
    assert float(attention.min()) >= 0
    assert float(attention.sum((1, 2)).min()) > 0
    assert float(attention.sum((1, 2)).max()) < 1 + 1e-5
    said = texts(wanted.shape[1], len(shown))
    relevance, to_the_contrary = tower.relevance(shown, said), tower.relevance(shown, -said)
    assert relevance.shape == attention.shape
    assert float(relevance.min()) >= 0
    assert set(relevance.amax((1, 2)).tolist()) <= {0.0, 1.0}
    # What speaks for a text is what speaks against its contrary.
    assert bool(((relevance > 0) ^ (to_the_contrary > 0)).float().mean() > 0.9)


def test_small_towers_of_every_family_see_as_their_models_do(
    backbone: Backbone, tower: PictureTower
) -> None:
    assert tower.kind == "hooked"
    check(tower, backbone.model.visual, pictures())
    with torch.no_grad():
        given = backbone.model.encode_image(tower.normalised(pictures()))
    encoded = given[0] if isinstance(given, tuple) else given
    found = tower(pictures(), layers=(), embedding=True)
    assert found.maps == ()
    torch.testing.assert_close(found.embedding, encoded)


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("attention pool", [(96, 4, 4)] * 2),
        ("convnext", [(32, 8, 8), (48, 4, 4)]),
        ("fastvit", [(96, 8, 8), (192, 4, 4)]),
        ("swin", [(32, 8, 8), (64, 4, 4)]),
        ("coca", [(64, 4, 4)]),
        ("classifier", [(32, 8, 8), (48, 4, 4)]),
    ],
)
def test_middle_layers_are_an_eighth_and_a_sixteenth_of_the_side_or_a_third_deep(kind, shapes):
    tower = picture_tower(other_backbone(kind))
    found = tower(pictures(1), layers=tower.middle_layers, embedding=False)
    assert [tuple(m.shape[1:]) for m in found.maps] == shapes


@pytest.mark.parametrize("kind", ["attention pool", "class token", "convnext", "fastvit", "swin"])
def test_maps_are_those_that_timm_itself_tells_of(kind: str) -> None:
    backbone = other_backbone(kind)
    tower = picture_tower(backbone)
    visual = backbone.model.visual
    with torch.no_grad():
        wanted = getattr(visual, "trunk", visual).forward_intermediates(
            tower.normalised(pictures()), norm=False, intermediates_only=True
        )
    found = tower(pictures(), layers=range(tower.stages), embedding=False).maps
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, levelled(other), atol=1e-4, rtol=1e-4)


def test_maps_of_open_clips_own_blocks_are_their_patches_without_the_class_token() -> None:
    backbone = other_backbone("coca")
    tower = picture_tower(backbone)
    with torch.no_grad():
        wanted = backbone.model.visual.forward_intermediates(
            tower.normalised(pictures()), intermediates_only=True
        )["image_intermediates"]
    found = tower(pictures(), layers=(3, 1), embedding=False).maps
    torch.testing.assert_close(found[0], levelled(wanted[3]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[1], levelled(wanted[1]), atol=1e-4, rtol=1e-4)


def test_nothing_beyond_the_last_layer_wanted_is_run() -> None:
    tower = picture_tower(other_backbone("convnext"))
    ran: list[int] = []
    for number, stage in enumerate(tower._tower.visual.trunk.stages):
        stage.register_forward_hook(lambda *_, number=number: ran.append(number))
    tower(pictures(), layers=(1, 0), embedding=False)
    assert ran == [0, 1]
    tower(pictures(), layers=(), embedding=False)
    assert ran == [0, 1]
    tower(pictures(), layers=(1,), embedding=True)
    assert ran == [0, 1, 0, 1, 2, 3]


def test_no_hook_is_left_behind() -> None:
    tower = picture_tower(other_backbone("attention pool"))
    tower(pictures(), layers=(1,), embedding=False)
    tower.attention(pictures())
    tower.relevance(pictures(), texts(24))
    for module in tower._tower.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_the_side_is_the_models_own_where_its_positions_are_for_that_side_alone(
    kind: str, tower: PictureTower
) -> None:
    sides = [tower.fitting_side(side) for side in (1, 40, SIDE, 112, 500)]
    if kind not in CONVOLUTIONAL:
        assert sides == [SIDE] * 5
        with pytest.raises(ValueError, match="side of 64"):
            tower(pictures(side=128), layers=(0,), embedding=False)
        return
    assert sides == [32, 40, SIDE, 112, 500]
    for side in (32, 40, 96):
        found = tower(pictures(1, side), layers=tower.middle_layers, embedding=True)
        assert found.embedding.isfinite().all()
        assert found.maps[0].shape[-1] == side // 8


def test_a_model_for_a_side_that_no_stage_divides_works_at_that_side() -> None:
    backbone = other_backbone("convnext")
    preprocessing = SimpleNamespace(**{**vars(backbone.preprocessing), "size": (90, 90)})
    other = SimpleNamespace(
        model=backbone.model,
        preprocessing=preprocessing,
        choice=backbone.choice,
        device=backbone.device,
    )
    tower = picture_tower(other)
    assert (tower.size, tower.fitting_side(90)) == (90, 90)
    check(tower, backbone.model.visual, pictures(1, 90))


def test_attention_of_an_attention_pool_is_what_its_question_takes_from_each_place() -> None:
    backbone = other_backbone("attention pool")
    tower, trunk = picture_tower(backbone), backbone.model.visual.trunk
    read = []
    hook = trunk.attn_pool.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    with torch.no_grad():
        trunk(tower.normalised(pictures()))
    hook.remove()
    pool, [tokens] = trunk.attn_pool, read
    heads, width = pool.num_heads, tokens.shape[-1] // pool.num_heads
    expected = torch.zeros(2, tokens.shape[1])
    keys = functional.linear(tokens, *(p[: heads * width] for p in pool.kv.parameters()))
    question = pool.q(pool.latent)[0, 0]
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        expected += (keys[..., own] @ question[own] / width**0.5).softmax(-1).detach() / heads
    # A register stands before the places.
    assert tokens.shape[1] == 1 + 16
    torch.testing.assert_close(tower.attention(pictures()), expected[:, 1:].reshape(2, 4, 4))


class MeanOfPlaces(nn.Module):
    """A tower whose embedding is the mean of what its places say: it can be told by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, 3, 16, 16, bias=False)
        nn.init.zeros_(self.cut.weight)
        for channel in range(3):
            self.cut.weight.data[channel, channel] = 1 / 256
        self.feature_info = [{"module": "cut"}]
        self.default_cfg = {"fixed_input_size": True}

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.cut(inputs).mean((2, 3))


def test_relevant_is_what_adds_to_the_cosine_and_nothing_is_where_all_places_are_alike() -> None:
    tower = HookedTower(MeanOfPlaces().eval(), SIDE)
    red, green, both = torch.eye(3)[0], torch.eye(3)[1], torch.tensor([1.0, 1.0, 0.0])
    shown = both[None, :, None, None] * torch.ones(1, 3, SIDE, SIDE)
    assert not tower.relevance(shown, red[None]).any()
    shown[:, :, :16, :16] = red[:, None, None]
    shown[:, :, :16, 16:32] = green[:, None, None]
    found = tower.relevance(shown, red[None])
    assert found.shape == (1, 4, 4)
    assert found.argmax() == 0
    assert found[0, 0, 1] == 0
    # What is the less usual adds the more: green stands out from yellow by red, which it lacks.
    attention = tower.attention(shown)
    assert attention.sum() == pytest.approx(1)
    assert not tower.attention(torch.ones(1, 3, SIDE, SIDE)).any()


def test_a_picture_that_says_nothing_has_neither_attention_nor_relevance() -> None:
    tower = HookedTower(MeanOfPlaces().eval(), SIDE)
    black = torch.zeros(1, 3, SIDE, SIDE)
    assert not tower.attention(black).any()
    assert not tower.relevance(black, torch.eye(3)[:1]).any()


def test_the_model_itself_stays_as_it_was() -> None:
    backbone = other_backbone("attention pool")
    before = {name: t.clone() for name, t in backbone.model.state_dict().items()}
    tower = picture_tower(backbone)
    tower.relevance(pictures(), texts(24))
    after = backbone.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.requires_grad for p in backbone.model.visual.parameters())


class Placeless(nn.Module):
    """Says which parts it has; they give vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Linear(3, 8)
        self.feature_info = [{"module": "part"}]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.part(inputs.mean((2, 3)))


@pytest.mark.parametrize("visual", [nn.Linear(3, 3), Placeless()])
def test_a_tower_without_maps_and_one_for_oblong_pictures_are_refused_in_one_sentence(visual):
    def refusal(visual: nn.Module, size: tuple[int, int]) -> str:
        other = SimpleNamespace(
            model=SimpleNamespace(visual=visual),
            preprocessing=SimpleNamespace(size=size, mean=(0.5,) * 3, std=(0.5,) * 3),
            choice=ModelChoice("mine"),
            device=torch.device("cpu"),
        )
        with pytest.raises(OtherTower) as error:
            picture_tower(other)
        assert isinstance(error.value, KinodexError)
        return str(error.value)

    told = refusal(visual, (SIDE, SIDE))
    assert told == (
        "a sketch needs a model whose picture tower keeps maps of square pictures, such as RN101 "
        f"or ViT-B-32; that of mine is {type(visual).__name__} with 64 × 64: choose another model"
    )
    assert "TimmModel with 64 × 32" in refusal(other_backbone("convnext").model.visual, (32, 64))


def registered(name: str) -> tuple[PictureTower, nn.Module]:
    """The picture side of one of open_clip's architectures, from scratch."""
    config = open_clip.get_model_config(name)
    vision = config["vision_cfg"]
    side = vision["image_size"]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        visual = TimmModel(
            vision["timm_model_name"],
            config["embed_dim"],
            side,
            pool=vision["timm_pool"],
            proj=vision["timm_proj"],
        ).eval()
        enliven(visual, side)
    backbone = SimpleNamespace(
        model=SimpleNamespace(visual=visual),
        preprocessing=SimpleNamespace(size=(side, side), mean=(0.5,) * 3, std=(0.5,) * 3),
        choice=ModelChoice(name),
        device=torch.device("cpu"),
    )
    return picture_tower(backbone), visual


@pytest.mark.parametrize(
    ("name", "places", "sides"),
    [
        ("PE-Core-T-16-384", 24, (24, 24)),
        ("ViT-B-32-SigLIP2-256", 8, (8, 8)),
        ("convnext_tiny", 7, (28, 14)),
        ("MobileCLIP2-S0", 8, (32, 16)),
    ],
)
def test_real_architectures_work_alike(name: str, places: int, sides: tuple[int, int]) -> None:
    tower, visual = registered(name)
    shown = pictures(1, tower.size)
    check(tower, visual, shown)
    assert tower.attention(shown).shape == (1, places, places)
    maps = tower(shown, layers=tower.middle_layers, embedding=False).maps
    assert tuple(m.shape[-1] for m in maps) == sides


def test_the_model_imagenet_looks_at_the_flower_in_a_photograph() -> None:
    backbone = load_backbone(ModelChoice("imagenet"), device="cpu")
    tower = picture_tower(backbone)
    assert (tower.kind, tower.stages, tower.middle_layers) == ("hooked", 5, (2, 3))
    _, flower = load_sample_images().images
    photograph = torch.from_numpy(on_square(flower)).permute(2, 0, 1)[None].float() / 255
    check(tower, backbone.model.visual, photograph)
    attention = tower.attention(photograph)[0]
    # It fills the middle of the picture, some three of the seven places each way.
    assert float(attention[2:5, 2:5].mean()) > 2 * float(attention.mean())


def on_square(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, at the side that the model was made for."""
    return np.array(ImageOps.fit(Image.fromarray(picture), (224, 224)))
