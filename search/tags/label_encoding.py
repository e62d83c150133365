"""Labels and neutral sentences as a model's text tower sees them; what was read is not redone."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.clip.backbone import Backbone
from models.clip.kept_texts import are_kept, read_texts
from models.labels.prompts import NEUTRAL_SENTENCES, PromptTemplates, check_lengths
from models.labels.tagging import averaged_embeddings, unit_texts
from search.catalog.embeddings import pack
from search.catalog.tag_tables import Label, Vocabulary
from search.tags.vocabulary import read_vocabulary, shipped_names
from search.wording import counted


@dataclass(frozen=True)
class EncodedLabels:
    """Labels in order, as they are stored: float16 bytes of unit embeddings."""

    labels: tuple[bytes, ...]
    neutral: bytes
    newly_encoded: int


def text_digest(weights_digest: str) -> str:
    """What must agree before encoded texts can serve again: the model and the neutral sentences."""
    parts = "\n".join((weights_digest, *NEUTRAL_SENTENCES))
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


class GivenUp(Exception):
    """Nobody waits for the labels any more."""


def encode_labels(
    session: Session,
    labels: Sequence[str],
    templates: PromptTemplates,
    backbone: Backbone,
    *,
    talk: Callable[[str], None],
    given_up: Callable[[], bool] = lambda: False,
) -> EncodedLabels:
    """The labels' embeddings, averaged over the templates; those of equal labels serve again.

    talk: hears of labels that are new, which may take a minute
    given_up: asked now and then; True raises GivenUp

    Raises PromptTooLong for a label that the model cannot read to its end.
    """

    def go_on() -> None:
        if given_up():
            raise GivenUp

    known = known_labels(session, templates, backbone.identity.weights_digest)
    new = [label for label in labels if label not in known]
    precision = backbone.engine.texts_precision
    if new:
        go_on()
        prompts = templates.prompts(new)
        check_lengths(prompts, new, backbone.tokenize)
        read = read_texts(
            backbone,
            prompts,
            keep=ships(labels, templates),
            precision=precision,
            on_start=lambda: talk(f"reading {_parcel(new, templates)}"),
            on_batch=go_on,
        )
        texts = torch.from_numpy(read).unflatten(0, (len(templates), len(new)))
        known |= zip(new, map(pack, averaged_embeddings(texts).numpy()), strict=True)
    neutral = read_texts(backbone, NEUTRAL_SENTENCES, keep=True, precision=precision)
    return EncodedLabels(
        labels=tuple(known[label] for label in labels),
        neutral=pack(unit_texts(torch.from_numpy(neutral)).numpy()),
        newly_encoded=len(new),
    )


def need_no_reading(
    session: Session, labels: Sequence[str], templates: PromptTemplates, backbone: Backbone
) -> bool:
    """Whether all labels were read before, for this library or for any other."""
    known = known_labels(session, templates, backbone.identity.weights_digest)
    new = [label for label in labels if label not in known]
    precision = backbone.engine.texts_precision
    return not new or are_kept(backbone, templates.prompts(new), precision=precision)


def ships(labels: Sequence[str], templates: PromptTemplates) -> bool:
    """Whether labels and templates come with the program, so that nothing of them is private."""
    if not set(templates.texts) <= set(PromptTemplates.english().texts):
        return False
    return any(tuple(labels) == read_vocabulary(name).labels for name in shipped_names())


def _parcel(labels: Sequence[str], templates: PromptTemplates) -> str:
    return f"{counted(len(labels), 'label')}, each in {counted(len(templates), 'sentence')}"


def known_labels(
    session: Session, templates: PromptTemplates, weights_digest: str
) -> dict[str, bytes]:
    """Labels that were read before, in these sentences by this model, with their embeddings."""
    rows = session.execute(
        select(Label.text, Label.embedding, Vocabulary.templates)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(Vocabulary.text_digest == text_digest(weights_digest))
    )
    return {text: blob for text, blob, used in rows if tuple(used) == templates.texts}
