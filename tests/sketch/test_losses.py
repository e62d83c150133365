import pytest
import torch
from torch.nn import functional

from models.backbone import Backbone, load_backbone
from models.hidden_maps import PictureTower, picture_tower
from models.sources import choose_model
from sketch.losses import ClipLoss, LossSettings
from sketch.views import ViewBank
from tests.sketch.stills import bundled, bundled_tower
from tests.tiny import tiny_backbone

PLAIN = LossSettings(outside_weight=0.0)


def scenes(side: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures and sketches."""
    generator = torch.Generator().manual_seed(2)
    pictures = torch.rand(count, 3, side, side, generator=generator)
    return pictures, torch.rand(count, side, side, generator=generator)


def by_hand(
    backbone: Backbone, sketches: torch.Tensor, pictures: torch.Tensor
) -> list[torch.Tensor]:
    """Total, semantic and geometric loss of the clean view, written down from the paper."""
    mean, std = (
        torch.tensor(v)[:, None, None]
        for v in (backbone.preprocessing.mean, backbone.preprocessing.std)
    )
    visual = backbone.model.visual
    told = []
    for images in (sketches[:, None].expand(-1, 3, -1, -1), pictures):
        inputs = (images - mean) / std
        if hasattr(visual, "layer1"):
            second = visual.layer2(visual.layer1(visual.stem(inputs)))
            told.append((second, visual.layer3(second), visual(inputs)))
        else:
            hidden = visual._embeds(inputs)
            maps = []
            for block in visual.transformer.resblocks:
                hidden = block(hidden)
                maps.append(hidden[:, 1:])
            last = min(len(maps) - 1, max(1, round(len(maps) / 3)))
            told.append((maps[max(0, last - 1)], maps[last], visual(inputs)))
    (first, second, embedding), (first_aim, second_aim, aim) = told
    geometric = sum(
        (a - b).square().flatten(1).mean(dim=1)
        for a, b in ((first, first_aim), (second, second_aim))
    )
    semantic = 1 - functional.cosine_similarity(embedding, aim)
    return [geometric + 0.1 * semantic, semantic, geometric]  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["bundled", "ViT-B-32", "RN101"])
@torch.no_grad()
def test_the_loss_is_that_of_the_paper(name: str) -> None:
    choice = choose_model(name, pretrained=None if name == "bundled" else "random")
    backbone = load_backbone(choice, device="cpu")
    tower = picture_tower(backbone)
    pictures, sketches = scenes(tower.size, count=1)
    loss = ClipLoss(
        tower, pictures, torch.ones(1, tower.size, tower.size), ViewBank.draw(1, seed=0), PLAIN
    )
    told = loss(sketches)
    wanted = by_hand(backbone, sketches, pictures)
    for found, right in zip((told.total, told.semantic, told.geometric), wanted, strict=True):
        assert torch.allclose(found, right, rtol=1e-5, atol=1e-5)


@pytest.fixture(params=["resnet", "vit"])
def tower(request: pytest.FixtureRequest) -> PictureTower:
    return bundled_tower() if request.param == "resnet" else picture_tower(tiny_backbone())


def test_a_picture_is_no_way_from_itself_in_any_view(tower: PictureTower) -> None:
    _, sketches = scenes(tower.size)
    pictures = sketches[:, None].expand(-1, 3, -1, -1)
    masks = torch.ones_like(sketches)
    loss = ClipLoss(tower, pictures, masks, ViewBank.draw(4, seed=1), PLAIN)
    told = loss(sketches, [0, 1, 2, 3])
    assert max(float(x.abs().max()) for x in (told.total, told.semantic, told.geometric)) < 1e-5


def test_what_was_seen_once_is_what_is_seen_again(tower: PictureTower) -> None:
    pictures, sketches = scenes(tower.size)
    masks, bank = torch.rand_like(sketches), ViewBank.draw(4, seed=1)
    kept = ClipLoss(tower, pictures, masks, bank)
    first, second = kept(sketches, [1, 3]), kept(sketches, [1, 3])
    fresh = ClipLoss(tower, pictures, masks, bank)(sketches, [1, 3])
    assert torch.equal(first.total, second.total)
    assert torch.allclose(first.total, fresh.total, rtol=1e-5)


def test_sketches_may_belong_to_any_target(tower: PictureTower) -> None:
    pictures, sketches = scenes(tower.size)
    masks = torch.ones_like(sketches)
    loss = ClipLoss(tower, pictures, masks, ViewBank.draw(1, seed=1))
    swapped = loss(sketches.flip(0), rows=torch.tensor([1, 0])).total.flip(0)
    assert torch.allclose(swapped, loss(sketches).total, rtol=1e-4)


def test_without_a_mask_every_view_is_the_papers(tower: PictureTower) -> None:
    pictures, sketches = scenes(tower.size, count=1)
    bank = ViewBank.draw(4, seed=3)
    loss = ClipLoss(tower, pictures, torch.ones_like(sketches), bank, PLAIN)
    for view in range(4):
        seen = bank.apply(
            torch.cat([sketches[:, None].expand(-1, 3, -1, -1), pictures]), [view], size=tower.size
        )
        told = tower(seen[:, 0], layers=tower.middle_layers, embedding=True)
        geometric = sum(float((m[0] - m[1]).square().mean()) for m in told.maps)
        assert float(loss(sketches, [view]).geometric) == pytest.approx(geometric, rel=1e-4)


def test_the_background_counts_less() -> None:
    tower = bundled_tower()
    pictures, _ = scenes(64, count=1)
    masks = torch.zeros(1, 64, 64)
    masks[:, :, :32] = 1
    loss = ClipLoss(tower, pictures, masks, ViewBank.draw(1, seed=0), PLAIN)
    grey = pictures.mean(dim=1)
    wrong_left, wrong_right = grey.clone(), grey.clone()
    wrong_left[:, :, :24] = 1
    wrong_right[:, :, 40:] = 1
    assert float(loss(wrong_left).geometric) > float(loss(wrong_right).geometric)


def test_ink_beside_the_subject_is_punished() -> None:
    tower = bundled_tower()
    pictures, _ = scenes(64, count=1)
    masks = torch.zeros(1, 64, 64)
    masks[:, :32] = 1
    loss = ClipLoss(tower, pictures, masks, ViewBank.draw(1, seed=0))
    sketch = torch.ones(1, 64, 64)
    sketch[:, 48:] = 0
    told = loss(sketch)
    beside = float(told.total - told.geometric - 0.1 * told.semantic)
    assert beside == pytest.approx(0.5 * 16 / 64, abs=0.01)


def test_the_residual_is_highest_where_the_sketch_is_wrong() -> None:
    tower = bundled_tower()
    grey = torch.full((1, 64, 64), 0.9)
    pictures = grey[:, None].expand(-1, 3, -1, -1)
    wrong = grey.clone()
    wrong[:, 40:56, 8:24] = 0
    loss = ClipLoss(tower, pictures, torch.ones(1, 64, 64), ViewBank.draw(1, seed=0))
    residual = loss.residual(wrong)[0]
    assert float(residual[40:56, 8:24].mean()) > 3 * float(residual[:24, 40:].mean())


def test_without_embeddings_there_is_no_semantic_loss() -> None:
    assert bundled().dim == 256
    pictures, sketches = scenes(64)
    loss = ClipLoss(
        bundled_tower(), pictures, torch.ones(2, 64, 64), ViewBank.draw(2, seed=0), PLAIN
    )
    told = loss(sketches, [1], embedding=False)
    assert told.semantic.tolist() == [0, 0]
    assert torch.equal(told.total, told.geometric)
