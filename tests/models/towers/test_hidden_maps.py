import numpy as np
import pytest
import torch
from torch.nn import functional

from models.clip.backbone import Backbone, load_backbone
from models.identity import BUNDLED, ModelChoice
from models.towers.blocks import fitted_positions
from models.towers.hidden_maps import PictureTower, picture_tower
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.render import compose
from smallworld.stills.scenes import draw_scene
from smallworld.stills.sprites import shipped_atlas
from tests.models.picture_towers import KINDS, real_backbone, small_backbone

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


@pytest.fixture(scope="module", params=sorted(KINDS))
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return small_backbone(request.param)


@pytest.fixture(scope="module")
def tower(backbone: Backbone) -> PictureTower:
    return picture_tower(backbone)


def pictures(count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(5))


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def outputs(module: torch.nn.Module, hooked: list[torch.nn.Module], inputs: torch.Tensor) -> list:
    """What modules inside a network give while it runs."""
    seen: list[torch.Tensor] = []
    hooks = [m.register_forward_hook(lambda _m, _i, o: seen.append(o.clone())) for m in hooked]
    with torch.no_grad():
        module((inputs - MEAN) / STD)
    for hook in hooks:
        hook.remove()
    return seen


def test_embedding_is_that_of_the_model(backbone: Backbone, tower: PictureTower) -> None:
    found = tower(pictures(), layers=(), embedding=True)
    with torch.no_grad():
        wanted = backbone.model.encode_image((pictures() - MEAN) / STD)
    assert found.maps == ()
    assert relative(found.embedding, wanted) < 1e-5


def test_maps_of_a_resnet_are_what_its_layers_give() -> None:
    backbone = small_backbone("resnet")
    visual = backbone.model.visual
    wanted = outputs(visual, [visual.layer1, visual.layer2, visual.layer3], pictures())
    found = picture_tower(backbone)(pictures(), layers=(2, 3, 1), embedding=False)
    assert [m.shape for m in found.maps] == [(2, 128, 8, 8), (2, 256, 4, 4), (2, 64, 16, 16)]
    assert relative(found.maps[0], wanted[1]) < 1e-5
    assert relative(found.maps[1], wanted[2]) < 1e-5
    assert relative(found.maps[2], wanted[0]) < 1e-5


def test_maps_of_a_vit_are_its_blocks_patches_without_the_class_token() -> None:
    backbone = small_backbone("vit")
    visual = backbone.model.visual
    wanted = outputs(visual, list(visual.transformer.resblocks), pictures())
    found = picture_tower(backbone)(pictures(), layers=(0, 3), embedding=False)
    assert [m.shape for m in found.maps] == [(2, 64, 4, 4)] * 2
    # Patch 6 is in the second row, third column.
    torch.testing.assert_close(found.maps[0][:, :, 1, 2], wanted[0][:, 1 + 6])
    torch.testing.assert_close(found.maps[1][:, :, 1, 2], wanted[3][:, 1 + 6])


def test_nothing_beyond_the_last_layer_wanted_is_run() -> None:
    for kind, unused in (("resnet", "layer3"), ("vit", "transformer.resblocks.3")):
        tower = picture_tower(small_backbone(kind))
        ran = []
        tower._tower.visual.get_submodule(unused).register_forward_hook(
            lambda *_, kind=kind, ran=ran: ran.append(kind)
        )
        tower(pictures(), layers=(2, 1), embedding=False)
        assert ran == []
        tower(pictures(), layers=(2,), embedding=True)
        assert ran == [kind]


def test_nothing_is_run_where_nothing_is_wanted() -> None:
    for kind, first in (("resnet", "conv1"), ("vit", "transformer.resblocks.0")):
        tower = picture_tower(small_backbone(kind))
        ran = []
        tower._tower.visual.get_submodule(first).register_forward_hook(
            lambda *_, ran=ran: ran.append(0)
        )
        found = tower(pictures(), layers=(), embedding=False)
        assert (found.maps, found.embedding, ran) == ((), None, [])


def test_backward_reaches_the_pictures_and_no_weight(tower: PictureTower) -> None:
    shown = pictures().requires_grad_()
    found = tower(shown, layers=tower.middle_layers, embedding=True)
    (sum(m.square().mean() for m in found.maps) + found.embedding.sum()).backward()
    assert shown.grad is not None and (shown.grad.abs().amax((1, 2, 3)) > 0).all()
    assert all(not p.requires_grad and p.grad is None for p in tower.parameters())


def test_the_model_itself_stays_as_it_was() -> None:
    backbone = small_backbone("resnet")
    before = {name: t.clone() for name, t in backbone.model.state_dict().items()}
    picture_tower(backbone)
    after = backbone.model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.requires_grad for p in backbone.model.visual.parameters())


def test_folding_batch_norms_changes_features_by_rounding_only() -> None:
    backbone = small_backbone("resnet")
    folded, plain = picture_tower(backbone), picture_tower(backbone, fold=False)
    found = folded(pictures(), layers=range(5), embedding=True)
    wanted = plain(pictures(), layers=range(5), embedding=True)
    for one, other in zip(found.maps, wanted.maps, strict=True):
        assert relative(one, other) < 1e-4
    assert relative(found.embedding, wanted.embedding) < 1e-4
    names = [type(m).__name__ for m in folded._tower.modules()]
    assert "BatchNorm2d" not in names


def test_memory_layout_changes_features_by_rounding_only() -> None:
    backbone = small_backbone("resnet")
    visual = backbone.model.visual
    [wanted] = outputs(visual, [visual.layer3], pictures())
    assert wanted.is_contiguous()
    [found] = picture_tower(backbone, fold=False)(pictures(), layers=[3], embedding=False).maps
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert relative(found, wanted) < 1e-4


def test_half_the_side_gives_maps_of_half_the_side(tower: PictureTower) -> None:
    whole = tower(pictures(), layers=tower.middle_layers, embedding=False)
    half = tower(pictures(side=32), layers=tower.middle_layers, embedding=True)
    for large, small in zip(whole.maps, half.maps, strict=True):
        assert large.shape[1] == small.shape[1]
        assert large.shape[2] == 2 * small.shape[2]
    assert half.embedding.shape == (2, 24)


def test_sides_that_do_not_fit_are_refused_and_the_nearest_is_known() -> None:
    tower = picture_tower(small_backbone("vit"))
    assert tower.fitting_side(40) == 32
    assert tower.fitting_side(3) == 16
    with pytest.raises(ValueError, match="side of 64"):
        tower(pictures(side=40), layers=[0], embedding=False)
    resnet = picture_tower(small_backbone("resnet"))
    assert [resnet.fitting_side(side) for side in (40, 41, 33, 31)] == [40, 41, 33, 32]
    for odd in (pictures()[:, :1], pictures()[:, :, :32], pictures()[..., :32]):
        with pytest.raises(ValueError, match=r"must be \(batch, 3, side, side\)"):
            resnet(odd, layers=[1], embedding=False)
    with pytest.raises(ValueError, match="0 to 4, not -1"):
        resnet(pictures(), layers=[-1], embedding=False)
    with pytest.raises(ValueError, match="0 to 4"):
        resnet(pictures(), layers=[5], embedding=False)


@pytest.mark.parametrize(("kind", "stages"), [("resnet", 5), ("vit", 4)])
def test_a_tower_knows_its_kind_and_how_many_maps_it_has(kind: str, stages: int) -> None:
    tower = picture_tower(small_backbone(kind))
    assert (tower.kind, tower.stages, tower.size) == (kind, stages, 64)


def test_middle_layers_follow_the_depth() -> None:
    assert picture_tower(small_backbone("resnet")).middle_layers == (2, 3)
    assert picture_tower(small_backbone("vit")).middle_layers == (1,)
    tower = picture_tower(small_backbone("vit"))
    blocks = tower._tower.visual.transformer.resblocks
    for depth, layers in ((12, (3, 4)), (24, (6, 8)), (2, (0, 1)), (1, (0,))):
        tower._tower.visual.transformer.resblocks = torch.nn.ModuleList([blocks[0]] * depth)
        assert tower.middle_layers == layers


def test_attention_of_a_vit_is_the_mean_over_heads_and_blocks() -> None:
    backbone = small_backbone("vit")
    visual = backbone.model.visual
    blocks = visual.transformer.resblocks
    wanted = torch.zeros(2, 16)
    for block, normal in zip(
        blocks, outputs(visual, [b.ln_1 for b in blocks], pictures()), strict=True
    ):
        _, weights = block.attn(normal, normal, normal, need_weights=True)
        wanted += weights[:, 0, 1:].detach() / 4
    found = picture_tower(backbone).attention(pictures())
    torch.testing.assert_close(found, wanted.reshape(2, 4, 4))


def test_attention_of_a_resnet_is_that_of_its_pool() -> None:
    backbone = small_backbone("resnet")
    pool = backbone.model.visual.attnpool
    shown = pictures(side=96)  # 3 × 3 places, of which the positions below are stretched
    found = picture_tower(backbone).attention(shown)
    assert found.shape == (2, 3, 3)
    assert ((found > 0) & (found < 1)).all() and (found.sum((1, 2)) < 1).all()
    [last] = picture_tower(backbone)(pictures(), layers=[4], embedding=False).maps
    tokens = last.flatten(2).permute(2, 0, 1)
    tokens = torch.cat([tokens.mean(0, keepdim=True), tokens]) + pool.positional_embedding[:, None]
    with torch.no_grad():
        _, weights = functional.multi_head_attention_forward(
            tokens[:1], tokens, tokens, tokens.shape[-1], pool.num_heads,
            None, torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]),
            None, None, False, 0.0, pool.c_proj.weight, pool.c_proj.bias, training=False,
            use_separate_proj_weight=True, q_proj_weight=pool.q_proj.weight,
            k_proj_weight=pool.k_proj.weight, v_proj_weight=pool.v_proj.weight,
        )  # fmt: skip
    own = picture_tower(backbone)._tower._pool(last)[1].mean(1)
    torch.testing.assert_close(own, weights[:, 0])


def test_relevance_is_a_map_from_0_to_1_for_one_text_or_one_each(tower: PictureTower) -> None:
    texts = torch.randn(2, 24, generator=torch.Generator().manual_seed(1))
    both = tower.relevance(pictures(), texts)
    assert both.ndim == 3 and both.amin() >= 0
    torch.testing.assert_close(both.amax((1, 2)), torch.ones(2))
    torch.testing.assert_close(tower.relevance(pictures(), texts[1])[1], both[1])


def texts_to_see() -> torch.Tensor:
    return torch.randn(2, 24, generator=torch.Generator().manual_seed(1))


def test_relevance_of_a_resnet_is_what_places_mean_times_what_moves_the_embedding() -> None:
    backbone = small_backbone("resnet")
    visual, pool = backbone.model.visual, backbone.model.visual.attnpool
    texts = functional.normalize(texts_to_see(), dim=1)
    inputs = (pictures() - MEAN) / STD
    hidden = visual.layer2(visual.layer1(visual.stem(inputs))).detach().requires_grad_()
    embedding = pool(visual.layer4(visual.layer3(hidden)))
    functional.cosine_similarity(embedding, texts).sum().backward()
    telling = (hidden.grad * hidden).clamp_min(0).sum(1).sqrt()
    # Places are told apart on a picture of 96 pixels, which has three by three of them.
    large = functional.interpolate(inputs, (96, 96), mode="bilinear")
    last = visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(large)))))
    tokens = last.flatten(2).mT + fitted_positions(pool.positional_embedding, (3, 3))[1:]
    places = functional.cosine_similarity(
        pool.c_proj(pool.v_proj(tokens)), texts[:, None], dim=2
    ).reshape(2, 1, 3, 3)
    least, greatest = places.amin((2, 3), keepdim=True), places.amax((2, 3), keepdim=True)
    meaning = functional.interpolate((places - least) / (greatest - least), (8, 8), mode="bilinear")
    expected = (meaning[:, 0] * telling).detach()
    expected = expected / expected.amax((1, 2), keepdim=True)
    found = picture_tower(backbone).relevance(pictures(), texts_to_see())
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_relevance_of_a_vit_is_what_the_last_block_would_make_of_each_patch_alone() -> None:
    backbone = small_backbone("vit")
    visual = backbone.model.visual
    last = visual.transformer.resblocks[-1]
    [normal] = outputs(visual, [last.ln_1], pictures())
    with torch.no_grad():
        alone, _ = last.attn(*[normal.flatten(0, 1)[:, None]] * 3)
        meant = visual.ln_post(alone.reshape(2, 17, 64)[:, 1:]) @ visual.proj
        cosines = functional.cosine_similarity(meant, texts_to_see()[:, None], dim=2)
    least, greatest = cosines.amin(1, keepdim=True), cosines.amax(1, keepdim=True)
    expected = ((cosines - least) / (greatest - least)).reshape(2, 4, 4)
    found = picture_tower(backbone).relevance(pictures(), texts_to_see())
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_attention_of_a_resnet_looks_at_no_less_than_three_by_three_places() -> None:
    tower = picture_tower(small_backbone("resnet"))
    large = functional.interpolate(pictures(), (96, 96), mode="bilinear")
    torch.testing.assert_close(tower.attention(pictures()), tower.attention(large))
    assert tower.attention(pictures()).shape == (2, 3, 3)
    assert tower.attention(pictures(side=160)).shape == (2, 5, 5)


def test_bundled_model_sees_the_thing_that_is_named() -> None:
    backbone = load_backbone(ModelChoice(BUNDLED), device="cpu")
    tower = picture_tower(backbone)
    left, right = Placement("monkey", 0.25, 0.5, 0.4), Placement("umbrella", 0.75, 0.5, 0.4)
    scene = draw_scene("grass", seed=4, width=64, height=64)
    ground = torch.from_numpy(scene.copy()).permute(2, 0, 1)[None].float() / 255
    shown = compose(ground, [Picture("grass", 4, (left, right))], shipped_atlas())
    texts = backbone.embed_texts(["a monkey", "an umbrella"])
    maps = tower.relevance(shown.expand(2, -1, -1, -1), texts).numpy()
    columns = np.linspace(0, 1, maps.shape[2])
    centres = (maps.sum(1) * columns).sum(1) / maps.sum((1, 2))
    assert centres[0] < 0.4
    assert centres[1] > 0.6


@pytest.mark.parametrize("name", ["RN101", "ViT-B-32"])
def test_real_architectures_work_alike(name: str) -> None:
    backbone = real_backbone(name)
    tower = picture_tower(backbone)
    shown = pictures(1, side=224)
    found = tower(shown, layers=tower.middle_layers, embedding=True)
    with torch.no_grad():
        wanted = backbone.model.encode_image((shown - MEAN) / STD)
    assert relative(found.embedding, wanted) < 1e-4
    assert tower.attention(shown).shape == (1, 7, 7)
    sides = {"RN101": (28, 14), "ViT-B-32": (7, 7)}[name]
    assert tuple(m.shape[-1] for m in found.maps) == sides
