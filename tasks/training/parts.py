"""What every training run is put together from: a model, data in the cache, a trainer."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import distributed

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FillReport, FrameCache
from models.choice import ModelChoice
from models.clip.backbone import Backbone, find_device
from models.clip.sources import LoadedModel, load_model
from models.errors import KinodexError
from models.heads.checkpoints import read_card
from models.towers.visual_prompts import remove_visual_prompt
from models.training.distributed import process_count
from models.training.loop import StepReport, Trainer, TrainingSettings
from models.training.text_video import TextVideoModel
from search.catalog.lock import LibraryBusy
from search.wording import counted
from tasks.terminal.bars import fill, say_left_out
from tasks.terminal.printing import talk
from tasks.training.flags import BackboneFlags

_CLIPS_TO_FIT = 1024  # more change mean and deviation of the frames by less than a percent


class _Dataset(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def clips(self) -> Sequence[Any]: ...

    def without(self, windows: Iterable[ClipWindow]) -> Self: ...


Data = TypeVar("Data", bound=_Dataset)


@dataclass
class StartingModel:
    """A backbone on its device, and the head file to begin with, if any."""

    choice: ModelChoice
    loaded: LoadedModel
    backbone: Backbone
    head_file: Path | None
    _first_weights: dict[str, torch.Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, flags: BackboneFlags) -> Self:
        """Raises KinodexError for a model that cannot be had."""
        choice = flags.choice()
        loaded = load_model(choice, talk=talk)
        backbone = Backbone(choice, loaded, _own_device(flags.device))
        return cls(choice, loaded, backbone, flags.head_file())

    def network(self, *, trains: bool) -> Any:
        """The open_clip model as it was loaded, whatever an earlier run has made of it."""
        network: Any = self.loaded.model
        remove_visual_prompt(network.visual)
        if trains:
            self._restore(network)
        return network

    def first_head(self, *means: str) -> Path | None:
        """The head to go on with. One of these ``means`` lends its backbone to any head."""
        if self.head_file is None or read_card(self.head_file).config.name in means:
            return None
        return self.head_file

    def set_logit_scale(self, model: TextVideoModel) -> None:
        """Begin with that of the first head."""
        if self.head_file is not None:
            with torch.no_grad():
                model.logit_scale.fill_(read_card(self.head_file).logit_scale)

    def origin(self) -> dict[str, str]:
        """What a run that goes on must share with the one that began."""
        return {
            "init": str(self.head_file),
            "model": f"{self.choice} {self.backbone.identity.weights_digest}",
        }

    def _restore(self, network: Any) -> None:
        if self._first_weights:
            network.load_state_dict(self._first_weights)
            return
        state = network.state_dict()
        self._first_weights = {name: value.to("cpu", copy=True) for name, value in state.items()}


class TrainingParts(ABC):
    """A run before it begins; `trainer` may be asked for several times, each begins anew.

    figure: the name of the validation's figure that chooses the best step
    left_out: videos that cannot be decoded
    """

    settings: TrainingSettings
    left_out: int

    @property
    @abstractmethod
    def figure(self) -> str:
        """See above."""

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """How many batches the data gives."""

    @abstractmethod
    def trainer(
        self,
        settings: TrainingSettings,
        folder: Path,
        *,
        on_step: Callable[[StepReport], None],
        is_trial: bool,
    ) -> Trainer:
        """A run with these settings; a trial writes no model and belongs to no earlier run."""

    @abstractmethod
    def say_what_is_trained(self) -> None:
        """The data, and where the validation videos come from."""

    @abstractmethod
    def agree_on_data(self) -> None:
        """Let every process use the videos that the first one could decode."""


def shared_by_first_process(values: list[Any], device: torch.device) -> list[Any]:
    """What the first process has, in every process."""
    if process_count() > 1:
        distributed.broadcast_object_list(values, src=0, device=device)
    return values


def fit_inputs(
    model: TextVideoModel, frames: torch.Tensor, mask: torch.Tensor, texts: torch.Tensor
) -> None:
    """Bring the inputs of a standardised head to mean 0 and deviation 1.

    frames: pixels or embeddings of some clips, as in a `PairBatch`; texts: embeddings
    """
    device = model.logit_scale.device
    with torch.no_grad():
        if frames.dtype == torch.uint8:
            parts = zip(frames.split(8), mask.split(8), strict=True)
            frames = torch.cat([model.embed_frames(f.to(device), m.to(device)) for f, m in parts])
        model.head.fit_inputs(frames.float().to(device), mask.to(device), texts.to(device))


Item = TypeVar("Item")


def some_of(items: Sequence[Item]) -> Sequence[Item]:
    """So many, evenly spread, that more would not change their statistics."""
    return items[:: max(1, len(items) // _CLIPS_TO_FIT)][:_CLIPS_TO_FIT]


def say_held_out(validation: _Dataset, videos: int) -> None:
    """Which clips choose the best step."""
    held = counted(videos, "video")
    if validation.split == "held out":
        talk(f"{held} of the training split held out to choose the best step by")
    else:
        talk(f"{held} of the split {validation.split!r} choose the best step")


def fill_cache(
    cache: FrameCache, windows: Sequence[ClipWindow], *, said: Mapping[str, str]
) -> FillReport:
    """Decode what is missing. Of several processes one does it while the others wait.

    said: how clips that cannot be decoded are spoken of, see `say_left_out`
    """
    while True:
        try:
            report = fill(cache, windows)
        except KinodexError as error:
            if "LOCAL_RANK" not in os.environ or not isinstance(error.__cause__, LibraryBusy):
                raise
            time.sleep(1)
            continue
        if os.environ.get("RANK", "0") == "0":
            say_left_out(report, **said)
        return report


def decodable(dataset: Data, failed: Iterable[ClipWindow]) -> Data:
    """The clips that are left. Raises KinodexError if there are none."""
    kept = dataset.without(failed)
    if not kept.clips:
        raise KinodexError(
            f"no video of {dataset.name} (split {dataset.split!r}) can be decoded: "
            "see the reasons above"
        )
    return kept


def _own_device(name: str | None) -> torch.device:
    """The device asked for; under torchrun each process has a GPU of its own."""
    device = find_device(name)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device
