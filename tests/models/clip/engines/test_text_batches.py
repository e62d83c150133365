"""Texts that are read together: nothing is left out, little is read twice or padded."""

import numpy as np
import pytest

from models.clip.engines import text_batches
from models.clip.engines.text_batches import Forest, by_beginning, by_length, in_order

START, END = 1, 9


def ids_of(*texts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids, (texts, 8), with a start and an end, and their lengths."""
    whole = [[START, *text, END] for text in texts]
    ids = np.zeros((len(whole), 8), np.int64)
    for row, text in zip(ids, whole, strict=True):
        row[: len(text)] = text
    return ids, np.array([len(text) for text in whole])


def many(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    texts = [generator.integers(2, 9, generator.integers(0, 7)).tolist() for _ in range(count)]
    return ids_of(*texts)


def path_to(forest: Forest, node: int) -> list[int]:
    """The tokens that one sees, itself the last, by their positions."""
    seen = np.flatnonzero(forest.mask[node] == 0)
    in_order = seen[np.argsort(forest.positions[seen])]
    assert forest.positions[in_order].tolist() == list(range(len(seen)))
    return forest.token_ids[in_order].tolist()


def test_a_beginning_that_texts_share_stands_once():
    forest = Forest.of(*ids_of([2, 3], [2, 4], [2, 3]))
    assert forest.token_ids.tolist() == [START, 2, 3, END, 4, END]
    assert forest.positions.tolist() == [0, 1, 2, 3, 2, 3]
    assert forest.ends.tolist() == [3, 5, 3]
    assert set(np.unique(forest.mask)) == {0, -np.inf}


def test_each_token_sees_its_own_text_up_to_itself_and_nothing_else():
    ids, lengths = many(60)
    forest = Forest.of(ids, lengths)
    assert len(forest.token_ids) < lengths.sum()
    for text, length, end in zip(ids.tolist(), lengths, forest.ends, strict=True):
        assert path_to(forest, end) == text[:length]


def test_equal_tokens_in_other_texts_are_not_taken_for_each_other():
    """The same word at the same place, after another one."""
    forest = Forest.of(*ids_of([2, 5], [3, 5]))
    assert forest.token_ids.tolist() == [START, 2, 5, END, 3, 5, END]


@pytest.mark.parametrize("count", [1, 7, 2000])
def test_every_text_is_in_one_batch_and_no_batch_is_large(count):
    ids, lengths = many(count)
    whole = list(range(count))
    forests = list(by_beginning(ids, lengths))
    assert sorted(row for rows in forests for row in rows) == whole
    assert max(len(Forest.of(ids[rows], lengths[rows]).token_ids) for rows in forests) <= 512
    padded = list(by_length(lengths))
    assert sorted(row for rows in padded for row in rows) == whole
    assert max(len(rows) * lengths[rows].max() for rows in padded) <= 512


@pytest.mark.parametrize(
    ("most", "batches"),
    [
        (4, [[1], [0], [3], [2]]),
        (5, [[1, 0], [3], [2]]),  # five tokens, then four
        (6, [[1, 0], [3, 2]]),  # five, then six
        (7, [[1, 0], [3, 2]]),
        (8, [[1, 0, 3], [2]]),
        (9, [[1, 0, 3], [2]]),
        (10, [[1, 0, 3, 2]]),
    ],
)
def test_a_batch_is_filled_to_its_last_token(most, batches, monkeypatch):
    ids, lengths = ids_of([2], [2, 3], [4, 5], [4, 4])
    monkeypatch.setattr(text_batches, "_TOKENS_AT_ONCE", most)
    found = [rows.tolist() for rows in by_beginning(ids, lengths)]
    assert found == batches
    sizes = [len(Forest.of(ids[rows], lengths[rows]).token_ids) for rows in found]
    assert max(sizes) <= most


def test_texts_of_nearly_one_length_fill_a_batch_to_its_last_token():
    lengths = np.array([3, 3, 3, 2])
    assert [rows.tolist() for rows in by_length(lengths, 5)] == [[3], [0], [1], [2]]
    assert [rows.tolist() for rows in by_length(lengths, 6)] == [[3, 0], [1, 2]]
    assert [rows.tolist() for rows in by_length(lengths, 12)] == [[3, 0, 1, 2]]


def test_of_no_texts_there_is_no_batch():
    nothing = np.zeros(0, np.int64)
    assert list(by_length(nothing)) == list(by_beginning(np.zeros((0, 8)), nothing)) == []


def test_texts_that_begin_alike_come_together_whatever_order_they_are_in():
    ids, lengths = many(2000)
    read = sum(
        len(Forest.of(ids[rows], lengths[rows]).token_ids) for rows in by_beginning(ids, lengths)
    )
    at_once = len(Forest.of(ids, lengths).token_ids)
    assert at_once <= read <= 1.1 * at_once


def test_texts_of_a_length_come_together_so_that_hardly_anything_is_padded():
    _, lengths = many(2000)
    padded = sum(len(rows) * lengths[rows].max() for rows in by_length(lengths))
    assert padded <= 1.02 * lengths.sum()


def test_a_text_that_is_too_long_for_any_batch_stands_alone():
    ids = np.arange(3 * 700).reshape(3, 700)
    lengths = np.array([700, 3, 700])
    assert [rows.tolist() for rows in by_length(lengths)] == [[1], [0], [2]]
    assert [rows.tolist() for rows in by_beginning(ids, lengths)] == [[0], [1], [2]]


def test_parts_are_put_where_they_belong():
    parts = [(np.array([2, 0]), np.array([[2.0], [0.0]])), (np.array([1]), np.array([[1.0]]))]
    assert in_order(parts, 3).tolist() == [[0], [1], [2]]
    with pytest.raises(ValueError, match="no texts"):
        in_order([], 0)
