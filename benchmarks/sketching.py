"""How long sketches take: by the quick preset, and one step of the paper's way beside ours."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from benchmarks.options import parser_for
from benchmarks.reporting import Figure, Report
from benchmarks.timing import seconds, spread
from models.backbone import Backbone, load_backbone
from models.hidden_maps import picture_tower
from models.sources import choose_model
from models.threads import one_thread
from sketch.drawing import Artist
from sketch.edgefit import fit_edges
from sketch.edges import edge_map
from sketch.losses import ClipLoss, LossSettings
from sketch.pictures import on_canvas
from sketch.raster import NarrowBand
from sketch.strokes import CANVAS
from sketch.target import Target
from sketch.views import ViewBank
from smallworld.moving import resting
from smallworld.pictures import PictureSampler
from smallworld.shots import ShotPainter, shot_of
from smallworld.sprites import shipped_atlas, shipped_things

_STROKES = 16
_VIEWS = 5


@dataclass(frozen=True)
class Sketching:
    """Whole sketches of 16 strokes, on all cores."""

    model: str
    pictures: int
    seconds_each: float


@dataclass(frozen=True)
class Step:
    """One optimisation step on one core: drawing, loss, gradients."""

    way: str
    seconds: float
    times_quicker: float


def targets(count: int) -> list[Target]:
    """Stills of the small world."""
    rng = np.random.default_rng(12)
    sampler = PictureSampler(shipped_things(), rng)
    painter = ShotPainter(shipped_atlas(), width=CANVAS, height=CANVAS)
    found = []
    for _ in range(count):
        shot = shot_of(resting(sampler.easy_picture(), duration_s=1.0))
        pixels, placed = on_canvas(next(painter.frames(shot, [0.0])))
        found.append(Target(pixels, np.ones((CANVAS, CANVAS), np.float32), placed))
    return found


def sketching(name: str, backbone: Backbone, counts: Sequence[int], rounds: int) -> list[Sketching]:
    """The quick preset's time; the first sketch warms up."""
    artist = Artist(picture_tower(backbone))
    artist.draw(targets(1), strokes=_STROKES)
    told = []
    for count in counts:
        pictures = targets(count)
        times = [seconds(artist.draw, pictures) for _ in range(rounds)]
        told.append(Sketching(name, count, spread(times)[1] / count))
    return told


def steps(backbone: Backbone, rounds: int) -> list[Step]:
    """The paper's step, with weights that collect gradients and a target seen anew, and ours."""
    [target] = targets(1)
    begun = torch.from_numpy(fit_edges([edge_map(target)], _STROKES)[0])[None]
    picture = torch.from_numpy(target.picture).permute(2, 0, 1)[None].contiguous()
    bank = ViewBank.draw(_VIEWS, seed=0)
    tower = picture_tower(backbone)
    masks = torch.ones(1, CANVAS, CANVAS)
    settings = LossSettings(outside_weight=0.0)
    same = ClipLoss(tower, picture, masks, bank, settings)
    small = ClipLoss(tower, picture, masks, bank, settings, geometric_size=112)
    visual = copy.deepcopy(backbone.model.visual).requires_grad_(True)
    views = list(range(_VIEWS))

    def theirs(points: torch.Tensor) -> torch.Tensor:
        image = NarrowBand().render(points, 1.5, size=CANVAS)
        return _paper_loss(visual, tower.kind, backbone, image, picture, bank)

    def ours(points: torch.Tensor) -> torch.Tensor:
        return same(NarrowBand().render(points, 1.5, size=CANVAS), views).total

    def quick(points: torch.Tensor) -> torch.Tensor:
        image = NarrowBand().render(points / 2, 0.75, size=112)
        return small(image, [1], embedding=False).total

    with torch.no_grad():
        a, b = float(theirs(begun)), float(ours(begun))
    if abs(a - b) > 1e-3 * abs(a):
        raise RuntimeError(f"the two ways differ: {a} and {b}")
    ways: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = [
        ("paper: trainable weights, target seen anew, 5 views", theirs),
        ("ours, the same loss: frozen, folded, target kept", ours),
        ("quick: 1 view at 112 px, no embedding", quick),
    ]
    with one_thread():
        times = {name: _step_s(way, begun, rounds) for name, way in ways}
    slowest = times[ways[0][0]]
    return [Step(name, taken, slowest / taken) for name, taken in times.items()]


def _step_s(way: Callable[[torch.Tensor], torch.Tensor], begun: torch.Tensor, rounds: int) -> float:
    points = begun.clone().requires_grad_()
    adam = torch.optim.Adam([points], lr=1.0)

    def step() -> None:
        adam.zero_grad()
        way(points).sum().backward()
        adam.step()

    step()
    return spread([seconds(step) for _ in range(rounds)])[1]


def _paper_loss(
    visual: torch.nn.Module,
    kind: str,
    backbone: Backbone,
    image: torch.Tensor,
    picture: torch.Tensor,
    bank: ViewBank,
) -> torch.Tensor:
    mean, deviation = (
        torch.tensor(v)[:, None, None]
        for v in (backbone.preprocessing.mean, backbone.preprocessing.std)
    )
    size = backbone.preprocessing.size[0]
    both = torch.cat([image[:, None].expand(-1, 3, -1, -1), picture])
    seen = bank.apply(both, range(_VIEWS), size=size).flatten(0, 1)
    inputs = (seen - mean) / deviation
    maps = []
    hooks = [
        layer.register_forward_hook(lambda _m, _i, out: maps.append(out))
        for layer in _layers(visual, kind)
    ]
    embedding = visual(inputs)
    for hook in hooks:
        hook.remove()
    loss = 0.1 * (1 - functional.cosine_similarity(embedding[:_VIEWS], embedding[_VIEWS:])).mean()
    for found in maps:
        tokens = found[:, 1:] if found.ndim == 3 else found
        loss = loss + (tokens[:_VIEWS] - tokens[_VIEWS:]).square().mean()
    return loss


def _layers(visual: torch.nn.Module, kind: str) -> list[torch.nn.Module]:
    if kind == "resnet":
        return [visual.get_submodule("layer2"), visual.get_submodule("layer3")]
    return [visual.get_submodule(f"transformer.resblocks.{i}") for i in (3, 4)]


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    report = Report("sketching")
    bundled = load_backbone(choose_model("bundled"))
    rows = sketching("bundled", bundled, (1, 16), options.rounds)
    stepped = {}
    for name in ("RN101", "ViT-B-32"):
        backbone = load_backbone(choose_model(name, pretrained="random"))
        rows += sketching(f"{name}, random weights", backbone, (1,), 1)
        stepped[name] = steps(backbone, options.rounds)
    report.show("Sketches of 16 strokes by the quick preset", rows)
    for name, told in stepped.items():
        report.show(f"One step, {name} with random weights, one core", told)
    resnet = stepped["RN101"]
    report.show(
        "Figures",
        [
            Figure("bundled, one keyframe, s", rows[0].seconds_each, "<= 3"),
            Figure("bundled, of 16 at once, s each", rows[1].seconds_each, "<= 1"),
            Figure("RN101, one keyframe, s", rows[2].seconds_each, "<= 15"),
            Figure("ViT-B-32, one keyframe, s", rows[3].seconds_each, "<= 15"),
            Figure("RN101 step, same loss, times quicker", resnet[1].times_quicker, ">= 3"),
            Figure("RN101 step, quick, times quicker", resnet[2].times_quicker, ">= 30"),
            Figure("paper's preset, one seed, h", 2001 * resnet[0].seconds / 3600),
        ],
    )
    report.finish(options.out)


if __name__ == "__main__":
    main()
