"""Train the bundled model on stills of the small world.

Run as `python -m smallworld.training.train_pictures --out FOLDER`. Run the same command again to go
on after a stop; the result is the same. To stop early with a good model, run it again with fewer
`--steps`: the learning rate then falls to zero within these.
"""

import argparse
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from models.files import replaced_whole
from models.training.losses import clamp_logit_scale_, contrastive_loss
from smallworld.stills.sprites import DEBIAN_FONT, SpriteAtlas, font_atlas_or_exit
from smallworld.training.evaluate_pictures import EVALUATION_SEED, Examiner, Tokenizer, normalised
from smallworld.training.model import (
    export_weights,
    fresh_model,
    load_own_model,
    load_tokenizer,
    write_model_definition,
)
from smallworld.training.pose import PoseReader
from smallworld.training.still_batches import StillBatch, StillMaker

_LOG = logging.getLogger(__name__)
CHECKPOINT_FILE = "checkpoint.pt"


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run is; two runs with equal settings give the same model."""

    steps: int = 6000
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    # Without an easy start no thing was told from another after 600 steps; on easy pictures the
    # loss fell from 4.8 to 1.6 within 300.
    easing_steps: int = 1500
    pose_weight: float = 1.0
    weight_decay: float = 0.1
    seed: int = 0
    precision: torch.dtype = torch.float32


class StillTrainer:
    """The model, its optimiser and how far they have come."""

    def __init__(self, folder: Path, atlas: SpriteAtlas, settings: TrainingSettings) -> None:
        write_model_definition(folder)
        torch.manual_seed(settings.seed)
        things = atlas.things
        self.settings = settings
        self.step = 0
        self.model = fresh_model(folder).to(memory_format=torch.channels_last).train()
        self._pose_reader = PoseReader(self.model.visual.output_dim, things)
        self.tokenizer: Tokenizer = load_tokenizer(folder)
        self._maker = StillMaker(things, atlas, seed=settings.seed)
        parameters = [*self.model.parameters(), *self._pose_reader.parameters()]
        self._optimiser = _optimiser(parameters, settings)
        self._checkpoint = folder / CHECKPOINT_FILE

    def train_step(self) -> float:
        """Take one step; the loss before it."""
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate_at(self.step, self.settings)
        batch = self._maker.training_batch(
            self.step,
            size=self.settings.batch_size,
            easy_share=max(0.0, 1 - self.step / max(1, self.settings.easing_steps)),
        )
        loss = self._loss(batch)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        clamp_logit_scale_(self.model.logit_scale)
        self.step += 1
        return float(loss.detach())

    def save(self) -> None:
        """Write everything that is needed to go on, replacing the last checkpoint whole."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "pose_reader": self._pose_reader.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        with replaced_whole(self._checkpoint, one_writer=True) as draft:
            torch.save(state, draft)

    def start_from(self, folder: Path) -> None:
        """Begin with the weights of the model in `folder`."""
        self.model.load_state_dict(load_own_model(folder).state_dict())

    def resume(self) -> None:
        """Go on from the folder's checkpoint if there is one."""
        if not self._checkpoint.is_file():
            return
        state = torch.load(self._checkpoint, weights_only=True)
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self._pose_reader.load_state_dict(state["pose_reader"])
        self._optimiser.load_state_dict(state["optimiser"])

    def _loss(self, batch: StillBatch) -> torch.Tensor:
        tokens = self.tokenizer([caption.text for caption in batch.captions])
        pixels = normalised(batch.images)
        bfloat16 = self.settings.precision == torch.bfloat16
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            image_embeddings = self.model.encode_image(pixels)
            text_embeddings = self.model.encode_text(tokens)
        images = functional.normalize(image_embeddings.float(), dim=-1)
        texts = functional.normalize(text_embeddings.float(), dim=-1)
        logits = self.model.logit_scale.exp() * texts @ images.T
        # A caption that is also true of another picture does not count there.
        contrast = contrastive_loss(logits, ignored=batch.matches)
        pose = self._pose_reader(image_embeddings.float(), batch.pictures)
        return contrast + self.settings.pose_weight * pose


def learning_rate_at(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def train(
    trainer: StillTrainer, *, save_every: int, after_step: Callable[[int, float], None]
) -> None:
    """Train up to the last step, saving on the way and at the end."""
    while trainer.step < trainer.settings.steps:
        loss = trainer.train_step()
        if trainer.step % save_every == 0 or trainer.step == trainer.settings.steps:
            trainer.save()
        after_step(trainer.step, loss)


def _optimiser(
    parameters: Sequence[torch.nn.Parameter], settings: TrainingSettings
) -> torch.optim.AdamW:
    plain = [p for p in parameters if p.ndim < 2]
    decayed = [p for p in parameters if p.ndim >= 2]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), eps=1e-6)


class _Reporter:
    """Prints the loss now and then, and what is known of held-out pictures more rarely."""

    def __init__(self, trainer: StillTrainer, atlas: SpriteAtlas, examine_every: int) -> None:
        self._trainer = trainer
        things = atlas.things
        maker = StillMaker(things, atlas, seed=EVALUATION_SEED, scene_variants=8)
        self._examiner = Examiner(trainer.model, trainer.tokenizer, maker, things)
        self._examine_every = examine_every
        self._started_s = time.monotonic()
        self._first_step = trainer.step
        self._losses: list[float] = []

    def __call__(self, step: int, loss: float) -> None:
        self._losses.append(loss)
        if step % 50 == 0:
            pace_s = (time.monotonic() - self._started_s) / (step - self._first_step)
            mean = sum(self._losses) / len(self._losses)
            self._losses.clear()
            _LOG.info("step %d  loss %.3f  %.2f s a step", step, mean, pace_s)
        if step % self._examine_every == 0:
            self._examine(step)

    def _examine(self, step: int) -> None:
        self._trainer.model.eval()
        top1, top5 = self._examiner.thing_accuracy(256)
        aspects = {a: self._examiner.aspect_accuracy(a, 256) for a in ("place", "size", "angle")}
        self._trainer.model.train()
        told = "  ".join(f"{name} {share:.2f}" for name, share in aspects.items())
        _LOG.info("step %d  held out: thing %.2f / %.2f  %s", step, top1, top5, told)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the bundled model on the small world.")
    parser.add_argument("--out", type=Path, required=True, help="folder for model and checkpoint")
    parser.add_argument("--font", type=Path, default=DEBIAN_FONT, help="Noto Color Emoji font")
    parser.add_argument("--steps", type=int, default=TrainingSettings.steps)
    parser.add_argument("--batch-size", type=int, default=TrainingSettings.batch_size)
    parser.add_argument(
        "--learning-rate", type=float, default=TrainingSettings.learning_rate, help="the highest"
    )
    parser.add_argument(
        "--start", type=Path, help="folder of a model to begin with; it needs no easy start"
    )
    parser.add_argument("--seed", type=int, default=TrainingSettings.seed)
    parser.add_argument("--save-every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--examine-every", type=int, default=250)
    parser.add_argument(
        "--bfloat16", action="store_true", help="faster where the processor has bfloat16 units"
    )
    return parser.parse_args()


def main() -> None:
    """Train, going on where the last run stopped, and export the weights."""
    logging.basicConfig(format="%(message)s")
    _LOG.setLevel(logging.INFO)
    options = _options()
    atlas = font_atlas_or_exit(options.font)
    settings = TrainingSettings(
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        easing_steps=0 if options.start else TrainingSettings.easing_steps,
        seed=options.seed,
        precision=torch.bfloat16 if options.bfloat16 else torch.float32,
    )
    trainer = StillTrainer(options.out, atlas, settings)
    if options.start:
        trainer.start_from(options.start)
    trainer.resume()
    reporter = _Reporter(trainer, atlas, options.examine_every)
    train(trainer, save_every=options.save_every, after_step=reporter)
    file = export_weights(trainer.model.eval(), options.out)
    _LOG.info("%s: %d bytes", file, file.stat().st_size)


if __name__ == "__main__":
    main()
