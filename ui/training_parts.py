"""What a training run is put together from: model, head, data, validation."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from indexer.clip_frames import Sampling
from indexer.datasets.batches import BatchPlan, PairSource
from indexer.datasets.clips import ClipWindow, Dataset, one_caption_each
from indexer.datasets.loading import load_training_data
from indexer.datasets.scoring import embed_captions
from indexer.frame_cache import FillReport, FrameCache, default_cache_folder
from models.backbone import Backbone, find_device
from models.checkpoints import load_head, read_card
from models.choice import HeadChoice, ModelChoice
from models.clip4clip import make_head
from models.distributed import process_count
from models.errors import KinodexError
from models.head_config import HeadConfig
from models.retrieval_export import HeadExport
from models.retrieval_training import RetrievalModel
from models.retrieval_validation import PairValidator
from models.sources import LoadedModel, load_model
from models.training import TrainingSettings
from search.lock import LibraryBusy
from ui.filling import fill, say_left_out
from ui.printing import counted, talk
from ui.training_flags import BackboneFlags, DataFlags, HeadFlags

_CLIPS_TO_FIT = 1024  # more change mean and deviation of the frames by less than a percent


@dataclass
class TrainingParts:
    """A backbone on its device, and data whose frames are in the cache."""

    choice: ModelChoice
    loaded: LoadedModel
    backbone: Backbone
    training: Dataset
    validation: Dataset
    cache: FrameCache
    left_out: int  # videos
    settings: TrainingSettings
    head: HeadFlags
    head_file: Path | None
    data: DataFlags
    _first_weights: dict[str, torch.Tensor] = field(default_factory=dict, repr=False)
    _embedded: dict[Dataset, torch.Tensor] = field(default_factory=dict, repr=False)

    def source(self) -> PairSource:
        """The batches."""
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
            tokenize=None if ready is not None else self.loaded.tokenize,
            text_embeddings=ready,
        )

    def fresh_model(self) -> RetrievalModel:
        """The model before its first step; the same each time."""
        network: Any = self.loaded.model
        if self.settings.tune != "head":
            self._restore(network)
        torch.manual_seed(self.settings.seed)
        model = RetrievalModel(
            self._fresh_head(network), backbone=network, preprocessing=self.backbone.preprocessing
        ).to(self.backbone.device)
        if self._first_head() is None and self.head.standardised:
            self._fit_inputs(model)
        if self.head_file is not None:
            with torch.no_grad():
                model.logit_scale.fill_(read_card(self.head_file).logit_scale)
        return model

    def validator(self) -> PairValidator:
        """Figures on the held-out pairs."""
        # A tight head scores every pair by itself: one caption a video is enough to choose by.
        data = self.validation
        if self.head.name == "tightTransf":
            data = one_caption_each(data)
        texts = (
            self._text_embeddings(data)
            if self.settings.tune == "head"
            else self.loaded.tokenize(data.captions)
        )
        return PairValidator(
            texts,
            torch.tensor(data.video_of_clip),
            lambda start, stop: self.cache.batch(data.windows[start:stop]),
            videos=len(data.windows),
        )

    def export(self) -> HeadExport:
        """Writes the trained files."""
        return HeadExport(
            choice=self.choice,
            encoder=self.backbone.identity,
            dataset=f"{self.training.name} ({self.training.split})",
            frames=self.data.frames,
            frame_rate=self.data.frame_rate,
            backbone_trains=self.settings.tune != "head",
            tokenize=self.loaded.tokenize,
        )

    def origin(self) -> dict[str, str]:
        """What a run that goes on must share with the one that began."""
        described = {name: str(value) for name, value in vars(self.data).items() if name != "cache"}
        return described | {
            "head": str(self.head),
            "init": str(self.head_file),
            "model": f"{self.choice} {self.backbone.identity.weights_digest}",
            "training videos": str(len(self.training.video_ids)),
            "validation videos": str(len(self.validation.video_ids)),
        }

    def _restore(self, network: Any) -> None:
        """Undo what an earlier run has trained."""
        if self._first_weights:
            network.load_state_dict(self._first_weights)
            return
        state = network.state_dict()
        self._first_weights = {name: value.to("cpu", copy=True) for name, value in state.items()}

    def _first_head(self) -> Path | None:
        """The head to go on with. A meanP lends its backbone to any head."""
        if self.head_file is None or self.head.name == "meanP":
            return self.head_file
        return None if read_card(self.head_file).config.name == "meanP" else self.head_file

    def _fresh_head(self, network: Any) -> Any:
        backbone, first = self.backbone, self._first_head()
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

    def _fit_inputs(self, model: RetrievalModel) -> None:
        windows = self.training.windows
        few = windows[:: max(1, len(windows) // _CLIPS_TO_FIT)][:_CLIPS_TO_FIT]
        captions = self.training.captions
        some = captions[:: max(1, len(captions) // _CLIPS_TO_FIT)][:_CLIPS_TO_FIT]
        frames, mask = self.cache.batch(few)
        device = self.backbone.device
        with torch.no_grad():
            if frames.dtype == torch.uint8:
                parts = zip(frames.split(8), mask.split(8), strict=True)
                embedded = [model.embed_frames(f.to(device), m.to(device)) for f, m in parts]
                frames = torch.cat(embedded)
            texts = self.backbone.embed_texts(some).to(device)
            model.head.fit_inputs(frames.float().to(device), mask.to(device), texts)

    def _text_embeddings(self, dataset: Dataset) -> torch.Tensor:
        """Of every caption, in order; made once for each dataset."""
        if dataset not in self._embedded:
            self._embedded[dataset] = embed_captions(self.backbone, dataset.captions)
        return self._embedded[dataset]


def assemble(
    settings: TrainingSettings, model: BackboneFlags, head: HeadFlags, data: DataFlags
) -> TrainingParts:
    """Load the model, read the annotations, decode what is not in the cache yet.

    Raises KinodexError for anything that the user must set right.
    """
    choice = model.choice()
    loaded = load_model(choice, talk=talk)
    backbone = Backbone(choice, loaded, _own_device(model.device))
    training, validation = load_training_data(
        data.spec, videos=data.videos, validation_videos=data.validation_videos
    )
    root = (data.cache or default_cache_folder()).expanduser()
    sampling = Sampling(data.frames, data.frame_rate)
    cache = (
        FrameCache.of_pixels(root, backbone.preprocessing, sampling)
        if settings.tune == "all"
        else FrameCache.of_embeddings(root, backbone, sampling)
    )
    report = _filled(cache, [*training.windows, *validation.windows])
    return TrainingParts(
        choice=choice,
        loaded=loaded,
        backbone=backbone,
        training=_decodable(training, report.failed),
        validation=_decodable(validation, report.failed),
        cache=cache,
        left_out=len(report.failed),
        settings=settings,
        head=head,
        head_file=model.head_file(),
        data=data,
    )


def agree_on_data(parts: TrainingParts) -> None:
    """Let every process use the videos that the first one could decode."""
    if process_count() == 1:
        return
    shared: list[Any] = [(parts.training, parts.validation, parts.left_out)]
    distributed.broadcast_object_list(shared, src=0, device=parts.backbone.device)
    parts.training, parts.validation, parts.left_out = shared[0]


def say_what_is_trained(parts: TrainingParts) -> None:
    """The data, and where the validation videos come from."""
    videos, pairs = len(parts.training.video_ids), len(parts.training.clips)
    talk(
        f"model {parts.choice} on {parts.backbone.device.type}, head {parts.head.name}; "
        f"{counted(videos, 'training video')}, {counted(pairs, 'caption')}"
    )
    held = counted(len(parts.validation.video_ids), "video")
    if parts.validation.split == "held out":
        talk(f"{held} of the training split held out to choose the best step by")
    else:
        talk(f"{held} of the split {parts.validation.split!r} choose the best step")


def _own_device(name: str | None) -> torch.device:
    """The device asked for; under torchrun each process has a GPU of its own."""
    device = find_device(name)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def _filled(cache: FrameCache, windows: list[ClipWindow]) -> FillReport:
    """Decode what is missing. Of several processes one does it while the others wait."""
    while True:
        try:
            report = fill(cache, windows)
        except KinodexError as error:
            if "LOCAL_RANK" not in os.environ or not isinstance(error.__cause__, LibraryBusy):
                raise
            time.sleep(1)
            continue
        if os.environ.get("RANK", "0") == "0":
            say_left_out(report)
        return report


def _decodable(dataset: Dataset, failed: dict[ClipWindow, str]) -> Dataset:
    kept = dataset.without(failed)
    if not kept.clips:
        raise KinodexError(
            f"no video of {dataset.name} (split {dataset.split!r}) can be decoded: "
            "see the reasons above"
        )
    return kept
