"""Heads for actions: the post-network prompts of ActionCLIP (arXiv 2109.08472, section 3.2).

Unlike the heads for retrieval they average the fused frames as they are: frames are not scaled
to unit length first. They take nothing from a text tower.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from models.frame_sets import mean_direction
from models.heads.blocks import STANDARDISED_POSITION_DEVIATION
from models.heads.config import HeadConfig
from models.heads.loose import (
    LooseHead,
    MeanPool,
    OrderedTemporalHead,
    SequenceLstm,
    SequenceTransformer,
    TemporalHead,
)

_INITIAL_DEVIATION = 0.02
_FRAMES_SEEN = 3  # by Conv1D: a frame, the one before and the one after


class ActionHead(LooseHead):
    """A loose head whose video embedding is the mean of the fused frames, scaled to unit length.

    A gated one starts exactly as MeanP, so it is fit for labels that it was not trained on.
    """

    def _pool(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return mean_direction(frames, mask)


class ActionMean(ActionHead, MeanPool):
    """MeanP: the frames as they are. No parameters; blind to their order."""


class ActionConvolution(ActionHead, OrderedTemporalHead):
    """Conv1D: every channel mixed with itself one frame before and after. Depthwise, no bias.

    It begins as a shift: the first quarter of the channels copies the frame before, the last
    quarter the frame after, the others the frame itself. Before the first frame and after the
    last there is nothing: zeros.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.convolution = nn.Conv1d(
            config.dim, config.dim, _FRAMES_SEEN, padding=1, groups=config.dim, bias=False
        )
        quarter = config.dim // 4
        with torch.no_grad():
            self.convolution.weight.zero_()
            self.convolution.weight[:quarter, :, 0] = 1.0
            self.convolution.weight[quarter : config.dim - quarter, :, 1] = 1.0
            self.convolution.weight[config.dim - quarter :, :, 2] = 1.0

    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        # Standardising has made something of the zeros behind the last frame.
        ended = frames.masked_fill(~mask.unsqueeze(-1), 0.0)
        mixed: torch.Tensor = self.convolution(ended.mT).mT
        return mixed


class ActionLstm(ActionHead, SequenceLstm):
    """LSTM: one layer, one direction, over the valid frames in order."""


class ActionTransformer(ActionHead, SequenceTransformer):
    """Transf: positions added, then transformer blocks, begun with small random weights."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        if not config.standardised:
            nn.init.normal_(self.transformer.positions, std=_INITIAL_DEVIATION)
        blocks: Any = self.transformer.blocks
        for block in blocks:
            nn.init.xavier_uniform_(block.attn.in_proj_weight)
            for layer in (block.attn.out_proj, block.mlp.c_fc, block.mlp.c_proj):
                nn.init.normal_(layer.weight, std=_INITIAL_DEVIATION)


class ActionClassToken(ActionHead, TemporalHead):
    """Transf_cls: a class token before the frames gathers them in a post-norm transformer.

    The video's embedding is the token alone, without the frames beside it; only the gated
    variant adds it to their mean.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        self.class_token = nn.Parameter(torch.empty(config.dim))
        self.positions = nn.Parameter(torch.empty(config.positions, config.dim))
        layers: Any = [_encoder_layer(config) for _ in range(config.blocks)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(config.dim)
        _draw(self.class_token)
        if config.standardised:
            nn.init.normal_(self.positions, std=STANDARDISED_POSITION_DEVIATION)
        else:
            _draw(self.positions)
        for layer in layers:
            for linear in (layer.self_attn.out_proj, layer.linear1, layer.linear2):
                _draw(linear.weight)

    def _fuse(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.gate is not None:
            return super()._fuse(frames, mask)
        inputs = frames if self.inputs is None else self.inputs(frames)
        return self._temporal(inputs, mask), mask.any(dim=1, keepdim=True)

    def frame_table(self) -> torch.Tensor:
        return self.positions[1:]

    def _temporal(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What the class token has gathered, (videos, 1, dim)."""
        placed = frames + self.places(mask)
        token = (self.class_token + self.positions[0]).expand(len(frames), 1, -1)
        hidden = torch.cat([token, placed], dim=1)
        padding = F.pad(~mask, (1, 0), value=False)
        for layer in self.layers:
            hidden = layer(hidden, src_key_padding_mask=padding)
        gathered: torch.Tensor = self.norm(hidden[:, :1])
        return gathered


def make_action_head(config: HeadConfig) -> ActionHead:
    """A new head of the name that the configuration gives, in training mode."""
    return _HEADS[config.name](config)


_HEADS: dict[str, type[ActionHead]] = {
    "MeanP": ActionMean,
    "Conv1D": ActionConvolution,
    "LSTM": ActionLstm,
    "Transf": ActionTransformer,
    "Transf_cls": ActionClassToken,
}


def _encoder_layer(config: HeadConfig) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        config.dim, config.attention_heads, config.feed_forward, config.dropout, batch_first=True
    )


def _draw(weights: torch.Tensor) -> None:
    """Normal numbers within two deviations."""
    limit = 2 * _INITIAL_DEVIATION
    nn.init.trunc_normal_(weights, std=_INITIAL_DEVIATION, a=-limit, b=limit)
