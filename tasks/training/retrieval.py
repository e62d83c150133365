"""What a run of `kinodex train retrieval` is put together from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from indexer.datasets.captions.loading import load_training_data
from indexer.datasets.clips import Dataset, one_caption_each
from indexer.datasets.frames.cache import FrameCache, default_cache_folder
from indexer.datasets.frames.pair_batches import BatchPlan, PairSource
from indexer.datasets.frames.scoring import embed_captions
from indexer.reading.sampling import Sampling
from models.choice import HeadChoice
from models.heads.checkpoints import load_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.training.export import HeadExport
from models.training.loop import StepReport, TrainingSettings
from models.training.retrieval import RetrievalTrainer
from models.training.text_video import TextVideoModel
from models.training.validation import PairValidator
from search.wording import counted
from tasks.terminal.printing import talk
from tasks.training.flags import BackboneFlags, DataFlags, HeadFlags
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


@dataclass
class RetrievalParts(TrainingParts):
    """A backbone on its device, and captioned clips whose frames are in the cache."""

    start: StartingModel
    training: Dataset
    validation: Dataset
    cache: FrameCache
    left_out: int
    settings: TrainingSettings
    head: HeadFlags
    data: DataFlags
    _embedded: dict[Dataset, torch.Tensor] = field(default_factory=dict, repr=False)

    @property
    def figure(self) -> str:
        """See `TrainingParts`."""
        return "r1"

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
    ) -> RetrievalTrainer:
        """See `TrainingParts`."""
        return RetrievalTrainer(
            self._fresh_model(),
            self._source(),
            settings,
            folder,
            validate=self._validator(),
            export=None if is_trial else self._export(),
            on_step=on_step,
            origin=None if is_trial else self._origin(),
        )

    def say_what_is_trained(self) -> None:
        """The data, and where the validation videos come from."""
        videos, pairs = len(self.training.video_ids), len(self.training.clips)
        talk(
            f"model {self.start.choice} on {self.start.backbone.device.type}, "
            f"head {self.head.name}; "
            f"{counted(videos, 'training video')}, {counted(pairs, 'caption')}"
        )
        say_held_out(self.validation, len(self.validation.video_ids))

    def agree_on_data(self) -> None:
        """See `TrainingParts`."""
        self.training, self.validation, self.left_out = shared_by_first_process(
            [self.training, self.validation, self.left_out], self.start.backbone.device
        )

    def _source(self) -> PairSource:
        ready = self._text_embeddings(self.training) if self.settings.tune == "head" else None
        plan = BatchPlan(
            self.data.batch_size,
            self.data.captions,
            unique_videos=self.data.unique_videos,
            seed=self.settings.seed,
        )
        return PairSource(
            self.training,
            self.cache,
            plan,
            tokenize=None if ready is not None else self.start.loaded.tokenize,
            text_embeddings=ready,
        )

    def _fresh_model(self) -> TextVideoModel:
        """The model before its first step; the same each time."""
        backbone = self.start.backbone
        network = self.start.network(trains=self.settings.tune != "head")
        torch.manual_seed(self.settings.seed)
        model = TextVideoModel(
            self._fresh_head(network), backbone=network, preprocessing=backbone.preprocessing
        ).to(backbone.device)
        if self._first_head() is None and self.head.standardised:
            frames, mask = self.cache.batch(some_of(self.training.windows))
            texts = backbone.embed_texts(list(some_of(self.training.captions)))
            fit_inputs(model, frames, mask, texts)
        self.start.set_logit_scale(model)
        return model

    def _validator(self) -> PairValidator:
        """Figures on the held-out pairs."""
        # A tight head scores every pair by itself: one caption a video is enough to choose by.
        data = self.validation
        if self.head.name == "tightTransf":
            data = one_caption_each(data)
        texts = (
            self._text_embeddings(data)
            if self.settings.tune == "head"
            else self.start.loaded.tokenize(data.captions)
        )
        return PairValidator(
            texts,
            torch.tensor(data.video_of_clip),
            lambda start, stop: self.cache.batch(data.windows[start:stop]),
            videos=len(data.windows),
        )

    def _export(self) -> HeadExport:
        return HeadExport(
            choice=self.start.choice,
            encoder=self.start.backbone.identity,
            dataset=f"{self.training.name} ({self.training.split})",
            frames=self.data.frames,
            frame_rate=self.data.frame_rate,
            backbone_trains=self.settings.tune != "head",
            tokenize=self.start.loaded.tokenize,
        )

    def _origin(self) -> dict[str, str]:
        described = {name: str(value) for name, value in vars(self.data).items() if name != "cache"}
        return (
            described
            | self.start.origin()
            | {
                "head": str(self.head),
                "training videos": str(len(self.training.video_ids)),
                "validation videos": str(len(self.validation.video_ids)),
            }
        )

    def _first_head(self) -> Path | None:
        return self.start.first_head("meanP") if self.head.name != "meanP" else self.start.head_file

    def _fresh_head(self, network: Any) -> Any:
        backbone, first = self.start.backbone, self._first_head()
        if first is not None:
            choice = HeadChoice(self.head.name, first)
            return load_head(choice, backbone.identity, backbone.dim).head.train()
        config = HeadConfig(
            self.head.name,
            backbone.dim,
            blocks=self.head.blocks,
            gated=self.head.gated,
            standardised=self.head.standardised,
        )
        return make_head(config, text_tower=network)

    def _text_embeddings(self, dataset: Dataset) -> torch.Tensor:
        """Of every caption, in order; made once for each dataset."""
        if dataset not in self._embedded:
            self._embedded[dataset] = embed_captions(self.start.backbone, dataset.captions)
        return self._embedded[dataset]


def assemble_retrieval(
    settings: TrainingSettings, model: BackboneFlags, head: HeadFlags, data: DataFlags
) -> RetrievalParts:
    """Load the model, read the annotations, decode what is not in the cache yet.

    Raises KinodexError for anything that the user must set right.
    """
    start = StartingModel.load(model)
    training, validation = load_training_data(
        data.spec, videos=data.videos, validation_videos=data.validation_videos
    )
    root = (data.cache or default_cache_folder()).expanduser()
    sampling = Sampling(data.frames, data.frame_rate)
    cache = (
        FrameCache.of_pixels(root, start.backbone.preprocessing, sampling)
        if settings.tune == "all"
        else FrameCache.of_embeddings(root, start.backbone, sampling)
    )
    report = fill_cache(cache, [*training.windows, *validation.windows], said={})
    return RetrievalParts(
        start=start,
        training=decodable(training, report.failed),
        validation=decodable(validation, report.failed),
        cache=cache,
        left_out=len(report.failed),
        settings=settings,
        head=head,
        data=data,
    )
