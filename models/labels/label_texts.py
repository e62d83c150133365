"""The prompts of a list of labels, ready for a model: embeddings or token ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from models.labels.prompts import NEUTRAL_SENTENCES, PromptTemplates, Tokenize, check_lengths

Embed = Callable[[list[str]], torch.Tensor]


@dataclass(frozen=True)
class LabelTexts:
    """Every label in every template, and the neutral sentences.

    labels: (templates, labels, dim), not normalised; or (templates, labels, context) int64 ids
    neutral: (sentences, dim), or (sentences, context)
    """

    labels: torch.Tensor
    neutral: torch.Tensor

    def __post_init__(self) -> None:
        """Raises ValueError when the two are of different kinds."""
        if self.labels.ndim != 3 or self.neutral.ndim != 2:
            raise ValueError("label texts are (templates, labels, …), neutral ones (sentences, …)")
        if self.labels.shape[2:] != self.neutral.shape[1:] or self.labels.dtype != (
            self.neutral.dtype
        ):
            raise ValueError("label texts and neutral texts must be of one kind")

    @property
    def is_embedded(self) -> bool:
        """True for embeddings, False for token ids."""
        return self.labels.is_floating_point()


def tokenized_texts(
    labels: Sequence[str],
    templates: PromptTemplates,
    tokenize: Tokenize,
    *,
    neutral: Sequence[str] = NEUTRAL_SENTENCES,
) -> LabelTexts:
    """Token ids, for training a text tower. Raises PromptTooLong."""
    prompts = templates.prompts(labels)
    check_lengths(prompts, labels, tokenize)
    ids = tokenize(prompts).unflatten(0, (len(templates), len(labels)))
    return LabelTexts(ids, tokenize(list(neutral)))


def embedded_texts(
    labels: Sequence[str],
    templates: PromptTemplates,
    *,
    tokenize: Tokenize,
    embed: Embed,
    neutral: Sequence[str] = NEUTRAL_SENTENCES,
) -> LabelTexts:
    """Embeddings that a frozen text tower makes. Raises PromptTooLong.

    embed: any number of texts to embeddings (texts, dim), such as `Backbone.embed_texts`
    """
    prompts = templates.prompts(labels)
    check_lengths(prompts, labels, tokenize)
    embedded = embed(prompts).unflatten(0, (len(templates), len(labels)))
    return LabelTexts(embedded, embed(list(neutral)))
