"""Whether a trained head fits the model and the labels that it is to be used with."""

import json
from collections.abc import Sequence
from pathlib import Path

from models.errors import KinodexError
from models.heads.card import HeadCard
from models.identity import EncoderIdentity
from models.labels.prompts import readable_label

BACKBONE_FILE = "backbone.safetensors"  # lies beside the head that was trained with it


class HeadMismatch(KinodexError):
    """The head cannot be used here: its file is damaged, or it was made for another model."""


def check_encoder(file: Path, card: HeadCard, encoder: EncoderIdentity, dim: int) -> None:
    """Raises HeadMismatch unless `encoder` makes the frame and text embeddings that it knows."""
    made_for = card.encoder
    if made_for.model != encoder.model:
        problem = f"was trained with {made_for.model}, not with {encoder.model}"
    elif card.config.dim != dim:
        problem = f"takes embeddings of width {card.config.dim}, {encoder.model} gives {dim}"
    elif not _same_frames(made_for, encoder):
        problem = f"was trained on frames that another {encoder.model} encoded"
    elif made_for.weights_digest != encoder.weights_digest:
        problem = f"belongs to another text tower than this {encoder.model} has"
    else:
        return
    raise HeadMismatch(f"the head in {file.name!r} {problem}: {_way_out(file, card, encoder)}")


def same_labels(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lists hold the same labels.

    How they are spelt does not count ("ApplyLipstick", "apply lipstick"), nor does their order:
    videos are compared with the labels' texts, not with their numbers.
    """
    return set(map(readable_label, one)) == set(map(readable_label, other))


def check_labels(file: Path, trained: Sequence[str], asked: Sequence[str] | None) -> None:
    """Raises HeadMismatch when both lists are known and differ, see `same_labels`."""
    if asked is None or not trained or same_labels(trained, asked):
        return
    theirs, ours = ([readable_label(label) for label in labels] for labels in (trained, asked))
    told = [
        f"{label!r} is {where} only"
        for where, labels, others in (("there", theirs, ours), ("here", ours, theirs))
        for label in [next((one for one in labels if one not in set(others)), None)]
        if label is not None
    ]
    raise HeadMismatch(
        f"the head in {file.name!r} was trained on other labels ({len(trained)}, here are "
        f"{len(asked)}; {', '.join(told)}): give the list that it was trained on"
    )


def _same_frames(one: EncoderIdentity, other: EncoderIdentity) -> bool:
    # The card's preprocessing came through JSON, which knows no tuples.
    same_pictures = one.preprocessing == json.loads(json.dumps(other.preprocessing))
    return one.frames_digest == other.frames_digest and same_pictures


def _way_out(file: Path, card: HeadCard, encoder: EncoderIdentity) -> str:
    """What to type so that the head gets the model that it was trained with."""
    model = card.encoder.model
    backbone = file.with_name(BACKBONE_FILE)
    if backbone.is_file():
        return f"give the weights saved with it, --model {model} --weights {str(backbone)!r}"
    if card.pretrained:
        return f"choose --model {model} --pretrained {card.pretrained}"
    if model != encoder.model:
        return f"choose --model {model}, with the weights it was trained with"
    return "give --weights with the model weights it was trained with, or train it again"
