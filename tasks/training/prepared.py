"""A training run before its first step: a model, clips in the cache, and a trainer of both."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from models.training.batches import BatchSource
from models.training.distributed import process_count
from models.training.loop import StepReport, Trainer, TrainingSettings
from models.training.text_video import TextVideoTask
from search.wording import counted
from tasks.terminal.printing import talk
from tasks.training.cached_clips import ClipDataset
from tasks.training.request import TrainingRequest
from tasks.training.starting_model import StartingModel


class PreparedTraining(ABC):
    """A run that can begin; `trainer` may be asked for several times, each begins anew.

    figure: the name of the validation's figure that chooses the best step
    left_out: videos that cannot be decoded
    """

    request: TrainingRequest[Any]
    start: StartingModel
    left_out: int

    @property
    @abstractmethod
    def figure(self) -> str:
        """See above."""

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
    ) -> Trainer:
        """A run with these settings; a trial writes no model and belongs to no earlier run."""
        origin = None if is_trial else self.request.origin() | self.start.origin() | self._data()
        task = self._task(settings, is_trial=is_trial)
        return task.trainer(folder, on_step=on_step, origin=origin)

    @abstractmethod
    def _task(self, settings: TrainingSettings, *, is_trial: bool) -> TextVideoTask[Any]:
        """A fresh model and its batches; a trial exports nothing."""

    @abstractmethod
    def _source(self) -> BatchSource[Any]:
        """The batches."""

    @abstractmethod
    def _data(self) -> dict[str, str]:
        """What else a run that goes on must have in common with the one that began."""

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


def say_held_out(validation: ClipDataset, videos: int) -> None:
    """Which clips choose the best step."""
    held = counted(videos, "video")
    if validation.split == "held out":
        talk(f"{held} of the training split held out to choose the best step by")
    else:
        talk(f"{held} of the split {validation.split!r} choose the best step")
