"""Embeddings of held-out texts and videos by a model in training, a few at a time."""

from collections.abc import Callable, Iterator

import torch

from models.text_video_training import TextVideoModel

_AT_ONCE = 64

# (start, stop) → frames and mask of these videos, as in a `PairBatch`
FramesOf = Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]


def embed_held_out_texts(model: TextVideoModel, texts: torch.Tensor) -> torch.Tensor:
    """Token ids (texts, context), or ready embeddings → (texts, dim), not normalised."""
    device = model.logit_scale.device
    return torch.cat([model.embed_texts(some.to(device)) for some in texts.split(_AT_ONCE)])


def held_out_frames(
    model: TextVideoModel, frames_of: FramesOf, *, videos: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Frames and masks of all videos in order, on the model's device."""
    device = model.logit_scale.device
    for start in range(0, videos, _AT_ONCE):
        frames, mask = frames_of(start, min(start + _AT_ONCE, videos))
        yield frames.to(device), mask.to(device)


def embed_held_out_videos(
    model: TextVideoModel, frames_of: FramesOf, *, videos: int
) -> torch.Tensor:
    """What the model's loose head makes of every video: unit embeddings (videos, dim)."""
    parts = held_out_frames(model, frames_of, videos=videos)
    return torch.cat([model.embed_videos(frames, mask) for frames, mask in parts])
