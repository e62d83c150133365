"""What the trainings of text and video share: the model's forward pass, batches, gradients."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.nn import functional as F

from models.clip.preprocess import Preprocessing
from models.clip.text import encode_tokens
from models.heads.loose import LooseHead
from models.heads.tight import TightTransf
from models.towers.patches import encode_clips
from models.training.batches import BatchSource, PairBatch
from models.training.cached_gradients import backward_in_chunks
from models.training.distributed import process_count, process_rank
from models.training.loop import StepReport, Task, Trainer, TrainingSettings
from models.training.losses import LARGEST_LOGIT_SCALE, clamp_logit_scale_
from models.training.optimisation import (
    freeze_below,
    freeze_image_tower,
    freeze_text_tower,
    parameter_groups,
    trainable,
)


class TextVideoModel(nn.Module):
    """An open_clip model, a head, and a logit scale of their own that starts as the model's.

    Without a backbone only batches of ready embeddings can be used.
    """

    def __init__(
        self,
        head: LooseHead | TightTransf,
        *,
        backbone: nn.Module | None = None,
        preprocessing: Preprocessing | None = None,
        logit_scale: float = LARGEST_LOGIT_SCALE,
    ) -> None:
        """`preprocessing` is needed for pixels; `logit_scale` is for models without a backbone."""
        super().__init__()
        self.head = head
        self.backbone = backbone
        self.preprocessing = preprocessing
        scale, bias = _scale_and_bias(backbone, logit_scale)
        self.logit_scale = nn.Parameter(torch.tensor(scale))
        self.logit_bias = None if bias is None else nn.Parameter(torch.tensor(bias))

    def train(self, mode: bool = True) -> "TextVideoModel":
        """Like any module's, but a frozen backbone and all batch norms stay as for inference.

        The frames of a few videos are no fair sample of pictures to take statistics of.
        """
        super().train(mode)
        if self.backbone is not None and not trainable(self.backbone.parameters()):
            self.backbone.eval()
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def embed_texts(self, texts: torch.Tensor) -> torch.Tensor:
        """Token ids (texts, context), or ready embeddings → (texts, dim), not normalised."""
        if texts.is_floating_point():
            return texts.float()
        if self.backbone is None:
            raise ValueError("token ids need a backbone")
        return encode_tokens(self.backbone, texts).float()

    def embed_frames(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pixels (videos, frames, 3, h, w) uint8, or embeddings → (videos, frames, dim) float32.

        Padding frames are not encoded; their embeddings are zero.
        """
        if frames.is_floating_point():
            return frames.float()
        visual, pictures = self._pictures(frames)
        return encode_clips(visual, pictures, mask).float()

    def embed_videos(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What a loose head makes of the frames: unit embeddings (videos, dim)."""
        embeddings: torch.Tensor = self.head(self.embed_frames(frames, mask), mask)
        return embeddings

    def logits(self, text_embeddings: torch.Tensor, videos: torch.Tensor) -> torch.Tensor:
        """Scaled cosines (texts, videos) of texts and a loose head's video embeddings."""
        texts = F.normalize(text_embeddings.float(), dim=1)
        # Logits go up to 100, where bfloat16 knows steps of a half only.
        with torch.autocast(texts.device.type, enabled=False):
            scaled = self.logit_scale.exp() * texts @ videos.float().T
        return scaled if self.logit_bias is None else scaled + self.logit_bias

    def _pictures(self, pixels: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """The picture tower, and the pixels as it wants them."""
        if self.backbone is None or self.preprocessing is None:
            raise ValueError("pixels need a backbone and its preprocessing")
        normalised = self.preprocessing.normalise(pixels.flatten(0, 1))
        return self.backbone.visual, normalised.unflatten(0, pixels.shape[:2])


Model = TypeVar("Model", bound=TextVideoModel)


class TextVideoTask(Task, Generic[Model]):
    """A model and its batches of pairs, as the training loop sees them; the loss is left open."""

    def __init__(
        self,
        model: Model,
        source: BatchSource[PairBatch],
        settings: TrainingSettings,
        *,
        validate: Callable[[Model], dict[str, float]] | None = None,
        export: Callable[[Model, Path, dict[str, float]], None] | None = None,
    ) -> None:
        """`validate` gives figures of the model in evaluation mode; the first one chooses the best.

        `export` writes the model into the folder each time that a validation finds it better than
        before, and at the end where there is no validation.
        """
        self.model = self.modules = model
        self._source = source
        self._settings = settings
        self._validate = validate
        self._export = export
        self.meant: dict[str, str] = {}  # what a run must have in common with the one it goes on
        _choose_what_trains(model, settings)
        model.train()

    def trainer(
        self,
        folder: Path,
        *,
        on_step: Callable[[StepReport], None] = lambda _: None,
        origin: dict[str, str] | None = None,
    ) -> Trainer:
        """Its `run()` starts the training in a folder or goes on; `origin`: see `Trainer`."""
        origin = self.meant | (origin or {})
        return Trainer(self, self._settings, folder, on_step=on_step, origin=origin)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The head and logit scale at the head's rate, the backbone at its own."""
        own = nn.ModuleDict({"head": self.model.head})
        own.register_parameter("logit_scale", self.model.logit_scale)
        own.register_parameter("logit_bias", self.model.logit_bias)
        decay = self._settings.weight_decay
        groups = parameter_groups(
            own, learning_rate=self._settings.head_learning_rate, weight_decay=decay
        )
        if self.model.backbone is not None:
            groups += _backbone_groups(self.model.backbone, self._settings)
        return groups

    def accumulate_gradients(
        self, step: int, scale: Callable[[torch.Tensor], torch.Tensor]
    ) -> float:
        """See `Task`. The negatives are all pairs of the batch, whatever chunk and processes."""
        batch = self._source.batch(step)
        rows = _own_rows(len(batch))
        chunk = self._settings.chunk or len(rows)
        chunks = [slice(start, min(start + chunk, rows.stop)) for start in rows[::chunk]]
        found: list[torch.Tensor] = []

        def scaled_loss(*embeddings: torch.Tensor) -> torch.Tensor:
            found.append(self._loss(batch, embeddings))
            return scale(found[0])

        backward_in_chunks([partial(self._encode, batch, rows) for rows in chunks], scaled_loss)
        return float(found[0].detach())

    def after_update(self) -> None:
        """Bound the logit scale."""
        clamp_logit_scale_(self.model.logit_scale)

    def validate(self) -> dict[str, float]:
        """What the given function says of the model; nothing without one."""
        return self._validate(self.model) if self._validate else {}

    def export(self, folder: Path, figures: dict[str, float]) -> None:
        """Leave it to the given function."""
        if self._export:
            self._export(self.model, folder, figures)

    def _encode(self, batch: PairBatch, rows: slice) -> tuple[torch.Tensor, ...]:
        """Embeddings of texts and videos of these rows, with their graph."""
        device = self.model.logit_scale.device
        texts = self.model.embed_texts(batch.texts[rows].to(device))
        return texts, self._encode_videos(
            batch.frames[rows].to(device), batch.mask[rows].to(device)
        )

    def _encode_videos(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model.embed_videos(frames, mask)

    @abstractmethod
    def _loss(self, batch: PairBatch, embeddings: Sequence[torch.Tensor]) -> torch.Tensor:
        """The whole batch's loss from this process's embeddings: the same in every process."""


def _backbone_groups(backbone: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Both towers at the backbone's rate, or each at its own."""
    decay, usual = settings.weight_decay, settings.backbone_learning_rate
    text, pictures = settings.text_learning_rate, settings.picture_learning_rate
    if text is None and pictures is None:
        return parameter_groups(backbone, learning_rate=usual, weight_decay=decay)
    visual = backbone.get_submodule("visual")
    return [
        *parameter_groups(
            visual, learning_rate=usual if pictures is None else pictures, weight_decay=decay
        ),
        *parameter_groups(
            backbone,
            learning_rate=usual if text is None else text,
            weight_decay=decay,
            besides=visual.parameters(),
        ),
    ]


def _scale_and_bias(backbone: nn.Module | None, usual: float) -> tuple[float, float | None]:
    # Some models keep a scale of shape (1,), and most have no bias.
    scale, bias = (getattr(backbone, name, None) for name in ("logit_scale", "logit_bias"))
    return (
        usual if scale is None else float(scale.detach().reshape(())),
        None if bias is None else float(bias.detach().reshape(())),
    )


def _choose_what_trains(model: TextVideoModel, settings: TrainingSettings) -> None:
    is_tight = isinstance(model.head, TightTransf)
    model.logit_scale.requires_grad_(not is_tight)  # a tight head's scores are no cosines
    if model.logit_bias is not None:
        model.logit_bias.requires_grad_(not is_tight)
    backbone = model.backbone
    if backbone is None:
        return
    if settings.tune == "head":
        backbone.requires_grad_(False)
        return
    freeze_below(backbone, settings.freeze_below)
    if settings.tune == "text":
        freeze_image_tower(backbone)
    if settings.tune == "pictures":
        freeze_text_tower(backbone)
    for name in ("logit_scale", "logit_bias"):
        if (own := getattr(backbone, name, None)) is not None:
            own.requires_grad_(False)  # this model has its own


def _own_rows(count: int) -> range:
    """The rows of a batch that this process encodes.

    Raises ValueError when the processes would have shares of different size.
    """
    processes = process_count()
    if count % processes:
        raise ValueError(f"a batch of {count} pairs cannot be shared by {processes} processes")
    size = count // processes
    return range(process_rank() * size, (process_rank() + 1) * size)
