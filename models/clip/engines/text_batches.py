"""Which texts are read together, so that little is read twice and nothing is padded much.

Free of torch. Lengths are numbers of tokens, from a text's beginning to its end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# Matrix products of as many rows keep a processor busy; the mask of a forest, which is their
# square, still fits into its cache.
_TOKENS_AT_ONCE = 512


@dataclass(frozen=True)
class Forest:
    """Texts of which each beginning that several share stands once.

    In a causal tower a token sees only those before it in its text, so what is made of a beginning
    is the same in all texts that begin so.

    token_ids, positions: (tokens,) int64, where in its text each token stands
    mask: (tokens, tokens) float32, 0 where the token of a row sees that of a column, else −∞
    ends: (texts,) int64, the last token of each text
    """

    token_ids: np.ndarray
    positions: np.ndarray
    mask: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, token_ids: np.ndarray, lengths: np.ndarray) -> "Forest":
        """token_ids: (texts, context); lengths: (texts,)"""
        # By the token before, None for a text's beginning, and by the token's id.
        nodes: dict[tuple[int | None, int], int] = {}
        before: list[int | None] = []
        positions: list[int] = []
        ends: list[int | None] = []
        for text in _cut(token_ids, lengths):
            node: int | None = None
            for position, token in enumerate(text):
                found = nodes.setdefault((node, token), len(nodes))
                if found == len(before):
                    before.append(node)
                    positions.append(position)
                node = found
            ends.append(node)
        return cls(
            np.array([token for _, token in nodes], np.int64),
            np.array(positions, np.int64),
            _mask(before),
            np.array(ends, np.int64),
        )


def by_beginning(token_ids: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of texts whose `Forest` has a bounded number of tokens, those that begin alike together.

    Arguments as in `Forest.of`. A text alone may have more.
    """
    texts = _cut(token_ids, lengths)
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rows: list[int] = []
    tokens = 0
    last: list[int] = []
    for row in order:
        new = len(texts[row]) - _shared(last, texts[row])
        if rows and tokens + new > _TOKENS_AT_ONCE:
            yield np.array(rows)
            rows, tokens, new = [], 0, len(texts[row])
        rows.append(row)
        tokens, last = tokens + new, texts[row]
    if rows:
        yield np.array(rows)


def by_length(lengths: np.ndarray, tokens_at_once: int = _TOKENS_AT_ONCE) -> Iterator[np.ndarray]:
    """Rows of texts that are as long as each other, or nearly; padded they have a bounded number
    of tokens. A text alone may have more.
    """
    rows: list[int] = []
    for row in np.argsort(lengths, kind="stable").tolist():
        if rows and (len(rows) + 1) * lengths[row] > tokens_at_once:
            yield np.array(rows)
            rows = []
        rows.append(row)
    if rows:
        yield np.array(rows)


def in_order(parts: Iterable[tuple[np.ndarray, np.ndarray]], count: int) -> np.ndarray:
    """Embeddings (count, dim) of parts: rows, and what belongs there. count: at least 1"""
    made: np.ndarray | None = None
    for rows, some in parts:
        if made is None:
            made = np.empty((count, some.shape[1]), np.float32)
        made[rows] = some
    if made is None:
        raise ValueError("there are no texts to read")
    return made


def _cut(token_ids: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    both = zip(token_ids.tolist(), lengths.tolist(), strict=True)
    return [text[:length] for text, length in both]


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common from their beginning on."""
    count = 0
    for ours, theirs in zip(one, other, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _mask(before: Sequence[int | None]) -> np.ndarray:
    """before: the token before each, which has a lower number; None for a text's first."""
    mask = np.full((len(before), len(before)), -np.inf, np.float32)
    for node, parent in enumerate(before):
        if parent is not None:
            mask[node] = mask[parent]
        mask[node, node] = 0
    return mask
