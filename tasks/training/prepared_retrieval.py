"""A run of `kinodex train retrieval` before its first step."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from indexer.datasets.clips import Dataset, one_caption_each
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.pair_batches import BatchPlan, PairSource
from indexer.datasets.frames.scoring import embed_captions
from models.heads.checkpoints import load_head
from models.heads.make import make_head
from models.identity import MEAN_POOLING, HeadChoice
from models.training.export import HeadExport
from models.training.loop import TrainingSettings
from models.training.retrieval import RetrievalTask
from models.training.text_video import TextVideoModel
from models.training.validation import PairValidator
from search.wording import counted
from tasks.terminal.printing import talk
from tasks.training.prepared import PreparedTraining, say_held_out, shared_by_first_process
from tasks.training.request import RetrievalFlags, TrainingRequest
from tasks.training.starting_model import StartingModel, enough_to_fit, fit_inputs


@dataclass
class PreparedRetrieval(PreparedTraining):
    """A backbone on its device, and captioned clips whose frames are in the cache."""

    request: TrainingRequest[RetrievalFlags]
    start: StartingModel
    training: Dataset
    validation: Dataset
    cache: FrameCache
    left_out: int
    _embedded: dict[Dataset, torch.Tensor] = field(default_factory=dict, repr=False)

    @property
    def figure(self) -> str:
        """See `PreparedTraining`."""
        return "r1"

    def _task(self, settings: TrainingSettings, *, is_trial: bool) -> RetrievalTask:
        return RetrievalTask(
            self._fresh_model(),
            self._source(),
            settings,
            validate=self._validator(),
            export=None if is_trial else self._export(),
        )

    def say_what_is_trained(self) -> None:
        """The data, and where the validation videos come from."""
        videos, pairs = len(self.training.video_ids), len(self.training.clips)
        talk(
            f"model {self.start.choice} on {self.start.backbone.device.type}, "
            f"head {self.request.head.name}; "
            f"{counted(videos, 'training video')}, {counted(pairs, 'caption')}"
        )
        say_held_out(self.validation, len(self.validation.video_ids))

    def agree_on_data(self) -> None:
        """See `PreparedTraining`."""
        self.training, self.validation, self.left_out = shared_by_first_process(
            [self.training, self.validation, self.left_out], self.start.backbone.device
        )

    def _source(self) -> PairSource:
        ready = None if self.request.backbone_trains else self._text_embeddings(self.training)
        plan = BatchPlan(
            self.request.recipe.batch_size,
            self.request.recipe.captions,
            unique_videos=self.request.recipe.unique_videos,
            seed=self.request.settings.seed,
            order=self.request.recipe.order,
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
        network = self.start.network(trains=self.request.backbone_trains)
        torch.manual_seed(self.request.settings.seed)
        model = TextVideoModel(
            self._fresh_head(network), backbone=network, preprocessing=backbone.preprocessing
        ).to(backbone.device)
        if self._first_head() is None and self.request.head.standardised:
            frames, mask = self.cache.batch(enough_to_fit(self.training.windows))
            texts = backbone.embed_texts(list(enough_to_fit(self.training.captions)))
            fit_inputs(model, frames, mask, texts)
        self.start.set_logit_scale(model)
        return model

    def _validator(self) -> PairValidator:
        """Figures on the held-out pairs."""
        # A tight head scores every pair by itself: one caption a video is enough to choose by.
        data = self.validation
        if self.request.head.name == "tightTransf":
            data = one_caption_each(data)
        texts = (
            self.start.loaded.tokenize(data.captions)
            if self.request.backbone_trains
            else self._text_embeddings(data)
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
            frames=self.request.recipe.frames,
            frame_rate=self.request.recipe.frame_rate,
            backbone_trains=self.request.backbone_trains,
            tokenize=self.start.loaded.tokenize,
            frames_seen=self._frames_seen,
            choose=self.request.recipe.choose,
        )

    @property
    def _frames_seen(self) -> int:
        return self.cache.longest(self.training.windows)

    def _data(self) -> dict[str, str]:
        return {
            "training videos": str(len(self.training.video_ids)),
            "validation videos": str(len(self.validation.video_ids)),
        }

    def _first_head(self) -> Path | None:
        if self.request.head.name == MEAN_POOLING:
            return self.start.head_file
        return self.start.first_head(MEAN_POOLING)

    def _fresh_head(self, network: Any) -> Any:
        backbone, first = self.start.backbone, self._first_head()
        if first is not None:
            choice = HeadChoice(self.request.head.name, first)
            encoder = self.start.first_encoder or backbone.identity
            head = load_head(choice, encoder, backbone.dim).head.train()
            head.go_on_with(self._frames_seen)
            return head
        return make_head(self.request.head.config(backbone.dim), text_tower=network)

    def _text_embeddings(self, dataset: Dataset) -> torch.Tensor:
        """The embedding of every caption, in order; made once for each dataset."""
        if dataset not in self._embedded:
            self._embedded[dataset] = embed_captions(self.start.backbone, dataset.captions)
        return self._embedded[dataset]
