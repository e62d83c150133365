"""The training loop: steps, optimiser, precision, checkpoints, validation, history.

What is trained, and by which loss, is the task's business: retrieval is one task.
"""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import distributed, nn

from models.errors import KinodexError
from models.training.distributed import (
    average_gradients_,
    gather_with_gradient,
    process_count,
    process_rank,
)
from models.training.files import CHECKPOINT_FILE, History, load_checkpoint, save_checkpoint
from models.training.optimisation import Optimiser, make_optimiser, rate_share, set_rates, trainable

Precision = Literal["float32", "bfloat16", "float16"]
_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TrainingDiverged(KinodexError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run is: equal settings and equal batches give the same weights."""

    steps: int
    head_learning_rate: float = 1e-4
    # Right for fp32 weights. The 1e-7 in print belongs to fp16 weights, where Adam acts as SGD.
    backbone_learning_rate: float = 1e-5
    warmup_share: float = 0.1
    weight_decay: float = 0.2
    gradient_clip: float = 1.0
    precision: Precision = "float32"  # of the arithmetic; the weights are always float32
    seed: int = 0
    # "head" trains the head on ready embeddings, "text" the text tower too, "pictures" the picture
    # tower in its place, "all" everything.
    tune: Literal["head", "text", "pictures", "all"] = "head"
    freeze_below: int = -1
    chunk: int | None = None  # pairs encoded at once; None for the whole batch
    validate_every: int = 0  # steps; 0 validates after the last one only
    save_every: int = 200  # steps
    text_learning_rate: float | None = None  # of the text tower; None for the backbone's
    picture_learning_rate: float | None = None
    optimiser: Optimiser = "adamw"
    # Shares of the run at which the rate falls to a tenth; none for half a cosine.
    rate_drops: tuple[float, ...] = ()

    @property
    def trains_pictures(self) -> bool:
        """Whether the picture tower trains, so that it must be given pixels."""
        return self.tune in ("pictures", "all")

    def described(self) -> dict[str, Any]:
        """What a run that goes on must have in common; what came later counts where it is used."""
        usual: dict[str, Any] = {
            "text_learning_rate": None,
            "picture_learning_rate": None,
            "optimiser": "adamw",
            "rate_drops": (),
        }
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in usual or value != usual[name]
        }

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be meant."""
        if self.steps < 1 or self.save_every < 1 or (self.chunk is not None and self.chunk < 1):
            raise ValueError("steps, save_every and chunk must be at least 1")
        if not 0 <= self.warmup_share <= 1:
            raise ValueError("warmup_share must lie between 0 and 1")
        if not all(0 < share < 1 for share in self.rate_drops):
            raise ValueError("rate_drops must lie between 0 and 1")


@dataclass(frozen=True)
class StepReport:
    """One step as it is told to whoever listens, and as it is written into the history."""

    step: int  # counted from 1: how many steps have been taken
    loss: float  # before the update
    rate_share: float  # of the peak learning rate
    gradient_norm: float | None  # before clipping; None for a left out step of fp16 overflows
    figures: dict[str, float] = field(default_factory=dict)  # of the validation, if there was one


@dataclass(frozen=True)
class TrainingReport:
    """How a run ended. `best_step` is the one whose weights were exported."""

    steps: int
    finished: bool
    best_step: int | None
    best_figures: dict[str, float]


class Task(ABC):
    """What is trained. `modules` holds all of its weights."""

    modules: nn.Module

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups, see `optimisation.parameter_groups`."""

    @abstractmethod
    def accumulate_gradients(
        self, step: int, scale: Callable[[torch.Tensor], torch.Tensor]
    ) -> float:
        """Leave the gradients of a step's loss, times `scale`, in the parameters; → the loss.

        Runs under the loop's autocast. Where several processes train, the mean over them of
        what each leaves must be the gradient of the whole batch.
        """

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Figures on the validation split; the first one chooses the best step, more is better."""

    @abstractmethod
    def export(self, folder: Path, figures: dict[str, float]) -> None:
        """Write the weights as users load them, replacing earlier ones."""

    def after_update(self) -> None:  # noqa: B027 - most tasks have nothing to mend
        """Put parameters back within their bounds."""


class Trainer:
    """Trains a task in a folder, going on from that folder's checkpoint if there is one."""

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        folder: Path,
        *,
        on_step: Callable[[StepReport], None] = lambda _: None,
        origin: dict[str, str] | None = None,
    ) -> None:
        """`origin` names data and model: a run goes on only where it says the same.

        Raises KinodexError when the folder holds a run with other settings or another origin.
        """
        self.task = task
        self.settings = settings
        self.folder = folder
        self.step = 0
        self._on_step = on_step
        self._meant = {**settings.described(), **(origin or {})}
        self._device = next(task.modules.parameters()).device
        self._optimiser = make_optimiser(settings.optimiser, task.parameter_groups())
        self._scaler = torch.amp.GradScaler(
            self._device.type, enabled=settings.precision == "float16"
        )
        self._history = History(folder)
        self._best_step: int | None = None
        self._best_figures: dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True)
        _share_weights(task.modules)
        self._resume()
        _check_same_step(self.step, self._device)

    def run(self, stop: threading.Event | None = None) -> TrainingReport:
        """Train to the last step, or until `stop` is set: then the step is ended and saved.

        Raises TrainingDiverged when the loss is not finite. The last checkpoint is kept.
        """
        if process_rank() == 0:
            self._history.cut_after(self.step)
        while self.step < self.settings.steps:
            self._on_step(self._take_step())
            stopping = _any_process(stop is not None and stop.is_set(), self._device)
            last = self.step == self.settings.steps
            if stopping or last or self.step % self.settings.save_every == 0:
                self._save()
            if stopping:
                break
        return TrainingReport(
            self.step, self.step == self.settings.steps, self._best_step, self._best_figures
        )

    def _take_step(self) -> StepReport:
        # Dropout then depends on the step alone, so that a resumed run draws the same.
        torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
        share = rate_share(
            self.step,
            steps=self.settings.steps,
            warmup_share=self.settings.warmup_share,
            drops=self.settings.rate_drops,
        )
        set_rates(self._optimiser, share)
        self._optimiser.zero_grad(set_to_none=True)
        with self._autocast():
            loss = self.task.accumulate_gradients(self.step, self._scaler.scale)
        if not math.isfinite(loss):
            raise self._diverged(f"the loss is {loss}")
        norm = self._update()
        if norm is None and not self._scaler.is_enabled():
            raise self._diverged("the gradient is not finite")
        self.step += 1
        report = StepReport(self.step, loss, share, norm, self._validate())
        if process_rank() == 0:
            self._history.add(asdict(report))
        return report

    def _diverged(self, what: str) -> TrainingDiverged:
        return TrainingDiverged(f"{what} at step {self.step + 1}: try a smaller learning rate")

    def _update(self) -> float | None:
        """Take the step unless the gradient is not finite; → its norm, None if it is not."""
        parameters = trainable(self.task.modules.parameters())
        average_gradients_(parameters)
        self._scaler.unscale_(self._optimiser)
        norm = float(nn.utils.clip_grad_norm_(parameters, self.settings.gradient_clip))
        is_finite = math.isfinite(norm)
        if is_finite or self._scaler.is_enabled():
            self._scaler.step(self._optimiser)  # leaves out a step whose fp16 gradients overflowed
            self._scaler.update()
        with torch.no_grad():
            self.task.after_update()
        return norm if is_finite else None

    def _validate(self) -> dict[str, float]:
        """Figures, at the steps that have them; better ones than before are exported.

        Every process validates: the others would only wait for the first one, and may then give up.
        """
        every = self.settings.validate_every
        last = self.step == self.settings.steps
        if not last and (every == 0 or self.step % every != 0):
            return {}
        self.task.modules.eval()
        with torch.inference_mode(), self._autocast():
            figures = self.task.validate()
        self.task.modules.train()
        if self._is_best(figures):
            self._best_step, self._best_figures = self.step, figures
            if process_rank() == 0:
                self.task.export(self.folder, figures)
        return figures

    def _is_best(self, figures: dict[str, float]) -> bool:
        if not figures or not self._best_figures:
            return True
        name = next(iter(figures))
        return figures[name] > self._best_figures[name]

    def _autocast(self) -> torch.autocast:
        kind = _AUTOCAST.get(self.settings.precision)
        return torch.autocast(self._device.type, dtype=kind, enabled=kind is not None)

    def _save(self) -> None:
        if process_rank() != 0:
            return
        state = {
            "step": self.step,
            "meant": self._meant,
            "weights": self._trained_weights(),
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "best_step": self._best_step,
            "best_figures": self._best_figures,
        }
        save_checkpoint(self.folder / CHECKPOINT_FILE, state)

    def _resume(self) -> None:
        state = load_checkpoint(self.folder / CHECKPOINT_FILE, self._meant, self._device)
        if state is None:
            return
        self.step = state["step"]
        self.task.modules.load_state_dict(state["weights"], strict=False)
        self._optimiser.load_state_dict(state["optimiser"])
        self._scaler.load_state_dict(state["scaler"])
        self._best_step, self._best_figures = state["best_step"], state["best_figures"]

    def _trained_weights(self) -> dict[str, torch.Tensor]:
        """All tensors that a run may change: frozen ones come from the model itself."""
        frozen = {
            name
            for name, parameter in self.task.modules.named_parameters()
            if not parameter.requires_grad
        }
        state = self.task.modules.state_dict()
        return {name: tensor for name, tensor in state.items() if name not in frozen}


def _share_weights(modules: nn.Module) -> None:
    """Start every process from the first one's weights."""
    if process_count() > 1:
        for tensor in modules.state_dict().values():
            distributed.broadcast(tensor, src=0)


def _check_same_step(step: int, device: torch.device) -> None:
    """Raises KinodexError when not all processes found the same checkpoint."""
    found = gather_with_gradient(torch.tensor([step], device=device))
    if (found != step).any():
        raise KinodexError(
            "the processes do not see the same checkpoint: give an output folder that all share"
        )


def _any_process(wish: bool, device: torch.device) -> bool:
    """Whether any process wishes it. All must stop after the same step, or the rest would hang."""
    if process_count() == 1:
        return wish
    wishes = torch.tensor(int(wish), device=device)
    distributed.all_reduce(wishes)
    return bool(wishes.item())
