"""How well actions are told: figures on clips held out of training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from models.identity import USUAL_TAG_THRESHOLD
from models.labels.calibration import fit_calibration
from models.labels.label_texts import LabelTexts
from models.labels.tagging import (
    Background,
    Calibration,
    averaged_embeddings,
    class_probabilities,
    tag_probabilities,
    tag_scores,
    unit_texts,
)
from models.metrics.actions import detection, mean_per_class, top_k
from smallworld.clips.actions import arguable, holding, is_directed
from smallworld.clips.moving import Clip


@dataclass(frozen=True)
class SeenClips:
    """Clips as some model sees them, unit embeddings (clips, dim), and what happens in them.

    holds, arguable: bool (clips, labels); see `actions`
    """

    videos: torch.Tensor
    holds: torch.Tensor
    arguable: torch.Tensor

    @classmethod
    def of(cls, clips: Sequence[Clip], videos: torch.Tensor) -> "SeenClips":
        """The clips with what is true of them."""
        return cls(videos, holding(clips), arguable(clips))


@dataclass(frozen=True)
class Naming:
    """Percent of clips of one action.

    top1, top5, mean_per_class: with probabilities averaged over the templates
    top1_averaged: with one averaged embedding for each label
    directed, others: top-1 of the labels that tell the direction of time, and of the others
    """

    top1: float
    top5: float
    mean_per_class: float
    top1_averaged: float
    directed: float
    others: float


@dataclass(frozen=True)
class Tagging:
    """Percent: precision and recall of the tags of clips in which two things do two things, and
    the share of clips without any action that get no tag. A tag that is arguable counts neither as
    right nor as wrong.
    """

    tag_precision: float
    tag_recall: float
    untagged: float


def naming(single: SeenClips, texts: LabelTexts, *, logit_scale: float) -> Naming:
    """Which one action it is; texts are embeddings."""
    truth = single.holds.int().argmax(dim=1)
    prompts, labels = unit_texts(texts.labels), averaged_embeddings(texts.labels)
    said = class_probabilities(single.videos, prompts, logit_scale=logit_scale)
    averaged = class_probabilities(single.videos, labels, logit_scale=logit_scale)
    directed = is_directed()[truth]
    return Naming(
        top1=round(top_k(said, truth, 1), 1),
        top5=round(top_k(said, truth, 5), 1),
        mean_per_class=round(mean_per_class(said, truth).mean, 1),
        top1_averaged=round(top_k(averaged, truth, 1), 1),
        directed=round(top_k(said[directed], truth[directed], 1), 1),
        others=round(top_k(said[~directed], truth[~directed], 1), 1),
    )


def tagging(
    double: SeenClips,
    none: SeenClips,
    texts: LabelTexts,
    calibration: Calibration,
    *,
    logit_scale: float,
) -> Tagging:
    """Which actions happen at all."""
    two, no = (
        tag_probabilities(
            seen.videos,
            averaged_embeddings(texts.labels),
            _background(texts),
            calibration,
            logit_scale=logit_scale,
        ).masked_fill(seen.arguable, 0.0)
        for seen in (double, none)
    )
    told = detection(two, double.holds, threshold=USUAL_TAG_THRESHOLD)
    silent = detection(no, none.holds, threshold=USUAL_TAG_THRESHOLD).silent
    return Tagging(
        tag_precision=round(told.precision or 0.0, 1),
        tag_recall=round(told.recall or 0.0, 1),
        untagged=round(silent or 0.0, 1),
    )


def calibrated(parts: Sequence[SeenClips], texts: LabelTexts, *, logit_scale: float) -> Calibration:
    """How scores become probabilities, by all clips and labels but those that are arguable."""
    scores = [
        tag_scores(
            seen.videos,
            averaged_embeddings(texts.labels),
            _background(texts),
            logit_scale=logit_scale,
        )[~seen.arguable]
        for seen in parts
    ]
    holds = [seen.holds[~seen.arguable] for seen in parts]
    return fit_calibration(torch.cat(scores), torch.cat(holds))


def _background(texts: LabelTexts) -> Background:
    return Background.unmeasured(unit_texts(texts.neutral), texts.labels.shape[1])
