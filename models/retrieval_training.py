"""Training of text-video retrieval: the model's forward pass and its loss (CLIP4Clip)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from models.cached_gradients import backward_in_chunks
from models.clip4clip import LooseHead
from models.distributed import gather_with_gradient, process_count, process_rank
from models.losses import (
    LARGEST_LOGIT_SCALE,
    clamp_logit_scale_,
    contrastive_loss,
    same_video,
    sigmoid_loss,
)
from models.optimisation import freeze_below, freeze_image_tower, parameter_groups, trainable
from models.pair_batch import BatchSource, PairBatch
from models.patches import encode_clips
from models.preprocess import Preprocessing
from models.text import TextEncoder
from models.tight import TightTransf
from models.training import StepReport, Task, Trainer, TrainingSettings


class RetrievalModel(nn.Module):
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
        # The tokenizer's place stays empty: batches bring token ids.
        self._text_encoder = None if backbone is None else TextEncoder(backbone, _no_tokenizer)

    def train(self, mode: bool = True) -> "RetrievalModel":
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
        encoder = self._text_encoder
        if encoder is None or self.backbone is None:
            raise ValueError("token ids need a backbone")
        if encoder.can_shorten:
            return encoder.encode_shortened(texts).float()
        return self.backbone.encode_text(texts).float()  # type: ignore[operator]

    def embed_frames(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pixels (videos, frames, 3, h, w) uint8, or embeddings → (videos, frames, dim) float32.

        Padding frames are not encoded; their embeddings are zero.
        """
        if frames.is_floating_point():
            return frames.float()
        if self.backbone is None or self.preprocessing is None:
            raise ValueError("pixels need a backbone and its preprocessing")
        pictures = self.preprocessing.normalise(frames.flatten(0, 1)).unflatten(0, mask.shape)
        return encode_clips(self.backbone.visual, pictures, mask).float()

    def embed_videos(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What a loose head makes of the frames: unit embeddings (videos, dim)."""
        embeddings: torch.Tensor = self.head(self.embed_frames(frames, mask), mask)
        return embeddings

    def logits(self, text_embeddings: torch.Tensor, videos: torch.Tensor) -> torch.Tensor:
        """Scaled cosines (texts, videos) of texts and a loose head's video embeddings."""
        texts = F.normalize(text_embeddings.float(), dim=-1)
        # Logits go up to 100, where bfloat16 knows steps of a half only.
        with torch.autocast(texts.device.type, enabled=False):
            scaled = self.logit_scale.exp() * texts @ videos.float().T
        return scaled if self.logit_bias is None else scaled + self.logit_bias


class RetrievalTask(Task):
    """A retrieval model and its batches, as the training loop sees them."""

    def __init__(
        self,
        model: RetrievalModel,
        source: BatchSource,
        settings: TrainingSettings,
        *,
        validate: Callable[[RetrievalModel], dict[str, float]] | None,
        export: Callable[[RetrievalModel, Path, dict[str, float]], None] | None,
    ) -> None:
        self.model = self.modules = model
        self._source = source
        self._settings = settings
        self._validate = validate
        self._export = export
        _choose_what_trains(model, settings)
        model.train()

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
            groups += parameter_groups(
                self.model.backbone,
                learning_rate=self._settings.backbone_learning_rate,
                weight_decay=decay,
            )
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
        device = self.model.logit_scale.device
        mask = batch.mask[rows].to(device)
        texts = self.model.embed_texts(batch.texts[rows].to(device))
        frames = batch.frames[rows].to(device)
        if isinstance(self.model.head, TightTransf):
            return texts, self.model.embed_frames(frames, mask)
        return texts, self.model.embed_videos(frames, mask)

    def _loss(self, batch: PairBatch, embeddings: Sequence[torch.Tensor]) -> torch.Tensor:
        texts, videos = embeddings
        device = texts.device
        ids = batch.video_ids.to(device)
        positives = same_video(ids, ids)
        ignored = None if batch.ignored is None else batch.ignored.to(device)
        if isinstance(self.model.head, TightTransf):
            # Each process scores its own texts against all videos: the costly part is shared.
            mask = batch.mask.to(device)
            scores = self.model.head(texts, gather_with_gradient(videos), mask)
            return contrastive_loss(
                gather_with_gradient(scores.float()), positives=positives, ignored=ignored
            )
        logits = self.model.logits(gather_with_gradient(texts), gather_with_gradient(videos))
        loss = contrastive_loss if self.model.logit_bias is None else sigmoid_loss
        return loss(logits, positives=positives, ignored=ignored)


class RetrievalTrainer(Trainer):
    """Trains a retrieval model on the pairs of a source; `run()` starts it or goes on."""

    def __init__(
        self,
        model: RetrievalModel,
        source: BatchSource,
        settings: TrainingSettings,
        folder: Path,
        *,
        validate: Callable[[RetrievalModel], dict[str, float]] | None = None,
        export: Callable[[RetrievalModel, Path, dict[str, float]], None] | None = None,
        on_step: Callable[[StepReport], None] = lambda _: None,
        origin: dict[str, str] | None = None,
    ) -> None:
        """`validate` gives figures of the model in evaluation mode; the first one chooses the best.

        `export` writes the model into the folder each time that a validation finds it better than
        before, and at the end where there is no validation. `origin` names data and model: see
        `Trainer`.
        """
        task = RetrievalTask(model, source, settings, validate=validate, export=export)
        super().__init__(task, settings, folder, on_step=on_step, origin=origin)


def _no_tokenizer(_: list[str]) -> torch.Tensor:
    raise ValueError("batches bring token ids")


def _scale_and_bias(backbone: nn.Module | None, usual: float) -> tuple[float, float | None]:
    # Some models keep a scale of shape (1,), and most have no bias.
    scale, bias = (getattr(backbone, name, None) for name in ("logit_scale", "logit_bias"))
    return (
        usual if scale is None else float(scale.detach().reshape(())),
        None if bias is None else float(bias.detach().reshape(())),
    )


def _choose_what_trains(model: RetrievalModel, settings: TrainingSettings) -> None:
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
    for name in ("logit_scale", "logit_bias"):
        if (own := getattr(backbone, name, None)) is not None:
            own.requires_grad_(False)  # the retrieval model has its own


def _own_rows(count: int) -> range:
    """The rows of a batch that this process encodes.

    Raises ValueError when the processes would have shares of different size.
    """
    processes = process_count()
    if count % processes:
        raise ValueError(f"a batch of {count} pairs cannot be shared by {processes} processes")
    size = count // processes
    return range(process_rank() * size, (process_rank() + 1) * size)
