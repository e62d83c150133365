"""A run of `kinodex train actions` before its first step."""

from dataclasses import dataclass, field, replace

import torch

from indexer.datasets.frames.augmentation import Augmentation, speak_of_sides
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.labelled_batches import LabelledClips, centre_frames
from indexer.datasets.labelled import LabelledDataset
from models.heads.card import VISUALS, ActionCard
from models.heads.checkpoints import LoadedHead, load_action_head
from models.heads.make import make_head
from models.identity import ACTION_MEAN_POOLING, MEAN_POOLING, HeadChoice
from models.labels.label_texts import LabelTexts, embedded_texts, tokenized_texts
from models.labels.prompts import PromptTemplates
from models.towers.dropping import use_dropping
from models.towers.visual_prompts import use_visual_prompt
from models.training.actions import ActionModel, ActionTask
from models.training.distributed import process_count
from models.training.export import ActionExport
from models.training.loop import TrainingSettings
from models.training.validation import ActionValidator
from search.wording import counted
from tasks.terminal.printing import talk
from tasks.training.prepared import PreparedTraining, say_held_out, shared_by_first_process
from tasks.training.request import ActionFlags, TrainingRequest
from tasks.training.starting_model import StartingModel, enough_to_fit, fit_inputs

_WHY_NOT_MIRRORED = ": the labels speak of left and right (--flip mirrors all the same)"


@dataclass(frozen=True)
class LabelledFrames:
    """Labelled clips whose frames are in a cache."""

    dataset: LabelledDataset
    cache: FrameCache

    def centres(self, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """See `centre_frames`."""
        return centre_frames(self.dataset, self.cache, start, stop)


@dataclass
class PreparedActions(PreparedTraining):
    """A backbone on its device, and labelled clips whose frames are in the cache."""

    request: TrainingRequest[ActionFlags]
    start: StartingModel
    training: LabelledFrames
    validation: LabelledFrames
    left_out: int
    templates: PromptTemplates
    _texts: LabelTexts | None = field(default=None, repr=False)

    @property
    def figure(self) -> str:
        """See `PreparedTraining`."""
        one_label_each = (self.validation.dataset.targets.sum(axis=1) == 1).all()
        return "top1" if one_label_each else "map"

    def _task(self, settings: TrainingSettings, *, is_trial: bool) -> ActionTask:
        validator = self._validator()
        return ActionTask(
            self._fresh_model(),
            self._source(),
            self._label_texts(),
            settings,
            target_temperature=self.request.recipe.target_temperature,
            tag_weight=self._tag_weight,
            validate=validator,
            export=None if is_trial else self._export(validator),
        )

    @property
    def _tag_weight(self) -> float:
        asked = self.request.recipe.tag_weight
        if asked is not None:
            return asked
        return 0.0 if self.request.backbone_trains else 1.0

    def say_what_is_trained(self) -> None:
        """The data, and where the validation clips come from."""
        data = self.training.dataset
        talk(
            f"model {self.start.choice} on {self.start.backbone.device.type}, "
            f"head {self.request.head.name}; {counted(len(data), 'training clip')}, "
            f"{counted(len(data.labels), 'label')}"
        )
        unlabelled = sum(not clip.labels for clip in data.clips)
        if unlabelled:
            talk(f"{counted(unlabelled, 'clip')} without a label teach that none may hold")
        if self._batch_size < self.request.recipe.batch_size:
            talk(f"that is less than a batch: {self._batch_size} clips in every step")
        if self._augmentation() is not None and not self._flips:
            why = "" if self.request.recipe.flip is False else _WHY_NOT_MIRRORED
            talk(f"no clip is mirrored{why}")
        say_held_out(self.validation.dataset, len(self.validation.dataset))

    def agree_on_data(self) -> None:
        """See `PreparedTraining`."""
        training, validation, self.left_out = shared_by_first_process(
            [self.training.dataset, self.validation.dataset, self.left_out],
            self.start.backbone.device,
        )
        self.training = replace(self.training, dataset=training)
        self.validation = replace(self.validation, dataset=validation)

    @property
    def _batch_size(self) -> int:
        most = min(self.request.recipe.batch_size, len(self.training.dataset))
        return max(process_count(), most - most % process_count())

    @property
    def _flips(self) -> bool:
        asked = self.request.recipe.flip
        return not speak_of_sides(self.training.dataset.labels) if asked is None else asked

    def _augmentation(self) -> Augmentation | None:
        if not self.request.settings.trains_pictures or not self.request.recipe.augment:
            return None
        recipe = self.request.recipe
        return Augmentation(
            self.start.backbone.preprocessing.size,
            flip=self._flips,
            changes=recipe.rand_augment,
            magnitude=recipe.rand_magnitude,
        )

    def _source(self) -> LabelledClips:
        return LabelledClips(
            self.training.dataset,
            self.training.cache,
            batch_size=self._batch_size,
            seed=self.request.settings.seed,
            augmentation=self._augmentation(),
        )

    def _label_texts(self) -> LabelTexts:
        """Every label in every template; made once."""
        if self._texts is None:
            labels, tokenize = self.training.dataset.labels, self.start.loaded.tokenize
            embed = self.start.backbone.embed_texts
            self._texts = (
                tokenized_texts(labels, self.templates, tokenize)
                if self.request.backbone_trains
                else embedded_texts(labels, self.templates, tokenize=tokenize, embed=embed)
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
            frames=self.request.recipe.frames,
            frame_rate=0.0,
            backbone_trains=self.request.backbone_trains,
            tokenize=self.start.loaded.tokenize,
            action=self._card(),
            calibrate=validator.calibration if held.any() and not held.all() else None,
        )

    def _card(self) -> ActionCard:
        return ActionCard(
            labels=self.training.dataset.labels,
            visual=self.request.recipe.visual,
            frames=self.request.recipe.frames,
            crop=self.request.recipe.crop,
        )

    def _fresh_model(self) -> ActionModel:
        """The model before its first step; the same each time."""
        backbone, first = self.start.backbone, self._first_head()
        network = self.start.network(trains=self.request.backbone_trains)
        use_visual_prompt(network.visual, self._card(), first.visual_state if first else None)
        recipe = self.request.recipe
        use_dropping(network.visual, depth=recipe.drop_path, embedding=recipe.embedding_dropout)
        torch.manual_seed(self.request.settings.seed)
        model = ActionModel(
            first.head.train() if first else make_head(self.request.head.config(backbone.dim)),
            backbone=network,
            preprocessing=backbone.preprocessing,
        ).to(backbone.device)
        if first is None and self.request.head.standardised:
            fit_inputs(model, *self._some_frames(), texts=backbone.embed_texts([""]))
        self.start.set_logit_scale(model)
        return model

    def _first_head(self) -> LoadedHead | None:
        """The head to go on with. A mean of frames lends its backbone to any head."""
        file = self.start.first_head(MEAN_POOLING, ACTION_MEAN_POOLING)
        if file is None:
            return None
        backbone = self.start.backbone
        choice = HeadChoice(self.request.head.name, file)
        first = load_action_head(choice, backbone.identity, backbone.dim, visuals=VISUALS)
        first.head.go_on_with(self.request.recipe.frames)
        return first

    def _some_frames(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames of clips that are kept as the model takes them: larger ones are for cropping."""
        clips = self.training if self._augmentation() is None else self.validation
        few = replace(clips.dataset, clips=tuple(enough_to_fit(clips.dataset.clips)))
        return centre_frames(few, clips.cache, 0, len(few))

    def _data(self) -> dict[str, str]:
        return {
            "templates": self.templates.digest(),
            "training clips": str(len(self.training.dataset)),
            "validation clips": str(len(self.validation.dataset)),
        }
