"""Train action heads on clips of the small world, all with the same clips and steps.

Run as `python -m smallworld.training.train_actions --out FOLDER`. Both towers of the bundled model
stay as they are: frames and labels are encoded only once, and a head learns to bring the frames of
a clip to the texts of what happens in it. Run the same command again to go on after a stop.
"""

import argparse
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.clip.backbone import Backbone, load_backbone
from models.heads.card import ActionCard
from models.heads.checkpoints import HEAD_FILE, read_card
from models.heads.config import ACTION_HEADS, HeadConfig
from models.heads.make import make_head
from models.identity import BUNDLED, ModelChoice
from models.labels.label_texts import LabelTexts, embedded_texts
from models.labels.prompts import PromptTemplates
from models.labels.tagging import Calibration
from models.training.actions import ActionModel, ActionTask
from models.training.export import ActionExport
from models.training.loop import Precision, TrainingSettings
from smallworld.clips import action_clips
from smallworld.clips.actions import LABELS
from smallworld.stills.sprites import SpriteAtlas, font_atlas_or_exit
from smallworld.training.cached_clips import CachedClips, ClipCache, training_clips
from smallworld.training.evaluate_actions import SeenClips, calibrated, naming, tagging
from smallworld.training.runs import Reporter, Stopwatch, precision, tell_progress, training_parser
from smallworld.training.sources import ActionSource

# Steps, sizes and shares were settled on clips of the first seed, the figures are of the second.
VALIDATION_SEED, TEST_SEED = 990_012, 990_013
_UNTRAINED = "MeanP"


@dataclass(frozen=True)
class ActionPlan:
    """How action heads are trained; two runs with equal values give the same weights."""

    singles: int = 24_000
    doubles: int = 24_000
    nones: int = 1500
    held_out: int = (
        540  # clips of one action; three quarters as many are of two, half as many of none
    )
    steps: int = 4000
    batch_size: int = 128
    blocks: int = 2
    positions: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    target_temperature: float = float("inf")
    # Without it labels were told apart as well, but few of two that hold passed any threshold.
    tag_weight: float = 2.0
    precision: Precision = "float32"

    def head(self, name: str, dim: int) -> HeadConfig:
        """The head of that name."""
        return HeadConfig(
            name, dim, blocks=self.blocks, positions=self.positions, standardised=name != _UNTRAINED
        )


@dataclass(frozen=True)
class ActionClips:
    """Clips as the picture tower sees them: of one action, of two, and of none."""

    single: CachedClips
    double: CachedClips
    none: CachedClips

    def seen_by(self, model: ActionModel) -> tuple[SeenClips, SeenClips, SeenClips]:
        """The clips as the model's head sees them."""
        single, double, none = (
            SeenClips.of(part.clips, model.embed_videos(part.frame_embeddings, part.mask).float())
            for part in (self.single, self.double, self.none)
        )
        return single, double, none


@dataclass(frozen=True)
class ActionWorld:
    """The model, its texts for the labels, and the clips to train on, to choose and to measure."""

    backbone: Backbone
    texts: LabelTexts
    training: ActionClips
    validation: ActionClips
    test: ActionClips


def prepare(cache: Path, atlas: SpriteAtlas, plan: ActionPlan) -> ActionWorld:
    """Draw and encode all clips, or read them from `cache` where they lie from an earlier run."""
    things = atlas.things
    backbone = load_backbone(ModelChoice(BUNDLED), device="cpu")
    drawn = ClipCache(cache / backbone.identity.frames_digest, backbone.model, atlas)

    def held_out(seed: int) -> ActionClips:
        single = action_clips.single_actions(things, seed=seed, count=plan.held_out, held_out=True)
        double = action_clips.double_actions(
            things, seed=seed, count=plan.held_out * 3 // 4, held_out=True
        )
        none = action_clips.without_action(
            things, seed=seed, count=plan.held_out // 2, held_out=True
        )
        return ActionClips(
            drawn.held_out("single", single, seed=seed),
            drawn.held_out("double", double, seed=seed),
            drawn.held_out("none", none, seed=seed),
        )

    training = ActionClips(
        drawn.training("training", training_clips(things, seed=0, count=plan.singles), seed=0),
        drawn.training(
            "double", action_clips.double_actions(things, seed=0, count=plan.doubles), seed=0
        ),
        drawn.training(
            "none", action_clips.without_action(things, seed=0, count=plan.nones), seed=0
        ),
    )
    return ActionWorld(
        backbone, label_texts(backbone), training, held_out(VALIDATION_SEED), held_out(TEST_SEED)
    )


def label_texts(backbone: Backbone) -> LabelTexts:
    """The labels in all templates, as the model's text tower understands them."""
    return embedded_texts(
        LABELS, PromptTemplates.default(), tokenize=backbone.tokenize, embed=backbone.embed_texts
    )


def train_head(
    world: ActionWorld, name: str, folder: Path, plan: ActionPlan, *, seed: int
) -> dict[str, float]:
    """Train one head in `folder`; → figures on the test clips at the step that validation chose.

    MeanP has nothing to train: its figures are those of the model as it is.
    """
    torch.manual_seed(seed)
    scale = float(world.backbone.model.logit_scale)
    model = ActionModel(make_head(plan.head(name, world.backbone.dim)), logit_scale=scale)
    training = world.training
    model.head.fit_inputs(training.single.frame_embeddings, training.single.mask)
    if name != _UNTRAINED:
        _train(world, model, folder, plan, seed=seed)
        _take_exported(model, folder)
    model.eval()
    with torch.inference_mode():
        return _figures(world, model, world.test)


def _train(
    world: ActionWorld, model: ActionModel, folder: Path, plan: ActionPlan, *, seed: int
) -> None:
    settings = TrainingSettings(
        steps=plan.steps,
        head_learning_rate=plan.learning_rate,
        weight_decay=plan.weight_decay,
        seed=seed,
        precision=plan.precision,
        validate_every=max(1, plan.steps // 4),
    )
    clips = world.training
    task = ActionTask(
        model,
        ActionSource(clips.single, clips.double, clips.none, batch_size=plan.batch_size, seed=seed),
        world.texts,
        settings,
        target_temperature=plan.target_temperature,
        tag_weight=plan.tag_weight,
        validate=partial(_validate, world),
        export=ActionExport(
            choice=world.backbone.choice,
            encoder=world.backbone.identity,
            dataset=f"{plan.singles + plan.doubles + plan.nones} clips of the small world",
            frames=clips.single.mask.shape[1],
            frame_rate=0.0,  # as a library takes them: a few, over the whole clip
            backbone_trains=False,
            action=ActionCard(LABELS),
            calibrate=partial(_calibration, world),
            tokenize=world.backbone.tokenize,
        ),
    )
    task.trainer(folder, on_step=Reporter(f"{model.head.config.name}, seed {seed}")).run()


def _validate(world: ActionWorld, model: ActionModel) -> dict[str, float]:
    found = _figures(world, model, world.validation)
    # What is found best must tell both one action and two.
    both = (found["top1"] + found["tag_precision"] + found["tag_recall"]) / 3
    return {"mean": both, **found}


def _figures(world: ActionWorld, model: ActionModel, clips: ActionClips) -> dict[str, float]:
    """See `Naming` and `Tagging`."""
    single, double, none = clips.seen_by(model)
    scale = float(model.logit_scale)
    calibration = _calibration(world, model)
    return {
        **asdict(naming(single, world.texts, logit_scale=scale)),
        **asdict(tagging(double, none, world.texts, calibration, logit_scale=scale)),
    }


def _calibration(world: ActionWorld, model: ActionModel) -> Calibration:
    seen = world.validation.seen_by(model)
    return calibrated(seen, world.texts, logit_scale=float(model.logit_scale))


def _take_exported(model: ActionModel, folder: Path) -> None:
    """Give the model the weights of its best step."""
    model.head.load_state_dict(load_file(folder / HEAD_FILE))
    with torch.no_grad():
        model.logit_scale.fill_(read_card(folder / HEAD_FILE).logit_scale)


def _options() -> argparse.Namespace:
    parser = training_parser(
        "Train action heads on the small world.", out="heads and figures", steps=ActionPlan.steps
    )
    parser.add_argument("--head", choices=ACTION_HEADS, action="append", help="by default all five")
    return parser.parse_args()


def main() -> None:
    """Train every head with every seed; write each one's figures and print them as JSON lines."""
    tell_progress()
    options = _options()
    atlas = font_atlas_or_exit(options.font)
    plan = ActionPlan(steps=options.steps, precision=precision(bfloat16=options.bfloat16))
    world = prepare(options.out / "cache", atlas, plan)
    for seed in options.seed or [0]:
        for name in options.head or ACTION_HEADS:
            folder = options.out / f"{name}-{seed}"
            watch = Stopwatch()
            found = train_head(world, name, folder, plan, seed=seed)
            watch.report(folder, {"head": name, "seed": seed}, found)


if __name__ == "__main__":
    main()
