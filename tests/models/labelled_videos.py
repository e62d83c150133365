"""Random labelled videos and a tiny action model, for the tests of action training."""

from typing import Any

import open_clip
import torch

from models.clip.preprocess import Preprocessing
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.labels.label_texts import LabelTexts
from models.towers.joint_tokens import use_joint_space_time
from models.towers.temporal_shift import use_temporal_shift
from models.training.actions import ActionModel
from models.training.batches import LabelledBatch

DIM, FRAMES, CONTEXT, LABELS, TEMPLATES, SENTENCES = 16, 4, 8, 5, 3, 2
CONFIG = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": 16, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
}


class LabelledVideos:
    """Random videos; of every eight, one has two labels, one has none, and two share theirs."""

    steps_per_epoch = 5

    def __init__(self, *, size: int = 8, pixels: bool = False) -> None:
        self.size, self.pixels = size, pixels

    def batch(self, step: int) -> LabelledBatch:
        """Of a step."""
        draw = torch.Generator().manual_seed(step)
        mask = torch.rand(self.size, FRAMES, generator=draw) < 0.7
        mask[:, 0] = True
        frames = torch.randn(self.size, FRAMES, DIM, generator=draw) * 5
        shape = (self.size, FRAMES, 3, 16, 16)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=draw)
        labels = torch.zeros(self.size, LABELS, dtype=torch.bool)
        for row in range(self.size):
            labels[row, row % LABELS] = row % 8 != 7
        labels[0, 3] = True
        return LabelledBatch(
            mask=mask,
            labels=labels,
            frame_embeddings=None if self.pixels else frames,
            pixels=pixels if self.pixels else None,
        )


def texts(*, embedded: bool = True) -> LabelTexts:
    """Of five labels in three templates, and two neutral sentences."""
    draw = torch.Generator().manual_seed(3)
    if embedded:
        return LabelTexts(
            torch.randn(TEMPLATES, LABELS, DIM, generator=draw) * 2,
            torch.randn(SENTENCES, DIM, generator=draw) * 2,
        )
    ids = torch.randint(1, 60, (TEMPLATES * LABELS + SENTENCES, CONTEXT), generator=draw)
    ids[:, 5], ids[:, 6:] = 63, 0
    labels = ids[:-SENTENCES].unflatten(0, (TEMPLATES, LABELS))
    return LabelTexts(labels, ids[-SENTENCES:])


def action_model(
    head: str = "seqLSTM", *, visual: str = "plain", backbone: bool = True, **config: Any
) -> ActionModel:
    """The same model each time, without dropout."""
    torch.manual_seed(7)
    network = open_clip.CLIP(**CONFIG).eval()
    if visual == "shift":
        use_temporal_shift(network.visual)
    if visual == "joint":
        use_joint_space_time(network.visual, frames=3)
    return ActionModel(
        make_head(HeadConfig(head, DIM, blocks=1, **config)),
        backbone=network if backbone else None,
        preprocessing=Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3, "bicubic", "shortest", 0),
    )
