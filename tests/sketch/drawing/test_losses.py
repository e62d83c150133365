import pytest
import torch
from torch.nn import functional

from models.clip.backbone import Backbone
from models.towers.hidden_maps import PictureTower, picture_tower
from sketch.drawing.losses import ClipLoss, LossSettings
from sketch.drawing.views import ViewBank
from tests.models.picture_towers import KINDS, real_backbone, small_backbone

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
VIEWS = [0, 2, 1]


@pytest.fixture(scope="module", params=sorted(KINDS))
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return small_backbone(request.param)


@pytest.fixture(scope="module")
def tower(backbone: Backbone) -> PictureTower:
    return picture_tower(backbone)


@pytest.fixture(scope="module")
def bank() -> ViewBank:
    return ViewBank.draw(3, seed=4)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    """Pictures of eight by eight random patches: finer noise would look alike to a tower."""
    coarse = torch.rand(*shape[:-2], 8, 8, generator=torch.Generator().manual_seed(seed))
    patch = torch.ones(shape[-2] // 8, shape[-1] // 8)
    return torch.kron(coarse, patch)


def half_masks(count: int = 2, side: int = 64) -> torch.Tensor:
    """The left half is subject."""
    masks = torch.zeros(count, side, side)
    masks[:, :, : side // 2] = 1
    return masks


def hidden_by_hand(backbone: Backbone, pictures: torch.Tensor) -> tuple[list, torch.Tensor]:
    """The maps that the paper's loss compares and the embedding, from the model's own parts."""
    visual = backbone.model.visual
    hooked = (
        [visual.layer2, visual.layer3]
        if hasattr(visual, "layer2")
        else [visual.transformer.resblocks[n] for n in picture_tower(backbone).middle_layers]
    )
    seen: list[torch.Tensor] = []
    hooks = [m.register_forward_hook(lambda _m, _i, o: seen.append(o.clone())) for m in hooked]
    with torch.no_grad():
        embedding = backbone.model.encode_image((pictures - MEAN) / STD)
    for hook in hooks:
        hook.remove()
    return [s if s.ndim == 4 else s[:, 1:] for s in seen], embedding


def paper_loss(
    backbone: Backbone, image: torch.Tensor, target: torch.Tensor, bank: ViewBank, views: list[int]
) -> tuple[float, float]:
    """Geometric and semantic loss of one sketch: sum over layers of mean over everything."""
    size = backbone.preprocessing.size[0]
    sketch = image.expand(1, 3, -1, -1)
    drawn, told = hidden_by_hand(backbone, bank.apply(sketch, views, size=size)[0])
    wanted, goal = hidden_by_hand(backbone, bank.apply(target[None], views, size=size)[0])
    geometric = sum(float(((d - w) ** 2).mean()) for d, w in zip(drawn, wanted, strict=True))
    dot = (told * goal).sum(1)
    semantic = float((1 - dot / told.norm(dim=1) / goal.norm(dim=1)).mean())
    return geometric, semantic


def test_loss_without_a_mask_is_the_papers_formula(
    backbone: Backbone, tower: PictureTower, bank: ViewBank
) -> None:
    images, targets = random(2, 64, 64), random(2, 3, 64, 64, seed=1)
    losses = ClipLoss(tower, targets, torch.ones(2, 64, 64), bank)(images, VIEWS)
    for row in range(2):
        geometric, semantic = paper_loss(backbone, images[row], targets[row], bank, VIEWS)
        assert float(losses.geometric[row]) == pytest.approx(geometric, rel=1e-5)
        assert float(losses.semantic[row]) == pytest.approx(semantic, rel=1e-5, abs=1e-6)
        assert float(losses.total[row]) == pytest.approx(geometric + 0.1 * semantic, rel=1e-5)
    assert losses.outside.tolist() == [0, 0]


@pytest.mark.parametrize("name", ["RN101", "ViT-B-32"])
def test_loss_of_the_real_architectures_is_the_papers_formula(name: str) -> None:
    backbone = real_backbone(name)
    image, target = random(1, 224, 224), random(1, 3, 224, 224, seed=1)
    bank = ViewBank.draw(2, seed=4)
    loss = ClipLoss(picture_tower(backbone), target, torch.ones(1, 224, 224), bank)
    found = loss(image, [1])
    geometric, semantic = paper_loss(backbone, image[0], target[0], bank, [1])
    assert float(found.geometric) == pytest.approx(geometric, rel=1e-5)
    assert float(found.semantic) == pytest.approx(semantic, rel=1e-5, abs=1e-6)


def test_layers_and_weights_are_those_of_the_settings(
    backbone: Backbone, tower: PictureTower, bank: ViewBank
) -> None:
    image, target, ones = random(1, 64, 64), random(1, 3, 64, 64, seed=1), torch.ones(1, 64, 64)

    def geometric(*layers: int, weights: tuple[float, ...]) -> float:
        settings = LossSettings(layers=layers, layer_weights=weights, semantic_weight=0.0)
        return float(ClipLoss(tower, target, ones, bank, settings)(image).total)

    both = geometric(1, 3, weights=(0.5, 2.0))
    alone = 0.5 * geometric(1, weights=(1.0,)) + 2 * geometric(3, weights=(1.0,))
    assert both == pytest.approx(alone, rel=1e-5)
    with pytest.raises(ValueError, match="as many weights"):
        geometric(1, 3, weights=(1.0,))


def test_a_picture_as_its_own_sketch_has_no_loss_in_any_view(tower: PictureTower) -> None:
    bank = ViewBank.draw(8, seed=9)
    grey = random(2, 64, 64)
    loss = ClipLoss(tower, grey[:, None].expand(-1, 3, -1, -1), torch.ones(2, 64, 64), bank)
    for views in ([0], [3], list(range(8))):
        found = loss(grey, views)
        for part in (found.total, found.semantic, found.geometric, found.outside):
            assert part.abs().max() < 1e-6
    other = loss(random(2, 64, 64, seed=3), [0, 5])
    assert (other.semantic > 0).all() and (other.geometric > 0).all()


def test_what_is_kept_of_the_targets_changes_no_loss(tower: PictureTower, bank: ViewBank) -> None:
    images, targets = random(2, 64, 64), random(2, 3, 64, 64, seed=1)
    kept = ClipLoss(tower, targets, half_masks(), bank)
    kept(random(2, 64, 64, seed=2), [1, 0], embedding=False)
    kept(random(2, 64, 64, seed=2), [2])
    for embedding in (True, False, True):
        fresh = ClipLoss(tower, targets, half_masks(), bank)
        found = kept(images, VIEWS, embedding=embedding).total
        wanted = fresh(images, VIEWS, embedding=embedding).total
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=0)


def test_the_tower_sees_each_view_of_the_targets_once(bank: ViewBank) -> None:
    tower = picture_tower(small_backbone("resnet"))
    shown = []
    tower._tower.register_forward_pre_hook(lambda _, inputs: shown.append(len(inputs[0])))
    loss = ClipLoss(tower, random(2, 3, 64, 64), torch.ones(2, 64, 64), bank)
    for _ in range(3):
        loss(random(2, 64, 64), [0, 1])
    assert shown == [2, 2, 4, 4, 4]
    # Maps found together with embeddings serve steps that want none.
    loss(random(2, 64, 64), [0, 1], embedding=False)
    assert shown == [2, 2, 4, 4, 4, 4]


def test_views_are_averaged(tower: PictureTower, bank: ViewBank) -> None:
    images = random(2, 64, 64)
    loss = ClipLoss(tower, random(2, 3, 64, 64, seed=1), half_masks(), bank)
    together = loss(images, [0, 1, 2])
    alone = [loss(images, [view]) for view in (0, 1, 2)]
    for name in ("total", "semantic", "geometric", "outside"):
        mean = sum(getattr(one, name) for one in alone) / 3
        torch.testing.assert_close(getattr(together, name), mean, rtol=1e-5, atol=1e-6)


def test_rows_say_which_target_a_sketch_is_of(tower: PictureTower, bank: ViewBank) -> None:
    images, targets = random(3, 64, 64), random(2, 3, 64, 64, seed=1)
    loss = ClipLoss(tower, targets, half_masks(), bank)
    found = loss(images, [0, 1], rows=torch.tensor([1, 0, 1])).total
    for number, row in enumerate((1, 0, 1)):
        alone = ClipLoss(tower, targets[row : row + 1], half_masks(1), bank)
        wanted = alone(images[number : number + 1], [0, 1]).total
        torch.testing.assert_close(found[number : number + 1], wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="3 sketches of 2 targets"):
        loss(images)


def test_background_counts_by_the_floor(bank: ViewBank) -> None:
    tower = picture_tower(small_backbone("resnet"))
    image, target, masks = random(1, 64, 64), random(1, 3, 64, 64, seed=1), half_masks(1)
    settings = LossSettings(layers=(2,), mask_floor=0.15)
    found = ClipLoss(tower, target, masks, bank, settings)(image, embedding=False)
    maps = [
        tower(shown, layers=[2], embedding=False).maps[0]
        for shown in (image.expand(1, 3, -1, -1), target)
    ]
    difference = ((maps[0] - maps[1]) ** 2).mean(1)[0]
    left, right = difference[:, :4].sum(), difference[:, 4:].sum()
    wanted = (left + 0.15 * right) / (32 + 0.15 * 32)
    torch.testing.assert_close(found.geometric[0], wanted, rtol=1e-5, atol=0)


def test_ink_off_the_subject_costs_its_mean(tower: PictureTower, bank: ViewBank) -> None:
    image = torch.ones(1, 64, 64)
    image[0, 10:20, 40:50] = 0  # 100 of 4096 pixels, off the subject
    image[0, 30:50, 5:15] = 0  # on the subject
    target = random(1, 3, 64, 64, seed=1)
    settings = LossSettings(outside_weight=0.5)
    losses = ClipLoss(tower, target, half_masks(1), bank, settings)(image, [0, 1])
    assert float(losses.outside) == pytest.approx(100 / 4096)
    parts = float(losses.geometric + 0.1 * losses.semantic) + 0.5 * 100 / 4096
    assert float(losses.total) == pytest.approx(parts, rel=1e-5)


def test_backward_gives_gradients_to_sketches_and_to_no_weight(
    tower: PictureTower, bank: ViewBank
) -> None:
    images = random(2, 64, 64).requires_grad_()
    loss = ClipLoss(tower, random(2, 3, 64, 64, seed=1), half_masks(), bank)
    loss(images, VIEWS).total.sum().backward()
    assert images.grad is not None and (images.grad.abs().amax((1, 2)) > 0).all()
    assert all(not p.requires_grad and p.grad is None for p in tower.parameters())


def test_without_embeddings_the_semantic_part_is_zero_and_the_rest_the_same(
    tower: PictureTower, bank: ViewBank
) -> None:
    images = random(2, 64, 64)
    loss = ClipLoss(tower, random(2, 3, 64, 64, seed=1), half_masks(), bank)
    whole, part = loss(images, [0, 1]), loss(images, [0, 1], embedding=False)
    assert part.semantic.tolist() == [0, 0]
    torch.testing.assert_close(part.geometric, whole.geometric)
    torch.testing.assert_close(part.total, whole.total - 0.1 * whole.semantic)


def test_geometric_size_is_what_the_tower_sees_without_embeddings(bank: ViewBank) -> None:
    tower = picture_tower(small_backbone("vit"))
    sides = []
    tower._tower.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    target, masks = random(1, 3, 64, 64), torch.ones(1, 64, 64)
    loss = ClipLoss(tower, target, masks, bank, geometric_size=30)
    loss(random(1, 64, 64), embedding=False)
    assert set(sides) == {32}
    loss(random(1, 64, 64), embedding=True)
    assert set(sides) == {32, 64}
    sides.clear()
    ClipLoss(tower, target, masks, bank, geometric_size=112)(random(1, 64, 64), embedding=False)
    assert set(sides) == {64}


def test_sketch_and_target_may_be_of_any_side(tower: PictureTower, bank: ViewBank) -> None:
    target = torch.ones(1, 3, 224, 224)
    target[..., 60:140, 60:140] = 0
    loss = ClipLoss(tower, target, half_masks(1, 224), bank)
    large = loss(target[:, 0], [0, 1])
    small = loss(functional.avg_pool2d(target[:, 0], 2), [0, 1])
    nothing = loss(torch.ones(1, 112, 112), [0, 1])
    assert float(large.geometric) < 1e-6
    assert float(small.geometric) < 0.02 * float(nothing.geometric)
    assert float(small.outside) == pytest.approx(float(large.outside), rel=0.02)


def test_residual_is_high_where_the_sketch_misses_something() -> None:
    tower = picture_tower(small_backbone("resnet"))
    target = torch.ones(2, 3, 224, 224)
    target[0, :, 20:90, 20:90] = 0
    target[1, :, 130:200, 130:200] = 0
    loss = ClipLoss(tower, target, torch.ones(2, 224, 224), ViewBank.draw(1, seed=0))
    empty = torch.ones(2, 224, 224)
    found = loss.residual(empty)
    assert found.shape == (2, 224, 224)
    assert found[0, :112, :112].mean() > 2 * found[0, 112:, 112:].mean()
    assert found[1, 112:, 112:].mean() > 2 * found[1, :112, :112].mean()
    torch.testing.assert_close(found.mean((1, 2)), loss(empty).geometric, rtol=1e-4, atol=0)
    alone = loss.residual(empty[:1], torch.tensor([1]))[0]
    torch.testing.assert_close(alone, found[1], rtol=1e-4, atol=1e-6)


def test_figures_are_one_sketchs_numbers(tower: PictureTower, bank: ViewBank) -> None:
    losses = ClipLoss(tower, random(2, 3, 64, 64), half_masks(), bank)(random(2, 64, 64))
    figures = losses.figures(1)
    assert figures.total == float(losses.total[1])
    assert figures.semantic == float(losses.semantic[1])
    assert figures.geometric == float(losses.geometric[1])
