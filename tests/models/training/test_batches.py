"""What a batch must hold, and what it may hold only one of."""

from typing import Any

import pytest
import torch

from models.training.batches import LabelledBatch, PairBatch, VideoBatch

MASK = torch.ones(2, 3, dtype=torch.bool)
FRAMES, PIXELS = torch.zeros(2, 3, 4), torch.zeros(2, 3, 3, 8, 8, dtype=torch.uint8)
IDS, EMBEDDED = torch.ones(2, 5, dtype=torch.int64), torch.ones(2, 4)


def pairs(**changes: Any) -> PairBatch:
    usual = {"mask": MASK, "video_ids": torch.arange(2), "pixels": PIXELS, "token_ids": IDS}
    return PairBatch(**usual | changes)


def test_a_batch_is_as_long_as_it_has_videos():
    assert len(VideoBatch(mask=MASK, frame_embeddings=FRAMES)) == 2


def test_frames_and_texts_are_whichever_there_are():
    batch = pairs()
    assert batch.frames is PIXELS
    assert batch.texts is IDS
    batch = pairs(pixels=None, frame_embeddings=FRAMES, token_ids=None, text_embeddings=EMBEDDED)
    assert batch.frames is FRAMES
    assert batch.texts is EMBEDDED


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"pixels": None}, "frame_embeddings or pixels"),
        ({"frame_embeddings": FRAMES}, "frame_embeddings or pixels"),
        ({"token_ids": None}, "token_ids or text_embeddings"),
        ({"text_embeddings": EMBEDDED}, "token_ids or text_embeddings"),
    ],
    ids=["no frames", "frames twice", "no texts", "texts twice"],
)
def test_what_is_missing_or_there_twice_is_refused(changes, needed):
    with pytest.raises(ValueError, match=f"a batch needs either {needed}"):
        pairs(**changes)


@pytest.mark.parametrize(
    "labels", [torch.ones(2, dtype=torch.bool), torch.ones(2, 3)], ids=["one axis", "numbers"]
)
def test_labels_are_a_table_of_truth_values(labels):
    with pytest.raises(ValueError, match="labels must be a bool matrix"):
        LabelledBatch(mask=MASK, frame_embeddings=FRAMES, labels=labels)
