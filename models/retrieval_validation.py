"""How well a model in training finds held-out videos."""

import torch

from models.held_out import (
    FramesOf,
    embed_held_out_texts,
    embed_held_out_videos,
    held_out_frames,
)
from models.metrics import text_to_video, video_to_text
from models.retrieval_training import RetrievalModel
from models.scores import CosineScores, Scores, StoredScores
from models.tight import TightTransf


class PairValidator:
    """Retrieval figures over held-out pairs; use it as `validate`.

    texts: token ids (texts, context), or embeddings (texts, dim)
    video_of_text: (texts,), the video of each text
    frames_of: (start, stop) → frames and mask of these videos, as in a `PairBatch`
    """

    def __init__(
        self,
        texts: torch.Tensor,
        video_of_text: torch.Tensor,
        frames_of: FramesOf,
        *,
        videos: int,
    ) -> None:
        self._texts = texts
        self._video_of_text = video_of_text
        self._frames_of = frames_of
        self._videos = videos

    def __call__(self, model: RetrievalModel) -> dict[str, float]:
        """R@1, R@5, R@10 in percent and the median rank, text to video; R@1 video to text."""
        scores = self._scores(model)
        # Cosines of half precision would tie, and ties count against the model.
        with torch.autocast(model.logit_scale.device.type, enabled=False):
            found = text_to_video(scores, self._video_of_text)
            back = video_to_text(scores, self._video_of_text)
        return {
            "r1": found.r1,
            "r5": found.r5,
            "r10": found.r10,
            "median_rank": found.median_rank,
            "video_to_text_r1": back.r1,
        }

    def _scores(self, model: RetrievalModel) -> Scores:
        texts = embed_held_out_texts(model, self._texts)
        if not isinstance(model.head, TightTransf):
            videos = embed_held_out_videos(model, self._frames_of, videos=self._videos)
            return CosineScores(texts, videos)
        columns = [
            model.head(texts, model.embed_frames(frames, mask), mask)
            for frames, mask in held_out_frames(model, self._frames_of, videos=self._videos)
        ]
        return StoredScores(torch.cat(columns, dim=1).float())
