"""Training of text-video retrieval: batches of pairs and their loss (CLIP4Clip)."""

from collections.abc import Sequence

import torch

from models.heads.tight import TightTransf
from models.training.batches import PairBatch
from models.training.distributed import gather_with_gradient
from models.training.losses import contrastive_loss, same_video, sigmoid_loss
from models.training.text_video import TextVideoModel, TextVideoTask


class RetrievalTask(TextVideoTask[TextVideoModel]):
    """A retrieval model and its batches, as the training loop sees them."""

    def _encode_videos(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        # A tight head meets the texts with all frames of a video.
        if isinstance(self.model.head, TightTransf):
            return self.model.embed_frames(frames, mask)
        return super()._encode_videos(frames, mask)

    def _loss(self, batch: PairBatch, embeddings: Sequence[torch.Tensor]) -> torch.Tensor:
        texts, videos = embeddings
        device = texts.device
        ids = batch.video_ids.to(device)
        positives = same_video(ids, ids)
        ignored = None if batch.ignored is None else batch.ignored.to(device)
        if isinstance(self.model.head, TightTransf):
            # Each process scores its own texts against all videos: the costly part is shared.
            mask = batch.mask.to(device)
            scores = self.model.head(texts, gather_with_gradient(videos), mask)
            return contrastive_loss(
                gather_with_gradient(scores.float()), positives=positives, ignored=ignored
            )
        logits = self.model.logits(gather_with_gradient(texts), gather_with_gradient(videos))
        loss = contrastive_loss if self.model.logit_bias is None else sigmoid_loss
        return loss(logits, positives=positives, ignored=ignored)
