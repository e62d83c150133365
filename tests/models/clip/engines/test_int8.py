"""A picture tower in int8 is kept whole, encodes pictures alone, and is told from any other."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from models.clip.backbone import Backbone
from models.clip.engines.agreement import cosines
from models.clip.engines.int8 import Int8Tower
from models.clip.engines.quantising import quantised
from models.errors import ModelUnavailable
from tests.tiny import tiny_backbone


def frames(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def plain() -> Backbone:
    return tiny_backbone()


@pytest.fixture(scope="module")
def graph(plain: Backbone):
    return quantised(plain.model, plain.preprocessing, [frames(8, seed) for seed in range(4)])


@pytest.fixture
def tower(graph, tmp_path: Path) -> Int8Tower:
    return Int8Tower.keep(graph, (32, 32), tmp_path / "int8")


def test_its_products_are_in_int8_and_nearly_what_they_were(plain, graph, tower):
    kinds = [operation.get_type_name() for operation in graph.get_ops()]
    assert kinds.count("FakeQuantize") > 4
    [ours], [theirs] = (
        plain.clip_arrays([frames(40)]),
        plain.in_int8(tower).clip_arrays([frames(40)]),
    )
    agreed = cosines(ours, theirs)
    assert 0.99 < agreed.mean() < 0.99999  # it is near, and something else


def test_making_one_says_nothing_and_changes_no_logging(plain, capfd):
    before = logging.getLoggerClass(), logging.root.level, logging.root.manager.disable
    quantised(plain.model, plain.preprocessing, [frames(2)])
    assert capfd.readouterr() == ("", "")
    after = logging.getLoggerClass(), logging.root.level, logging.root.manager.disable
    assert after == before


def test_texts_stay_as_they_are_and_the_identity_tells_of_it(plain, tower):
    other = plain.in_int8(tower)
    assert (other.engine.name, other.engine.precision) == ("openvino", "int8")
    ids = plain.tokenize(["a dog"]).numpy()
    np.testing.assert_array_equal(other.engine.tokens(ids), plain.engine.tokens(ids))
    assert other.identity.int8 == tower.digest
    assert other.identity.weights_digest == plain.identity.weights_digest
    assert (plain.identity.int8, plain.engine.precision) == (None, "float32")


def test_it_is_read_again_as_it_was(plain, tower):
    again = Int8Tower(tower.folder, tower.digest)
    [ours], [theirs] = (plain.in_int8(one).clip_arrays([frames(5)]) for one in (tower, again))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_texts_need_no_tower(plain, tower):
    other = plain.in_int8(tower)
    tower.remove()
    assert list(tower.folder.iterdir()) == []
    assert other.text_arrays(["a dog"]).shape == (1, 24)
    with pytest.raises(ModelUnavailable, match=r"cannot be read .*kinodex index --reindex"):
        other.clip_arrays([frames(1)])


@pytest.mark.parametrize("kind", ["xml", "bin"])
def test_a_damaged_one_is_refused(tower, kind):
    file = tower.folder / f"{tower.digest}.{kind}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelUnavailable, match="is damaged: bring it back from a backup, or run"):
        tower.read()


def test_one_that_computes_otherwise_on_this_processor_is_refused(tower):
    file = tower.folder / f"{tower.digest}.json"
    card = json.loads(file.read_text())
    card["gives"] = np.roll(np.asarray(card["gives"]), 1, axis=1).tolist()
    file.write_text(json.dumps(card))
    with pytest.raises(ModelUnavailable, match="computes otherwise on this processor"):
        tower.read()
