"""How well a model in training finds held-out videos."""

from collections.abc import Callable

import torch

from models.metrics import text_to_video, video_to_text
from models.retrieval_training import RetrievalModel
from models.scores import CosineScores, Scores, StoredScores
from models.tight import TightTransf

_AT_ONCE = 64

FramesOf = Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]


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
        device = model.logit_scale.device
        texts = torch.cat([model.embed_texts(t.to(device)) for t in self._texts.split(_AT_ONCE)])
        columns = []
        for start in range(0, self._videos, _AT_ONCE):
            frames, mask = self._frames_of(start, min(start + _AT_ONCE, self._videos))
            frames, mask = frames.to(device), mask.to(device)
            if isinstance(model.head, TightTransf):
                columns.append(model.head(texts, model.embed_frames(frames, mask), mask))
            else:
                columns.append(model.embed_videos(frames, mask))
        if isinstance(model.head, TightTransf):
            return StoredScores(torch.cat(columns, dim=1).float())
        return CosineScores(texts, torch.cat(columns))
