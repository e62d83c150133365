"""Tables of weights as others save them: prefixes, blocks, heads."""

from pathlib import Path

import pytest
import torch

from models.published.files import (
    ImportRefused,
    count_blocks,
    head_marked,
    is_table_of_weights,
    without_parallel_prefix,
)


def test_the_prefix_of_parallel_training_is_taken_off_only_where_all_keys_have_it():
    one, other = torch.zeros(1), torch.ones(1)
    assert without_parallel_prefix({"module.a": one, "module.b.module.c": other}) == {
        "a": one,
        "b.module.c": other,
    }
    assert without_parallel_prefix({"module.a": one, "b": other}) == {"module.a": one, "b": other}


def test_blocks_are_counted_by_their_numbers_and_one_at_least_is_wanted():
    keys = ["x.0.weight", "x.0.bias", "x.2.weight", "x.10.weight", "y.5.weight"]
    assert count_blocks(keys, "x.") == 3
    assert count_blocks(keys, "y.") == 1
    assert count_blocks(keys, "z.") == 1


def test_a_head_is_known_by_its_mark():
    marks = {"lstm.": "LSTM", "fusion.": "Transf"}
    file = Path("mine.pt")
    assert head_marked(file, iter(["clip.a", "lstm.b"]), marks) == "LSTM"
    assert head_marked(file, iter(["clip.a", "not.lstm.b"]), marks) is None
    with pytest.raises(ImportRefused, match=r"'mine\.pt' holds more than one head: LSTM, Transf"):
        head_marked(file, iter(["fusion.a", "lstm.b"]), marks)


def test_a_table_of_weights_may_be_empty_and_hold_views_but_none_that_repeat():
    assert is_table_of_weights({})
    assert is_table_of_weights({"a": torch.arange(6.0)[2:4], "b": torch.eye(3).T})
    assert not is_table_of_weights({"a": torch.zeros(1), "b": torch.zeros(1).expand(2)})
    assert not is_table_of_weights({"a": torch.zeros(1), "b": [1.0]})
