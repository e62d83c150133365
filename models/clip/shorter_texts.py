"""Texts of a few words only: longer ones are cut before the model reads them."""

from collections.abc import Callable
from typing import Any

import torch

from models.clip.text import can_shorten, lengths_of
from models.errors import KinodexError

Tokenize = Callable[..., torch.Tensor]


def cut_texts(tokenize: Tokenize, model: Any, most: int) -> Tokenize:
    """A tokenizer that gives no more than `most` ids of a text, its beginning and end included.

    The end-of-text token stays, so what is cut is the tail of the sentence (arXiv 2104.08860 reads
    32 ids of short captions and 64 of paragraphs).

    Raises KinodexError for a model that reads texts otherwise than up to such a token.
    """
    if not can_shorten(model):
        raise KinodexError(
            "--max-words is for models that read a text up to its end token, as CLIP does; "
            "this one reads otherwise: leave it out"
        )

    def cut(texts: list[str], **length: int) -> torch.Tensor:
        ids = tokenize(texts, **length).clone()
        lengths = lengths_of(model, ids)
        for row in (lengths > most).nonzero().flatten().tolist():
            ids[row, most - 1] = ids[row, lengths[row] - 1]
            ids[row, most:] = 0
        return ids

    return cut
