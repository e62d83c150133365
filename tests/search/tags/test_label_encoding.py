"""Labels that ship with the program are read once for all libraries; people's own are not kept."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from models.clip.backbone import Backbone
from models.clip.engines import cache
from models.clip.kept_texts import COUNT
from models.labels.prompts import NEUTRAL_SENTENCES, PromptTemplates
from models.labels.tagging import averaged_embeddings
from search.catalog.embeddings import pack
from search.catalog.store import Store
from search.tags.label_encoding import EncodedLabels, GivenUp, encode_labels, need_no_reading, ships
from search.tags.vocabulary import read_vocabulary
from tests.texts_read import count_texts_read
from tests.tiny import tiny_backbone

SHIPPED = read_vocabulary("small-world").labels
TWO = PromptTemplates(("{}", "a scene of {}"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts were read each time."""
    return count_texts_read(monkeypatch)


@pytest.fixture
def libraries(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    with (
        Store.open(tmp_path / "one", create=True) as one,
        Store.open(tmp_path / "other", create=True) as other,
    ):
        yield one, other


def encode(
    library: Store,
    labels: tuple[str, ...] = SHIPPED,
    templates: PromptTemplates = TWO,
    *,
    backbone: Backbone | None = None,
    said: list[str] | None = None,
    **options: object,
) -> EncodedLabels:
    talk = (said if said is not None else []).append
    with library.reading() as session:
        return encode_labels(
            session, labels, templates, backbone or tiny_backbone(), talk=talk, **options
        )


def kept_texts() -> int:
    return sum(entry.card[COUNT] for entry in cache.entries())


def test_a_second_library_has_the_same_and_nothing_is_read(read, libraries):
    said: list[str] = []
    first = encode(libraries[0], said=said)
    assert said == [f"reading {len(SHIPPED)} labels, each in 2 sentences"]
    assert read == [2 * len(SHIPPED), len(NEUTRAL_SENTENCES)]
    with libraries[1].reading() as session:
        assert need_no_reading(session, SHIPPED, TWO, tiny_backbone())
    said.clear()
    assert encode(libraries[1], said=said) == first
    assert (len(read), said) == (2, [])


def test_they_are_what_the_model_gives(read, libraries):
    backbone = tiny_backbone()
    texts = backbone.embed_texts(TWO.prompts(SHIPPED)).unflatten(0, (2, len(SHIPPED)))
    expected = averaged_embeddings(texts).numpy()
    for library in libraries:
        found = b"".join(encode(library).labels)
        np.testing.assert_allclose(
            np.frombuffer(found, "<f2"), np.frombuffer(pack(expected), "<f2"), atol=1e-3
        )


def test_other_sentences_and_other_models_are_read_by_themselves(read, libraries):
    one = encode(libraries[0])
    other = encode(libraries[0], templates=PromptTemplates(("a video of {}", "{}")))
    assert read[2:] == [len(SHIPPED)]  # the bare labels are known
    assert one.labels != other.labels
    assert encode(libraries[0], backbone=tiny_backbone(2)).labels != one.labels
    with libraries[1].reading() as session:
        assert not need_no_reading(session, SHIPPED, TWO, tiny_backbone(3))
        assert not need_no_reading(session, ("sleeping",), TWO, tiny_backbone())


def test_a_list_of_somebodys_own_is_not_kept(read, libraries):
    encode(libraries[0], ("sleeping", "eating"))
    assert kept_texts() == len(NEUTRAL_SENTENCES)
    encode(libraries[1], ("sleeping", "eating"))
    assert read == [4, len(NEUTRAL_SENTENCES), 4]


def test_sentences_of_somebodys_own_are_not_kept(libraries):
    encode(libraries[0], templates=PromptTemplates(("{}", "in our office: {}")))
    assert kept_texts() == len(NEUTRAL_SENTENCES)


def test_a_list_of_ours_with_a_label_more_has_only_that_one_read(read, libraries):
    encode(libraries[0])
    encode(libraries[1], (*SHIPPED, "sleeping"))
    assert read[2:] == [2]
    assert kept_texts() == 2 * len(SHIPPED) + len(NEUTRAL_SENTENCES)


def test_what_ships_is_told_from_what_does_not():
    usual = PromptTemplates.default()
    assert ships(SHIPPED, usual)
    assert ships(read_vocabulary("kinetics-400").labels, PromptTemplates.few())
    assert not ships(SHIPPED[:-1], usual)  # which of them somebody has chosen is theirs
    assert not ships((*SHIPPED, "sleeping"), usual)
    assert not ships(SHIPPED, PromptTemplates((*usual.texts, "mine {}")))


def test_who_gives_up_has_kept_what_was_read(read, libraries, monkeypatch):
    monkeypatch.setattr("models.clip.engines.in_torch._TOKENS_AT_ONCE", {"cpu": 64})
    answers = iter([False, False, True])
    with pytest.raises(GivenUp):
        encode(libraries[0], given_up=lambda: next(answers))
    before = kept_texts()
    assert before > 0
    encode(libraries[0])
    assert read[1] == 2 * len(SHIPPED) - before


def test_a_damaged_entry_changes_no_label(libraries, folder):
    first = encode(libraries[0])
    for file in folder.glob("*/embeddings.npy"):
        content = bytearray(file.read_bytes())
        content[-3] ^= 64
        file.write_bytes(content)
    found = encode(libraries[1])
    assert torch.equal(
        *(
            torch.frombuffer(bytearray(b"".join(one.labels)), dtype=torch.uint8)
            for one in (first, found)
        )
    )
