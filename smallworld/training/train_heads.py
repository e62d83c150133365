"""Train temporal heads on clips of the small world, all with the same clips and steps.

Run as `python -m smallworld.training.train_heads --model FOLDER --out FOLDER`, FOLDER being a model
that `smallworld.training.train_pictures` made. The picture tower stays as it is, so that its frame
embeddings are made only once; each head trains its own copy of the text tower, which must learn the
words for what happens. Run the same command again to go on after a stop.
"""

import argparse
import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.clip.backbone import Backbone
from models.clip.sources import LoadedModel
from models.heads.checkpoints import HEAD_FILE
from models.heads.config import HEAD_NAMES, HeadConfig
from models.heads.fit import BACKBONE_FILE
from models.heads.make import make_head
from models.identity import BUNDLED, MEAN_POOLING, ModelChoice
from models.training.export import HeadExport
from models.training.loop import Precision, TrainingSettings
from models.training.retrieval import RetrievalTask
from models.training.text_video import TextVideoModel
from smallworld.clips.moving import Clip
from smallworld.stills.sprites import SpriteAtlas, font_atlas_or_exit
from smallworld.training.cached_clips import CachedClips, ClipCache, training_clips
from smallworld.training.evaluate_heads import Examination, HeadFigures, figures, pair_sentences
from smallworld.training.evaluate_pictures import EVALUATION_SEED
from smallworld.training.held_out_clips import TimePair, retrieval_set, time_pairs
from smallworld.training.model import load_own_model, load_tokenizer
from smallworld.training.runs import Reporter, Stopwatch, precision, tell_progress, training_parser
from smallworld.training.sources import ClipSource

# Steps, noise and learning rates were settled on clips of EVALUATION_SEED and the one after it.
_VALIDATION_SEED, _TEST_SEED = EVALUATION_SEED + 1, EVALUATION_SEED + 2
_TEST_CLIPS, _TEST_PAIRS = 500, 250
_VALIDATION_CLIPS, _VALIDATION_PAIRS = 250, 200


@dataclass(frozen=True)
class HeadTraining:
    """How heads are trained; two runs with equal values give the same weights."""

    clips: int = 24_000
    steps: int = 600
    batch_size: int = 128
    # A tight head reads every pair of a batch by itself: fewer pairs and steps, which take
    # about as long.
    tight_batch_size: int = 32
    tight_share: float = 1 / 3
    blocks: int = 3
    head_learning_rate: float = 1e-3
    text_learning_rate: float = 3e-4
    weight_decay: float = 0.1
    precision: Precision = "float32"

    def steps_for(self, head: str) -> int:
        """How many steps are taken."""
        return round(self.steps * self.tight_share) if head == "tightTransf" else self.steps

    def batch_for(self, head: str) -> int:
        """Clips of one step."""
        return self.tight_batch_size if head == "tightTransf" else self.batch_size


@dataclass(frozen=True)
class SmallWorld:
    """The model to begin with, the clips to train on, and those to choose and measure by."""

    model_folder: Path
    backbone: Backbone
    training: CachedClips
    validation: Examination
    test: Examination


def prepare(model: Path, cache: Path, atlas: SpriteAtlas, *, clips: int) -> SmallWorld:
    """Draw and encode all clips, or read them from `cache` where they lie from an earlier run."""
    things = atlas.things
    loaded = LoadedModel(load_own_model(model), load_tokenizer(model))
    backbone = Backbone.in_torch(ModelChoice(BUNDLED), loaded, torch.device("cpu"))
    drawn = ClipCache(cache / backbone.identity.frames_digest, backbone.model, atlas)

    def examination(name: str, seed: int, count: int, pair_count: int) -> Examination:
        told = retrieval_set(things, seed=seed, count=count)
        pairs = time_pairs(things, seed=seed, count=pair_count)
        return Examination(
            drawn.held_out(name, told.clips, seed=seed),
            tuple(caption.text for caption in told.captions),
            drawn.held_out(f"{name}-pairs", _both(pairs), seed=seed),
            pair_sentences(pairs),
        )

    return SmallWorld(
        model,
        backbone,
        drawn.training("training", training_clips(things, seed=0, count=clips), seed=0),
        examination("validation", _VALIDATION_SEED, _VALIDATION_CLIPS, _VALIDATION_PAIRS),
        examination("test", _TEST_SEED, _TEST_CLIPS, _TEST_PAIRS),
    )


def train_head(
    world: SmallWorld, head: str, folder: Path, plan: HeadTraining, *, seed: int
) -> HeadFigures:
    """Train one head in `folder`; → figures on the test clips at the step that validation chose."""
    tokenizer = load_tokenizer(world.model_folder)
    torch.manual_seed(seed)
    config = HeadConfig(
        head, world.backbone.dim, blocks=plan.blocks, standardised=head != MEAN_POOLING
    )
    model = TextVideoModel(make_head(config), backbone=load_own_model(world.model_folder))
    sentences = world.backbone.embed_texts(world.validation.sentences)
    model.head.fit_inputs(world.training.frame_embeddings, world.training.mask, sentences)
    task = RetrievalTask(
        model,
        ClipSource(world.training, tokenizer, batch_size=plan.batch_for(head), seed=seed),
        _settings(plan, head, seed),
        validate=lambda trained: _for_choice(figures(trained, world.validation, tokenizer)),
        export=HeadExport(
            choice=world.backbone.choice,
            encoder=world.backbone.identity,
            dataset=f"{len(world.training.clips)} clips of the small world",
            frames=world.training.mask.shape[1],
            frame_rate=0.0,  # as a library takes them: a few, over the whole clip
            backbone_trains=True,
            tokenize=tokenizer,
        ),
    )
    task.trainer(folder, on_step=Reporter(f"{head}, seed {seed}")).run()
    _take_exported(model, folder)
    return figures(model.eval(), world.test, tokenizer)


def _settings(plan: HeadTraining, head: str, seed: int) -> TrainingSettings:
    steps = plan.steps_for(head)
    return TrainingSettings(
        steps=steps,
        head_learning_rate=plan.head_learning_rate,
        backbone_learning_rate=plan.text_learning_rate,
        weight_decay=plan.weight_decay,
        seed=seed,
        precision=plan.precision,
        tune="text",
        validate_every=max(1, steps // 4),
    )


def _for_choice(found: HeadFigures) -> dict[str, float]:
    return {"r1": found.text_to_video_r1, "time_direction": found.time_direction}


def _take_exported(model: TextVideoModel, folder: Path) -> None:
    """Give the model the weights of its best step."""
    model.head.load_state_dict(load_file(folder / HEAD_FILE))
    if model.backbone is not None:
        model.backbone.load_state_dict(load_file(folder / BACKBONE_FILE))


def _both(pairs: Sequence[TimePair]) -> list[Clip]:
    return [clip for pair in pairs for clip in (pair.forwards, pair.backwards)]


def _options() -> argparse.Namespace:
    parser = training_parser(
        "Train temporal heads on the small world.",
        out="heads and figures",
        steps=HeadTraining.steps,
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of the trained towers")
    parser.add_argument("--head", choices=HEAD_NAMES, action="append", help="by default all four")
    parser.add_argument("--clips", type=int, default=HeadTraining.clips)
    return parser.parse_args()


def main() -> None:
    """Train every head with every seed; write each one's figures and print them as JSON lines."""
    tell_progress()
    options = _options()
    atlas = font_atlas_or_exit(options.font)
    plan = HeadTraining(
        clips=options.clips, steps=options.steps, precision=precision(bfloat16=options.bfloat16)
    )
    world = prepare(options.model, options.out / "cache", atlas, clips=plan.clips)
    for seed in options.seed or [0]:
        for head in options.head or HEAD_NAMES:
            folder = options.out / f"{head}-{seed}"
            watch = Stopwatch()
            found = train_head(world, head, folder, plan, seed=seed)
            # It is the whole process's: for a figure of one head, train that head alone.
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            about: dict[str, str | int] = {"head": head, "seed": seed}
            watch.report(folder, about, asdict(found), peak_memory_mb=peak_mb)


if __name__ == "__main__":
    main()
