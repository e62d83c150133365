"""What a run of `kinodex train actions` is put together from."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from indexer.datasets.actions import load_action_training
from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.augmentation import Augmentation, speak_of_sides
from indexer.datasets.frames.cache import FrameCache, default_cache_folder
from indexer.datasets.frames.labelled_batches import LabelledClips, centre_frames
from indexer.datasets.frames.views import with_margin
from indexer.datasets.labelled import LabelledDataset, few_shot
from indexer.reading.sampling import SegmentSampling
from models.choice import ACTION_MEAN_POOLING, MEAN_POOLING, HeadChoice
from models.errors import KinodexError
from models.heads.card import VISUALS, ActionCard
from models.heads.checkpoints import LoadedHead, load_action_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.labels.label_texts import LabelTexts, embedded_texts, tokenized_texts
from models.labels.prompts import PromptTemplates
from models.towers.visual_prompts import use_visual_prompt
from models.training.actions import ActionModel, ActionTrainer
from models.training.distributed import process_count
from models.training.export import ActionExport
from models.training.loop import StepReport, TrainingSettings
from models.training.validation import ActionValidator
from search.wording import counted
from tasks.terminal.printing import talk
from tasks.training.flags import ActionFlags, BackboneFlags, HeadFlags
from tasks.training.parts import (
    StartingModel,
    TrainingParts,
    decodable,
    fill_cache,
    fit_inputs,
    say_held_out,
    shared_by_first_process,
    some_of,
)

_FAILURES = {"what": "clip", "treated": "left out"}


@dataclass(frozen=True)
class LabelledFrames:
    """Labelled clips whose frames are in a cache."""

    dataset: LabelledDataset
    cache: FrameCache

    def centres(self, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """See `centre_frames`."""
        return centre_frames(self.dataset, self.cache, start, stop)


@dataclass
class ActionParts(TrainingParts):
    """A backbone on its device, and labelled clips whose frames are in the cache."""

    start: StartingModel
    training: LabelledFrames
    validation: LabelledFrames
    left_out: int
    settings: TrainingSettings
    head: HeadFlags
    flags: ActionFlags
    templates: PromptTemplates
    _texts: LabelTexts | None = field(default=None, repr=False)

    @property
    def figure(self) -> str:
        """See `TrainingParts`."""
        one_label_each = (self.validation.dataset.targets.sum(axis=1) == 1).all()
        return "top1" if one_label_each else "map"

    @property
    def steps_per_epoch(self) -> int:
        """How many batches the data gives."""
        return self._source().steps_per_epoch

    def trainer(
        self,
        settings: TrainingSettings,
        folder: Path,
        *,
        on_step: Callable[[StepReport], None],
        is_trial: bool,
    ) -> ActionTrainer:
        """See `TrainingParts`."""
        validator = self._validator()
        return ActionTrainer(
            self._fresh_model(),
            self._source(),
            self._label_texts(),
            settings,
            folder,
            target_temperature=self.flags.target_temperature,
            tag_weight=self._tag_weight(settings),
            validate=validator,
            export=None if is_trial else self._export(validator),
            on_step=on_step,
            origin=None if is_trial else self._origin(),
        )

    def _tag_weight(self, settings: TrainingSettings) -> float:
        if self.flags.tag_weight is not None:
            return self.flags.tag_weight
        return 1.0 if settings.tune == "head" else 0.0

    def say_what_is_trained(self) -> None:
        """The data, and where the validation clips come from."""
        data = self.training.dataset
        talk(
            f"model {self.start.choice} on {self.start.backbone.device.type}, "
            f"head {self.head.name}; {counted(len(data), 'training clip')}, "
            f"{counted(len(data.labels), 'label')}"
        )
        unlabelled = sum(not clip.labels for clip in data.clips)
        if unlabelled:
            talk(f"{counted(unlabelled, 'clip')} without a label teach that none may hold")
        if self._batch_size < self.flags.batch_size:
            talk(f"that is less than a batch: {self._batch_size} clips in every step")
        if self._augmentation() is not None and not self._flips:
            talk("no clip is mirrored" + ("" if self.flags.flip is False else _WHY_NOT_MIRRORED))
        say_held_out(self.validation.dataset, len(self.validation.dataset))

    def agree_on_data(self) -> None:
        """See `TrainingParts`."""
        training, validation, self.left_out = shared_by_first_process(
            [self.training.dataset, self.validation.dataset, self.left_out],
            self.start.backbone.device,
        )
        self.training = replace(self.training, dataset=training)
        self.validation = replace(self.validation, dataset=validation)

    @property
    def _batch_size(self) -> int:
        most = min(self.flags.batch_size, len(self.training.dataset))
        return max(process_count(), most - most % process_count())

    @property
    def _flips(self) -> bool:
        if self.flags.flip is not None:
            return self.flags.flip
        return not speak_of_sides(self.training.dataset.labels)

    def _augmentation(self) -> Augmentation | None:
        if self.settings.tune != "all" or not self.flags.augment:
            return None
        return Augmentation(self.start.backbone.preprocessing.size, flip=self._flips)

    def _source(self) -> LabelledClips:
        return LabelledClips(
            self.training.dataset,
            self.training.cache,
            batch_size=self._batch_size,
            seed=self.settings.seed,
            augmentation=self._augmentation(),
        )

    def _label_texts(self) -> LabelTexts:
        """Of every label in every template; made once."""
        if self._texts is None:
            labels, tokenize = self.training.dataset.labels, self.start.loaded.tokenize
            self._texts = (
                embedded_texts(
                    labels,
                    self.templates,
                    tokenize=tokenize,
                    embed=self.start.backbone.embed_texts,
                )
                if self.settings.tune == "head"
                else tokenized_texts(labels, self.templates, tokenize)
            )
        return self._texts

    def _validator(self) -> ActionValidator:
        held = torch.from_numpy(self.validation.dataset.targets)
        return ActionValidator(self._label_texts(), held, self.validation.centres)

    def _export(self, validator: ActionValidator) -> ActionExport:
        held = self.validation.dataset.targets
        return ActionExport(
            choice=self.start.choice,
            encoder=self.start.backbone.identity,
            dataset=f"{self.training.dataset.name} ({self.training.dataset.split})",
            frames=self.flags.frames,
            frame_rate=0.0,
            backbone_trains=self.settings.tune != "head",
            tokenize=self.start.loaded.tokenize,
            action=self._card(),
            calibrate=validator.calibration if held.any() and not held.all() else None,
        )

    def _card(self) -> ActionCard:
        return ActionCard(
            labels=self.training.dataset.labels,
            visual=self.flags.visual,
            frames=self.flags.frames,
        )

    def _fresh_model(self) -> ActionModel:
        """The model before its first step; the same each time."""
        backbone, first = self.start.backbone, self._first_head()
        network = self.start.network(trains=self.settings.tune != "head")
        use_visual_prompt(network.visual, self._card(), first.visual_state if first else None)
        torch.manual_seed(self.settings.seed)
        model = ActionModel(
            first.head.train() if first else self._new_head(),
            backbone=network,
            preprocessing=backbone.preprocessing,
        ).to(backbone.device)
        if first is None and self.head.standardised:
            fit_inputs(model, *self._some_frames(), texts=backbone.embed_texts([""]))
        self.start.set_logit_scale(model)
        return model

    def _first_head(self) -> LoadedHead | None:
        """The head to go on with. A mean of frames lends its backbone to any head."""
        file = self.start.first_head(MEAN_POOLING, ACTION_MEAN_POOLING)
        if file is None:
            return None
        backbone = self.start.backbone
        choice = HeadChoice(self.head.name, file)
        return load_action_head(choice, backbone.identity, backbone.dim, visuals=VISUALS)

    def _new_head(self) -> Any:
        config = HeadConfig(
            self.head.name,
            self.start.backbone.dim,
            blocks=self.head.blocks,
            gated=self.head.gated,
            standardised=self.head.standardised,
        )
        return make_head(config)

    def _some_frames(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Of clips that are kept as the model takes them: larger pictures are for cropping."""
        clips = self.training if self._augmentation() is None else self.validation
        few = replace(clips.dataset, clips=tuple(some_of(clips.dataset.clips)))
        return centre_frames(few, clips.cache, 0, len(few))

    def _origin(self) -> dict[str, str]:
        described = {name: str(one) for name, one in vars(self.flags).items() if name != "cache"}
        return (
            described
            | self.start.origin()
            | {
                "head": str(self.head),
                "templates": self.templates.digest(),
                "training clips": str(len(self.training.dataset)),
                "validation clips": str(len(self.validation.dataset)),
            }
        )


_WHY_NOT_MIRRORED = ": the labels speak of left and right (--flip mirrors all the same)"


def assemble_actions(
    settings: TrainingSettings, model: BackboneFlags, head: HeadFlags, flags: ActionFlags
) -> ActionParts:
    """Load the model, read the annotations, decode what is not in the cache yet.

    Raises KinodexError for anything that the user must set right.
    """
    templates = (
        PromptTemplates.from_file(flags.templates.expanduser())
        if flags.templates
        else PromptTemplates.default()
    )
    start = StartingModel.load(model)
    training, validation = load_action_training(
        flags.spec,
        library=flags.library,
        videos=flags.videos,
        validation_clips=flags.validation_videos,
    )
    if len(training.labels) < 2:
        raise KinodexError(
            f"{training.name} has only the label {training.labels[0]!r}: there is nothing to tell "
            "it from, so give at least two"
        )
    caches = _caches(settings, start, flags)
    training, failed = _read_training(training, caches[0], flags.shots, seed=settings.seed)
    failed |= fill_cache(caches[1], validation.windows, said=_FAILURES).failed
    return ActionParts(
        start=start,
        training=LabelledFrames(training, caches[0]),
        validation=LabelledFrames(decodable(validation, failed), caches[1]),
        left_out=len(failed),
        settings=settings,
        head=head,
        flags=flags,
        templates=templates,
    )


def _read_training(
    training: LabelledDataset, cache: FrameCache, shots: int | None, *, seed: int
) -> tuple[LabelledDataset, dict[ClipWindow, str]]:
    """The clips that are learnt from, and those that failed; others take the place of lost shots.

    Raises KinodexError when no clip is left.
    """
    all_failed: dict[ClipWindow, str] = {}
    while True:
        chosen = training if shots is None else few_shot(training, shots, seed=seed)
        failed = fill_cache(cache, chosen.windows, said=_FAILURES).failed
        all_failed |= failed
        if shots is None or not failed:
            return decodable(chosen, failed), all_failed
        training = decodable(training, failed)


def _caches(
    settings: TrainingSettings, start: StartingModel, flags: ActionFlags
) -> tuple[FrameCache, FrameCache]:
    """For training, with several frames of each segment, and for validation with the centres."""
    root = (flags.cache or default_cache_folder()).expanduser()
    samplings = SegmentSampling(flags.frames, flags.shifts), SegmentSampling(flags.frames)
    if settings.tune != "all":
        shifted, centred = (
            FrameCache.of_embeddings(root, start.backbone, sampling) for sampling in samplings
        )
        return shifted, centred
    fitting = start.backbone.preprocessing
    larger = replace(fitting, size=with_margin(fitting.size)) if flags.augment else fitting
    return (
        FrameCache.of_pixels(root, larger, samplings[0]),
        FrameCache.of_pixels(root, fitting, samplings[1]),
    )
