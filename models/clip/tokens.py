"""Texts to token ids without torch, by the `tokenizers` library: what open_clip's tokenizers give.

A tokenizer is kept as plain values beside a compiled model, so that a search need not load the
library that made it.
"""

import html
import string
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.token_ids import fitted

# What CLIP takes for words (Radford et al., 2021; open_clip's SimpleTokenizer). The `tokenizers`
# library has another regular-expression engine with other tables of letters: it gets the words.
_WORDS = r"""|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
_END_OF_WORD = "</w>"
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class NotKeepable(Exception):
    """A tokenizer of a kind that this module does not know; it stays with its own library."""


def kept_tokenizer(tokenize: Any) -> dict[str, Any]:
    """Plain values from which `tokenizer_from` makes an equal tokenizer. Raises NotKeepable.

    A tokenizer that is none of open_clip's says by a method `kept` what it is.
    """
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    if hasattr(tokenize, "kept"):
        return dict(tokenize.kept())
    if type(tokenize) is HFTokenizer:
        return _kept_of_hugging_face(tokenize)
    if type(tokenize) is not SimpleTokenizer or tokenize.reduction_fn is not None:
        raise NotKeepable(f"a tokenizer of the kind {type(tokenize).__name__}")
    return {
        "kind": "clip",
        "clean": tokenize.clean_fn.__name__.removeprefix("_clean_"),
        "context": tokenize.context_length,
        "special": list(tokenize.all_special_ids),
        "start": tokenize.sot_token_id,
        "end": tokenize.eot_token_id,
        "words": _byte_pairs(tokenize),
    }


def _kept_of_hugging_face(tokenize: Any) -> dict[str, Any]:
    """The same of open_clip's HFTokenizer. Raises NotKeepable for one that is not in Rust."""
    inner = tokenize.tokenizer
    if tokenize.tokenizer_mode or not getattr(inner, "is_fast", False):
        raise NotKeepable(f"a tokenizer of the kind {type(inner).__name__}")
    return {
        "kind": "hugging face",
        "clean": tokenize.clean_fn.__name__.removeprefix("_clean_"),
        "context": tokenize.context_length,
        "words": inner.backend_tokenizer.to_str(),
        "padding": {
            "direction": inner.padding_side,
            "pad_id": inner.pad_token_id,
            "pad_type_id": inner.pad_token_type_id,
            "pad_token": inner.pad_token,
        },
        "cut": inner.truncation_side,
        "dropped": inner.sep_token_id if tokenize.strip_sep_token else None,
    }


def tokenizer_from(kept: dict[str, Any]) -> "KeptTokenizer":
    """The tokenizer of values that `kept_tokenizer` gave. Raises KeyError for any others."""
    return _KINDS[kept["kind"]](kept)


def _byte_pairs(tokenize: Any) -> str:
    """The vocabulary and merges of a SimpleTokenizer, as the `tokenizers` library writes them."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    merges = sorted(tokenize.bpe_ranks, key=tokenize.bpe_ranks.__getitem__)
    made = Tokenizer(
        models.BPE(vocab=tokenize.encoder, merges=merges, end_of_word_suffix=_END_OF_WORD)
    )
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    special = [tokenize.decoder[one] for one in tokenize.all_special_ids]
    made.add_special_tokens([AddedToken(one, normalized=False) for one in special])
    return str(made.to_str())


class KeptTokenizer(ABC):
    """Texts to int64 ids (texts, context)."""

    context: int

    def __call__(self, texts: Sequence[str], context_length: int | None = None) -> np.ndarray:
        """Longer texts are cut off, shorter ones filled up."""
        return self._fitted(list(texts), context_length or self.context)

    @abstractmethod
    def _fitted(self, texts: list[str], context: int) -> np.ndarray:
        """Each text in a row of as many ids."""


class ZeroFilling(KeptTokenizer):
    """A tokenizer that puts zeros after the end."""

    def _fitted(self, texts: list[str], context: int) -> np.ndarray:
        return fitted(self._read(texts), context)

    @abstractmethod
    def _read(self, texts: list[str]) -> list[list[int]]:
        """The ids of each text, from its beginning to its end, however many."""


class ClipTokenizer(ZeroFilling):
    """CLIP's byte pairs, as open_clip's SimpleTokenizer reads texts."""

    def __init__(self, kept: dict[str, Any]) -> None:
        import regex
        from tokenizers import Tokenizer

        self.context = int(kept["context"])
        self._start, self._end = int(kept["start"]), int(kept["end"])
        self._clean = _CLEANING[kept["clean"]]
        self._byte_pairs = Tokenizer.from_str(kept["words"])
        special = "|".join(self._byte_pairs.id_to_token(int(one)) for one in kept["special"])
        self._words = regex.compile(special + _WORDS, regex.IGNORECASE)

    def _read(self, texts: list[str]) -> list[list[int]]:
        words = [self._words.findall(self._clean(text)) for text in texts]
        read = self._byte_pairs.encode_batch(words, is_pretokenized=True, add_special_tokens=False)
        return [[self._start, *one.ids, self._end] for one in read]


class SentenceTokenizer(ZeroFilling):
    """The tokenizer of a sentence encoder: all is in the file that came with it."""

    def __init__(self, kept: dict[str, Any]) -> None:
        from tokenizers import Tokenizer

        self.context = int(kept["context"])
        self._tokenizer = Tokenizer.from_str(kept["words"])
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def _read(self, texts: list[str]) -> list[list[int]]:
        return [one.ids for one in self._tokenizer.encode_batch(texts)]


class HuggingFaceTokenizer(KeptTokenizer):
    """A tokenizer of the `transformers` library, without that library."""

    def __init__(self, kept: dict[str, Any]) -> None:
        from tokenizers import Tokenizer

        self.context = int(kept["context"])
        self._clean = _CLEANING[kept["clean"]]
        self._tokenizer = Tokenizer.from_str(kept["words"])
        self._padding, self._cut, self._dropped = kept["padding"], kept["cut"], kept["dropped"]

    def _fitted(self, texts: list[str], context: int) -> np.ndarray:
        self._tokenizer.enable_truncation(context, direction=self._cut)
        self._tokenizer.enable_padding(length=context, **self._padding)
        read = self._tokenizer.encode_batch([self._clean(text) for text in texts])
        ids = np.array([one.ids for one in read], np.int64).reshape(len(texts), context)
        if self._dropped is not None:
            ids[ids == self._dropped] = 0
        return ids


_KINDS: dict[str, Callable[[dict[str, Any]], KeptTokenizer]] = {
    "clip": ClipTokenizer,
    "sentences": SentenceTokenizer,
    "hugging face": HuggingFaceTokenizer,
}


def _repaired(text: str) -> str:
    if text.isascii() and text.isprintable() and "&" not in text:
        return text.strip()  # there is nothing to repair, and importing what does it takes longer
    import ftfy

    return html.unescape(html.unescape(ftfy.fix_text(text))).strip()


def _one_space(text: str) -> str:
    return " ".join(_repaired(text).split())


def _canonical(text: str) -> str:
    words = _repaired(text).replace("_", " ").translate(_NO_PUNCTUATION).lower()
    return " ".join(words.split())


# By the names of open_clip's functions, without "_clean_".
_CLEANING: dict[str, Callable[[str], str]] = {
    "lower": lambda text: _one_space(text).lower(),
    "whitespace": _one_space,
    "canonicalize": _canonical,
}
