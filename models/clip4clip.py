"""Fusing frame embeddings into one per video: the loose heads of CLIP4Clip (arXiv 2104.08860)."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from models.blocks import (
    Initialisation,
    PositionedTransformer,
    frame_positions,
    read_text_tower,
)
from models.frame_sets import (
    EmptyVideo,
    Standardisation,
    at_least_float32,
    unit_mean,
    without_padding,
)
from models.head_config import HEAD_NAMES, LOOSE, HeadConfig, InvalidHeadConfig
from models.tight import TightTransf

__all__ = [
    "HEAD_NAMES",
    "LOOSE",
    "EmptyVideo",
    "HeadConfig",
    "InvalidHeadConfig",
    "LooseHead",
    "MeanPool",
    "SequenceLstm",
    "SequenceTransformer",
    "TightTransf",
    "make_head",
    "query_aware_similarity",
]

# CLIP's own temperature, as its logit scale ends at 100: the weights are then the probabilities
# with which the model would pick each frame for the text.
_QUERY_TEMPERATURE = 0.01


class LooseHead(nn.Module, ABC):
    """Frame embeddings in, one unit embedding per video out; cosines then compare it with texts.

    `initialisation` says what was copied from a text tower.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.initialisation = Initialisation()

    def forward(self, frame_embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Unit video embeddings, (videos, dim).

        The fused frames are scaled to unit length one by one, averaged, and scaled again.
        Padding may stand anywhere and hold anything. Half precision is widened.

        frame_embeddings: (videos, frames, dim), un-normalised, any number of frames
        mask: bool (videos, frames), True where a frame is valid

        Raises EmptyVideo for videos without a valid frame.
        """
        frames, kept = self._fuse(without_padding(frame_embeddings, mask), mask)
        return unit_mean(frames, kept)

    def fit_inputs(
        self,
        frame_embeddings: torch.Tensor,
        mask: torch.Tensor,
        text_embeddings: torch.Tensor | None = None,
    ) -> None:
        """Measures the natural mean and deviation of frames, once, before training.

        Does nothing unless the head is standardised. Texts are for tightTransf only.

        frame_embeddings: (videos, frames, dim); mask: bool (videos, frames)
        """

    @abstractmethod
    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames after fusing over time, and which of them count. Padding comes as zeros."""


class MeanPool(LooseHead):
    """meanP: the frames as they are. No parameters."""

    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return frames, mask


class _TemporalHead(LooseHead):
    """A temporal part added to the frames: u = v + temporal(v).

    standardised: u = v / scale + temporal((v - mean) / deviation), scale being the mean
    deviation; so both terms are of one size whatever model the frames come from.
    gated: u = … + gate · temporal(…), with one gate per channel, 0 at first.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.inputs = Standardisation(config.dim) if config.standardised else None
        self.gate = nn.Parameter(torch.zeros(config.dim)) if config.gated else None

    def fit_inputs(
        self,
        frame_embeddings: torch.Tensor,
        mask: torch.Tensor,
        text_embeddings: torch.Tensor | None = None,
    ) -> None:
        if self.inputs is not None:
            self.inputs.fit(frame_embeddings, mask)

    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = residual = frames
        if self.inputs is not None:
            inputs, residual = self.inputs(frames), frames / self.inputs.scale
        temporal = self._temporal(inputs, mask)
        if self.gate is not None:
            temporal = self.gate * temporal
        return residual + temporal, mask

    @abstractmethod
    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(videos, frames, dim) → the same shape."""


class SequenceLstm(_TemporalHead):
    """seqLSTM: one layer, one direction, over the valid frames in order."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.lstm = nn.LSTM(config.dim, config.dim, batch_first=True)

    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # With the valid frames in front, what the LSTM makes of padding comes too late to matter,
        # so the sequences need not be packed.
        order = (~mask).byte().argsort(dim=1, stable=True)[:, : int(mask.sum(dim=1).max())]
        return super()._fuse(frames.take_along_dim(order.unsqueeze(-1), 1), mask.gather(1, order))

    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.lstm(frames)[0]
        return hidden


class SequenceTransformer(_TemporalHead):
    """seqTransf: positions added, then transformer blocks.

    Positions past the table are interpolated (`blocks.frame_positions`).
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.transformer = PositionedTransformer(config)

    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        placed = frames + frame_positions(self.transformer.positions, mask)
        hidden: torch.Tensor = self.transformer(placed, mask)
        return hidden


def make_head(config: HeadConfig, *, text_tower: Any = None) -> LooseHead | TightTransf:
    """A new head, in training mode.

    The blocks and positions of seqTransf and tightTransf begin as copies of those of
    `text_tower`, an open_clip model or its text tower, as far as shapes agree; blocks that
    are copied bring the tower's activation with them. What is not copied begins as CLIP
    does. `head.initialisation` and `head.config` tell what came of it.
    """
    if config.name == "meanP":
        return MeanPool(config)
    if config.name == "seqLSTM":
        return SequenceLstm(config)
    make = SequenceTransformer if config.name == "seqTransf" else TightTransf
    if text_tower is None:
        return make(config)
    start = read_text_tower(config, text_tower)
    head = make(replace(config, activation=start.activation or config.activation))
    head.transformer.begin_like(start)
    head.initialisation = start.report
    return head


def query_aware_similarity(
    text_embeddings: torch.Tensor,
    frame_embeddings: torch.Tensor,
    mask: torch.Tensor,
    *,
    temperature: float = _QUERY_TEMPERATURE,
) -> torch.Tensor:
    """Cosines of texts with videos whose frames are weighted by how well they fit the text.

    The weights are a softmax over the frames of their cosines with the text, divided by
    `temperature` (query scoring, arXiv 2205.08508). Large temperatures give meanP, small
    ones the best frame alone.

    text_embeddings: (texts, dim); frame_embeddings: (videos, frames, dim)
    mask: bool (videos, frames)
    returns: (texts, videos)

    Raises EmptyVideo.
    """
    texts = F.normalize(at_least_float32(text_embeddings), dim=-1)
    frames = F.normalize(without_padding(frame_embeddings, mask), dim=-1)
    cosines = torch.einsum("td,vfd->tvf", texts, frames)
    weights = (cosines / temperature).masked_fill(~mask, -torch.inf).softmax(dim=-1)
    # The length of each weighted mean, from the frames' cosines with each other: the means
    # themselves would be texts × videos × dim numbers.
    between = frames @ frames.mT
    squared = (torch.einsum("tvf,vfg->tvg", weights, between) * weights).sum(dim=-1)
    return (weights * cosines).sum(dim=-1) / squared.clamp_min(1e-12).sqrt()
