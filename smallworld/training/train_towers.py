"""Train picture towers that see time: temporal shift and joint space-time attention.

Run as `python -m smallworld.training.train_towers --model FOLDER --out FOLDER`, FOLDER being what
`smallworld.training.distil` made. All of the model trains, on pixels: a few frames of each clip.
The plain tower, trained in the same way, stands beside the two. Run it again to go on after a stop;
with `--steps 0` towers are measured as they are.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from models.clip.preprocess import Preprocessing
from models.clip.sources import preprocessing_of
from models.heads.card import VISUALS, ActionCard
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.labels.label_texts import embedded_texts, tokenized_texts
from models.labels.prompts import PromptTemplates
from models.towers.visual_prompts import use_visual_prompt
from models.training.actions import ActionModel, ActionTask
from models.training.batches import LabelledBatch
from models.training.loop import Precision, TrainingSettings
from smallworld.clips.action_clips import single_actions
from smallworld.clips.actions import LABELS, holding
from smallworld.clips.moving import Clip
from smallworld.stills.sprites import SpriteAtlas, font_atlas_or_exit
from smallworld.training.clip_frames import ClipPainter, frame_times_s
from smallworld.training.evaluate_actions import Naming, SeenClips, naming
from smallworld.training.model import load_own_model, load_tokenizer
from smallworld.training.runs import Reporter, Stopwatch, precision, tell_progress, training_parser
from smallworld.training.sources import partly_backwards, turn_round
from smallworld.training.train_actions import TEST_SEED, VALIDATION_SEED

_LOG = logging.getLogger("smallworld.training.train_towers")
_FRAMES = 8
_CLIPS_AT_ONCE = 48
_BEST_FILE = "model.safetensors"


@dataclass(frozen=True)
class TowerPlan:
    """How towers are trained; two runs with equal values give the same weights."""

    clips: int = 12_000
    steps: int = 800
    batch_size: int = 32
    learning_rate: float = 5e-4
    weight_decay: float = 0.05
    precision: Precision = "float32"


@dataclass(frozen=True)
class DrawnClips:
    """Clips and their pixels, uint8 (clips, frames, 3, 64, 64): all frames are real."""

    clips: Sequence[Clip]
    pixels: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """All true, (clips, frames)."""
        return torch.ones(self.pixels.shape[:2], dtype=torch.bool)


@dataclass(frozen=True)
class DrawnWorld:
    """Clips of one action: to train on, to choose and to measure by."""

    training: DrawnClips
    validation: DrawnClips
    test: DrawnClips


class PixelSource:
    """Drawn training clips with their labels, half of them backwards; see `BatchSource`."""

    def __init__(self, drawn: DrawnClips, *, batch_size: int, seed: int) -> None:
        self._drawn, self._batch_size, self._seed = drawn, batch_size, seed
        self.steps_per_epoch = len(drawn.clips) // batch_size

    def batch(self, step: int) -> LabelledBatch:
        """The clips of a step."""
        rng = np.random.default_rng([self._seed, step])
        rows = rng.integers(len(self._drawn.clips), size=self._batch_size).tolist()
        clips = [self._drawn.clips[row] for row in rows]
        shown, backwards = partly_backwards(clips, rng)
        pixels, mask = self._drawn.pixels[rows], self._drawn.mask[rows]
        turn_round(pixels, mask, backwards)
        return LabelledBatch(mask=mask, labels=holding(shown), pixels=pixels)


class ClipDrawer:
    """Draws clips once, in a folder."""

    def __init__(self, folder: Path, atlas: SpriteAtlas) -> None:
        self._folder, self._atlas = folder, atlas
        folder.mkdir(parents=True, exist_ok=True)

    def draw(self, name: str, clips: Sequence[Clip], *, seed: int, variants: int) -> DrawnClips:
        """The clips with a few of the frames that a library would take of each."""
        file = self._folder / f"pixels-{name}-{seed}-{len(clips)}.safetensors"
        if not file.is_file():
            save_file({"pixels": self._drawn(clips, seed=seed, variants=variants)}, file)
        return DrawnClips(clips, load_file(file)["pixels"])

    def _drawn(self, clips: Sequence[Clip], *, seed: int, variants: int) -> torch.Tensor:
        painter = ClipPainter(self._atlas, seed=seed, scene_variants=variants)
        rng = np.random.default_rng([seed, 8])
        parts = []
        for start in range(0, len(clips), _CLIPS_AT_ONCE):
            some = clips[start : start + _CLIPS_AT_ONCE]
            times_s = [_spread(frame_times_s(clip.duration_s)) for clip in some]
            parts.append(painter.frames(some, times_s, rng=rng)[0])
            if start % 960 == 0:
                _LOG.info("%d of %d clips drawn", start, len(clips))
        return torch.cat(parts)


def _spread(times_s: np.ndarray) -> np.ndarray:
    return times_s[np.linspace(0, len(times_s) - 1, _FRAMES).round().astype(int)]


def prepare(
    folder: Path, atlas: SpriteAtlas, plan: TowerPlan, *, validation: int = 270, test: int = 540
) -> DrawnWorld:
    """Draw all clips, or read them from `folder` where they lie from an earlier run."""
    things = atlas.things
    drawer = ClipDrawer(folder, atlas)

    def held_out(seed: int, count: int) -> DrawnClips:
        clips = single_actions(things, seed=seed, count=count, held_out=True)
        return drawer.draw("held-out", clips, seed=seed, variants=8)

    training = single_actions(things, seed=0, count=plan.clips)
    return DrawnWorld(
        drawer.draw("training", training, seed=0, variants=40),
        held_out(VALIDATION_SEED, validation),
        held_out(TEST_SEED, test),
    )


class TowerStudy:
    """One kind of tower in training, and its examination."""

    def __init__(self, model_folder: Path, world: DrawnWorld, visual: str, *, seed: int) -> None:
        torch.manual_seed(seed)
        clip = load_own_model(model_folder)
        use_visual_prompt(clip.visual, ActionCard(LABELS, visual=visual, frames=_FRAMES))
        self.model = ActionModel(
            make_head(HeadConfig("MeanP", clip.visual.output_dim)),
            backbone=clip,
            preprocessing=Preprocessing.from_config(preprocessing_of(clip)),
        )
        self._world, self._visual, self._seed = world, visual, seed
        self._tokenize = load_tokenizer(model_folder)

    def train(self, folder: Path, plan: TowerPlan) -> None:
        """Train in `folder` and take the weights of the best step."""
        settings = TrainingSettings(
            steps=plan.steps,
            backbone_learning_rate=plan.learning_rate,
            head_learning_rate=plan.learning_rate,
            weight_decay=plan.weight_decay,
            precision=plan.precision,
            seed=self._seed,
            tune="all",
            validate_every=max(1, plan.steps // 4),
        )
        source = PixelSource(self._world.training, batch_size=plan.batch_size, seed=self._seed)
        texts = tokenized_texts(LABELS, PromptTemplates.default(), self._tokenize)
        task = ActionTask(
            self.model,
            source,
            texts,
            settings,
            target_temperature=float("inf"),
            validate=self._validated,
            export=_save,
        )
        task.trainer(folder, on_step=Reporter(f"{self._visual}, seed {self._seed}")).run()
        self.model.load_state_dict(load_file(folder / _BEST_FILE))

    @torch.inference_mode()
    def examined(self) -> Naming:
        """Figures on the test clips."""
        self.model.eval()
        return self._naming(self._world.test)

    def _validated(self, _: ActionModel) -> dict[str, float]:
        return asdict(self._naming(self._world.validation))

    def _naming(self, drawn: DrawnClips) -> Naming:
        texts = embedded_texts(
            LABELS,
            PromptTemplates.default(),
            tokenize=self._tokenize,
            embed=lambda texts: self.model.embed_texts(self._tokenize(texts)),
        )
        seen = SeenClips.of(drawn.clips, self._embedded(drawn))
        return naming(seen, texts, logit_scale=float(self.model.logit_scale))

    def _embedded(self, drawn: DrawnClips) -> torch.Tensor:
        both = zip(
            drawn.pixels.split(_CLIPS_AT_ONCE), drawn.mask.split(_CLIPS_AT_ONCE), strict=True
        )
        return torch.cat([self.model.embed_videos(pixels, mask).float() for pixels, mask in both])


def _save(model: ActionModel, folder: Path, figures: dict[str, float]) -> None:
    state = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(state, folder / _BEST_FILE)


def _options() -> argparse.Namespace:
    parser = training_parser(
        "Train picture towers that see time.", out="towers and figures", steps=TowerPlan.steps
    )
    parser.add_argument(
        "--model", type=Path, required=True, help="what smallworld.training.distil made"
    )
    parser.add_argument("--visual", choices=VISUALS, action="append", help="by default all three")
    return parser.parse_args()


def main() -> None:
    """Train every kind with every seed; write each one's figures and print them as JSON lines."""
    tell_progress()
    options = _options()
    plan = TowerPlan(steps=options.steps, precision=precision(bfloat16=options.bfloat16))
    world = prepare(options.out / "cache", font_atlas_or_exit(options.font), plan)
    for seed in options.seed or [0]:
        for visual in options.visual or VISUALS:
            study = TowerStudy(options.model, world, visual, seed=seed)
            folder = options.out / f"{visual}-{seed}"
            watch = Stopwatch()
            if plan.steps:
                study.train(folder, plan)
            watch.report(folder, {"visual": visual, "seed": seed}, asdict(study.examined()))


if __name__ == "__main__":
    main()
