"""Heads that make one embedding of a video's frames: what they share, and those for retrieval."""

from abc import ABC, abstractmethod

import torch
from torch import nn

from models.frame_sets import Standardisation, unit_mean, without_padding
from models.heads.blocks import Initialisation, PositionedTransformer
from models.heads.config import HeadConfig
from models.heads.positions import FramePlaces


class LooseHead(FramePlaces, nn.Module, ABC):
    """Frame embeddings in, one unit embedding per video out; cosines then compare it with texts.

    `initialisation` says what was copied from a text tower.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.initialisation = Initialisation()

    def forward(self, frame_embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Unit video embeddings, (videos, dim).

        The fused frames are scaled to unit length one by one, averaged, and scaled again; heads
        for actions leave out the first scaling. Padding may stand anywhere and hold anything.
        Half precision is widened.

        frame_embeddings: (videos, frames, dim), un-normalised, any number of frames
        mask: bool (videos, frames), True where a frame is valid

        Raises EmptyVideo for videos without a valid frame.
        """
        return self._pool(*self._fuse(without_padding(frame_embeddings, mask), mask))

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

    def _pool(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return unit_mean(frames, mask)

    @abstractmethod
    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames after fusing over time, and which of them count. Padding comes as zeros."""


class MeanPool(LooseHead):
    """meanP: the frames as they are. No parameters."""

    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return frames, mask


class TemporalHead(LooseHead):
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


class OrderedTemporalHead(TemporalHead):
    """A temporal part that runs over the valid frames in order, gaps closed, the padding behind."""

    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        order = (~mask).byte().argsort(dim=1, stable=True)[:, : int(mask.sum(dim=1).max())]
        return super()._fuse(frames.take_along_dim(order.unsqueeze(-1), 1), mask.gather(1, order))


class SequenceLstm(OrderedTemporalHead):
    """seqLSTM: one layer, one direction."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.lstm = nn.LSTM(config.dim, config.dim, batch_first=True)

    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        # What the LSTM makes of padding comes too late to matter, so nothing need be packed.
        if frames.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return self.lstm(frames)[0]
        # Many processors have no LSTM in half precision: oneDNN then refuses to make one.
        with torch.autocast("cpu", enabled=False):
            return self.lstm(frames.float())[0]


class SequenceTransformer(TemporalHead):
    """seqTransf: positions added, then transformer blocks.

    Positions past those that were learnt are interpolated (`positions.FramePlaces`).
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.transformer = PositionedTransformer(config)

    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.transformer(frames + self.places(mask), mask)
        return hidden

    def frame_table(self) -> torch.Tensor:
        return self.transformer.positions


LOOSE_HEADS: dict[str, type[LooseHead]] = {
    "meanP": MeanPool,
    "seqLSTM": SequenceLstm,
    "seqTransf": SequenceTransformer,
}
