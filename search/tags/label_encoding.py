"""Labels and neutral sentences as a model's text tower sees them; what is stored is not redone."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.clip.backbone import Backbone
from models.labels.label_texts import embedded_texts
from models.labels.prompts import NEUTRAL_SENTENCES, PromptTemplates
from models.labels.tagging import averaged_embeddings, unit_texts
from search.catalog.embeddings import pack
from search.catalog.tag_tables import Label, Vocabulary


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


def encode_labels(
    session: Session,
    labels: Sequence[str],
    templates: PromptTemplates,
    backbone: Backbone,
    *,
    talk: Callable[[str], None],
) -> EncodedLabels:
    """The labels' embeddings, averaged over the templates; those of equal labels serve again.

    talk: hears of labels that are new, which may take a minute

    Raises PromptTooLong for a label that the model cannot read to its end.
    """
    known = _known(session, templates, backbone.identity.weights_digest)
    new = [label for label in labels if label not in known]
    if new:
        talk(f"reading {len(new)} labels, each in {len(templates)} sentences")
        texts = embedded_texts(
            new, templates, tokenize=backbone.tokenize, embed=backbone.embed_texts
        )
        known |= zip(new, map(pack, averaged_embeddings(texts.labels).numpy()), strict=True)
    neutral = unit_texts(backbone.embed_texts(NEUTRAL_SENTENCES))
    return EncodedLabels(
        labels=tuple(known[label] for label in labels),
        neutral=pack(neutral.numpy()),
        newly_encoded=len(new),
    )


def _known(session: Session, templates: PromptTemplates, weights_digest: str) -> dict[str, bytes]:
    rows = session.execute(
        select(Label.text, Label.embedding, Vocabulary.templates)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(Vocabulary.text_digest == text_digest(weights_digest))
    )
    return {text: blob for text, blob, used in rows if tuple(used) == templates.texts}
