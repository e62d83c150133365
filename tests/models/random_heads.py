"""Small heads and clips with random numbers everywhere, so that no term can hide behind a zero."""

from typing import Any

import torch

from models.heads.config import HeadConfig
from models.heads.loose import LooseHead
from models.heads.make import make_head
from models.heads.tight import TightTransf

DIM = 32
ATTENTION_HEADS = 2
MASK = torch.tensor(
    [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0]]
).bool()
# As padding may look after a decoder failed.
GARBAGE = (float("nan"), float("inf"), -float("inf"), 1e30, 7.0)


def random_head(name: str, **options: Any) -> LooseHead | TightTransf:
    """A head in evaluation mode, with every parameter drawn anew; the same one every time."""
    config = HeadConfig(name, DIM, **{"blocks": 2, "attention_heads": ATTENTION_HEADS, **options})
    head = make_head(config)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(std=0.3)
    return head.eval()


def random_clips(count: int = 4, frames: int = 6, *, seed: int = 1) -> torch.Tensor:
    """Frame embeddings (count, frames, DIM) of the size that CLIP's have."""
    return 0.5 * torch.randn(count, frames, DIM, generator=torch.Generator().manual_seed(seed))


def random_texts(count: int = 3) -> torch.Tensor:
    """Text embeddings (count, DIM)."""
    return 0.5 * torch.randn(count, DIM, generator=torch.Generator().manual_seed(2))


def with_padding_of(clips: torch.Tensor, mask: torch.Tensor, value: float) -> torch.Tensor:
    """The same clips with one value all over their padding."""
    return clips.masked_fill(~mask.unsqueeze(-1), value)
