"""Training of action recognition as matching of videos and labels in words (ActionCLIP)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.labels.label_texts import LabelTexts
from models.labels.tagging import Background, averaged_embeddings, tag_scores, unit_texts
from models.towers.joint_tokens import encode_videos
from models.training.batches import BatchSource, LabelledBatch, PairBatch
from models.training.distributed import gather_with_gradient
from models.training.loop import TrainingSettings
from models.training.losses import kl_loss, tag_loss
from models.training.text_video import TextVideoModel, TextVideoTask

TARGET_TEMPERATURE = 10.0  # as published


class ActionModel(TextVideoModel):
    """An open_clip model with a head, of whichever visual prompt.

    A picture tower that went through `use_temporal_shift` or `use_joint_space_time` is used
    in its way; the latter gives one embedding a video, which the head gets in place of frames.
    """

    def embed_videos(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pixels or embeddings of frames, and their mask → unit embeddings (videos, dim)."""
        is_joint = hasattr(getattr(self.backbone, "visual", None), "temporal_embedding")
        if not is_joint or frames.is_floating_point():
            return super().embed_videos(frames, mask)
        videos = encode_videos(*self._pictures(frames), mask).float().unsqueeze(1)
        return super().embed_videos(videos, mask.new_ones(len(mask), 1))


@dataclass(frozen=True, kw_only=True)
class PromptedBatch(PairBatch):
    """Pairs of a video and a text that tells one of its labels.

    positives: (pairs, pairs) bool, where text i is right for video j
    labels: (pairs, labels) bool, which labels hold of each video
    arguable: (pairs, labels) bool or None, which are neither right nor wrong
    template: the one of this step, where all labels are to be read in a single one
    """

    positives: torch.Tensor
    labels: torch.Tensor
    arguable: torch.Tensor | None
    template: int


class PromptedPairs:
    """Labelled videos, each with a text that tells one of its labels; see `BatchSource`.

    At each step a video draws one of its labels and one of the templates, both evenly; a video
    without any label draws a neutral sentence, so that a model can learn that nothing fits. The
    draws depend on seed and step alone.
    """

    def __init__(self, source: BatchSource[LabelledBatch], texts: LabelTexts, *, seed: int) -> None:
        self._source = source
        self._texts = texts
        self._seed = seed
        self.steps_per_epoch = source.steps_per_epoch

    def batch(self, step: int) -> PromptedBatch:
        """The pairs of a step. A text is right for every video of which its label holds."""
        videos = self._source.batch(step)
        rng = np.random.default_rng([self._seed, step, 11])
        labels, named = draw_labels(videos.labels, rng)
        texts = self._drawn_texts(labels, named, rng)
        ready = self._texts.is_embedded
        return PromptedBatch(
            mask=videos.mask,
            video_ids=torch.arange(len(videos)),
            token_ids=None if ready else texts,
            text_embeddings=texts if ready else None,
            frame_embeddings=videos.frame_embeddings,
            pixels=videos.pixels,
            positives=agreement(videos.labels, labels, named),
            labels=videos.labels,
            arguable=videos.arguable,
            template=int(rng.integers(len(self._texts.labels))),
        )

    def _drawn_texts(
        self, labels: torch.Tensor, named: torch.Tensor, rng: np.random.Generator
    ) -> torch.Tensor:
        templates = torch.from_numpy(rng.integers(len(self._texts.labels), size=len(labels)))
        sentences = torch.from_numpy(rng.integers(len(self._texts.neutral), size=len(labels)))
        texts = self._texts.labels[templates, labels]
        texts[~named] = self._texts.neutral[sentences[~named]]
        return texts


def draw_labels(
    labels: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """One label of each video, evenly among those that hold.

    labels: bool (videos, labels)
    returns: numbers (videos,), of no meaning where none holds; bool (videos,): whether one does
    """
    chances = torch.from_numpy(rng.random(labels.shape)).masked_fill(~labels, -torch.inf)
    return chances.argmax(dim=1), labels.any(dim=1)


def agreement(labels: torch.Tensor, drawn: torch.Tensor, named: torch.Tensor) -> torch.Tensor:
    """Where text i is right for video j: its label holds, or neither has any; bool (texts, videos).

    labels: bool (videos, labels); drawn, named: see `draw_labels`
    """
    holds = labels[:, drawn].T
    return torch.where(named.unsqueeze(1), holds, ~named.unsqueeze(0))


class ActionTask(TextVideoTask[ActionModel]):
    """An action model and its labelled videos, as the training loop sees them."""

    def __init__(
        self,
        model: ActionModel,
        source: BatchSource[LabelledBatch],
        texts: LabelTexts,
        settings: TrainingSettings,
        *,
        target_temperature: float = TARGET_TEMPERATURE,
        tag_weight: float = 0.0,
        validate: Callable[[ActionModel], dict[str, float]] | None = None,
        export: Callable[[ActionModel, Path, dict[str, float]], None] | None = None,
    ) -> None:
        """`texts` are embeddings where the text tower stays as it is, token ids otherwise.

        `target_temperature`: see `kl_loss`; infinity for hard targets.
        `tag_weight`: of `tag_loss`, which is added. The published loss tells labels apart from
        each other; this one teaches which of them hold at all, for videos with several labels
        or none. The others are as for `TextVideoTask`.
        """
        if texts.is_embedded and settings.tune != "head":
            raise ValueError(f"tune={settings.tune!r} trains the text tower: give token ids")
        pairs = PromptedPairs(source, texts, seed=settings.seed)
        super().__init__(model, pairs, settings, validate=validate, export=export)
        self._texts = texts
        self._target_temperature = target_temperature
        self._tag_weight = tag_weight
        self.meant = {"target_temperature": str(target_temperature), "tag_weight": str(tag_weight)}

    def _loss(self, batch: PairBatch, embeddings: Sequence[torch.Tensor]) -> torch.Tensor:
        assert isinstance(batch, PromptedBatch)  # noqa: S101 - PromptedPairs gives no other
        texts, videos = (gather_with_gradient(side) for side in embeddings)
        loss = kl_loss(
            self.model.logits(texts, videos),
            same_label=batch.positives.to(texts.device),
            target_temperature=self._target_temperature,
        )
        if not self._tag_weight:
            return loss
        return loss + self._tag_weight * self._tag_loss(batch, videos)

    def _tag_loss(self, batch: PromptedBatch, videos: torch.Tensor) -> torch.Tensor:
        labels, neutral = self._all_labels(batch.template, videos.device)
        with torch.autocast(videos.device.type, enabled=False):  # see `TextVideoModel.logits`
            background = Background(neutral, neutral.new_zeros(len(labels)))
            scores = tag_scores(
                videos.float(), labels, background, logit_scale=self.model.logit_scale
            )
        arguable = None if batch.arguable is None else batch.arguable.to(scores.device)
        return tag_loss(scores, batch.labels.to(scores.device), arguable=arguable)

    def _all_labels(self, template: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit embeddings of all labels and of the neutral sentences, (texts, dim) each.

        A text tower that trains reads each label in one template only: all of them would be too
        many for every step.
        """
        ready = self._texts.is_embedded
        texts = self._texts.labels if ready else self._texts.labels[template : template + 1]
        embedded = self.model.embed_texts(texts.flatten(0, 1).to(device))
        labels = averaged_embeddings(embedded.unflatten(0, texts.shape[:2]))
        return labels, unit_texts(self.model.embed_texts(self._texts.neutral.to(device)))
