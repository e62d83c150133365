"""What a head is made of, as a value that can be stored beside its weights."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from models.errors import KinodexError


class HeadName(StrEnum):
    """The heads for search."""

    MEAN = "meanP"
    LSTM = "seqLSTM"
    TRANSFORMER = "seqTransf"
    TIGHT = "tightTransf"


class ActionHeadName(StrEnum):
    """The heads for actions."""

    MEAN = "MeanP"
    CONVOLUTION = "Conv1D"
    LSTM = "LSTM"
    TRANSFORMER = "Transf"
    CLASS_TOKEN = "Transf_cls"  # noqa: S105 - no password


HEAD_NAMES = tuple(one.value for one in HeadName)
LOOSE = tuple(name for name in HEAD_NAMES if name != HeadName.TIGHT)
ACTION_HEADS = tuple(one.value for one in ActionHeadName)
ACTIVATIONS = ("quick_gelu", "gelu", "gelu_tanh")

_CHANNELS_PER_ATTENTION_HEAD = 64
_FEED_FORWARD_RATIO = 4
_LEAST = {"dim": 1, "blocks": 1, "positions": 2, "attention_heads": 0, "feed_forward": 0}
_MOST_BLOCKS = 1000  # far beyond any transformer; a million would take minutes to describe
# Other heads are described without these, as they were before there was a Transf_cls: the
# fingerprint of a stored head is taken of its description.
_OF_TRANSF_CLS_ONLY = ("feed_forward", "dropout")


class InvalidHeadConfig(KinodexError, ValueError):
    """A description of a head that no head can be built from."""


@dataclass(frozen=True)
class HeadConfig:
    """One of the heads of CLIP4Clip (arXiv 2104.08860, section 3.3) or ActionCLIP (2109.08472).

    A head reads what concerns it: meanP and MeanP only `name` and `dim`; seqLSTM, LSTM and Conv1D
    also `gated` and `standardised`; tightTransf all but `gated`; Transf_cls has an epsilon and an
    activation of its own.

    name: one of `HEAD_NAMES` for retrieval, of `ACTION_HEADS` for actions
    dim: width of the embeddings that it is fed
    blocks: transformer blocks
    attention_heads: per block; left out, one per 64 channels as in CLIP
    positions: rows of the position table; the first one is the text's in tightTransf, and the
        class token's in Transf_cls
    layer_norm_epsilon: 1e-12 as in the published heads (open_clip's own blocks have 1e-5)
    activation: "quick_gelu" (OpenAI's weights), "gelu" or "gelu_tanh"
    gated: the temporal part enters through a gate that starts at 0: the head starts as a mean
    standardised: inputs are first brought to mean 0 and deviation 1; see `LooseHead.fit_inputs`
    feed_forward: inner width of Transf_cls; left out, four times `dim` (2048 at 512, as published)
    dropout: what Transf_cls drops in training

    Raises InvalidHeadConfig.
    """

    name: str
    dim: int
    _: KW_ONLY
    blocks: int = 4
    attention_heads: int = 0
    positions: int = 77
    layer_norm_epsilon: float = 1e-12
    activation: str = "quick_gelu"
    gated: bool = False
    standardised: bool = False
    feed_forward: int = 0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        self._check_choice("name", (*HEAD_NAMES, *ACTION_HEADS))
        self._check_choice("activation", ACTIVATIONS)
        for name, least in _LEAST.items():
            self._check_number(name, least)
        if self.blocks > _MOST_BLOCKS:
            raise InvalidHeadConfig(f"a head has at most {_MOST_BLOCKS} blocks, not {self.blocks}")
        if not 0 <= self.dropout < 1:
            raise InvalidHeadConfig(f"a head's dropout must be from 0 to 1, not {self.dropout!r}")
        if not 0 <= self.layer_norm_epsilon < 1:
            raise InvalidHeadConfig(
                f"a head's layer_norm_epsilon must be from 0 to 1, not {self.layer_norm_epsilon!r}"
            )
        if self.attention_heads == 0:
            object.__setattr__(self, "attention_heads", _attention_heads(self.dim))
        if self.feed_forward == 0:
            object.__setattr__(self, "feed_forward", _FEED_FORWARD_RATIO * self.dim)
        if self.dim % self.attention_heads:
            raise InvalidHeadConfig(
                f"{self.attention_heads} attention heads do not divide a width of {self.dim}"
            )

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` makes the same configuration of; fit for JSON."""
        left_out = () if self.name == "Transf_cls" else _OF_TRANSF_CLS_ONLY
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "HeadConfig":
        """The configuration that `to_dict` described. Raises InvalidHeadConfig."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InvalidHeadConfig(f"a head has no property {', '.join(unknown)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise InvalidHeadConfig(f"the description of a head is incomplete: {error}") from error

    def _check_number(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if type(value) is not int or value < least:
            raise InvalidHeadConfig(
                f"a head's {name} must be a whole number from {least} up, not {value!r}"
            )

    def _check_choice(self, name: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, name) not in allowed:
            raise InvalidHeadConfig(
                f"a head's {name} cannot be {getattr(self, name)!r}: choose {', '.join(allowed)}"
            )


def _attention_heads(dim: int) -> int:
    """One per 64 channels, or the next smaller number that divides the width."""
    wanted = max(1, dim // _CHANNELS_PER_ATTENTION_HEAD)
    return next(count for count in range(wanted, 0, -1) if dim % count == 0)
