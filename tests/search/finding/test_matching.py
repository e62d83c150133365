"""How surely a result matches: above the library's background or not."""

import numpy as np
import pytest

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.embeddings import normalised
from search.finding.hits import match_word
from search.finding.matching import NeutralBank, neutral_texts, read_bank


def test_what_stands_far_above_the_bank_matches_and_what_does_not_is_weak():
    rng = np.random.default_rng(1)
    common = normalised(rng.normal(size=(1, 64)))
    bank = normalised(0.5 * common + 0.1 * rng.normal(size=(50, 64)))
    segments = normalised(common + 0.1 * rng.normal(size=(200, 64)))
    background = NeutralBank.of(segments, bank)
    asked = normalised(bank[:1] + 0.1 * rng.normal(size=(1, 64)))
    there = normalised(segments[:1] + asked)
    matches = background.match(asked[0], np.concatenate([there, segments[:20]]))
    assert matches[0] > 0.99
    assert (matches[1:] < 0.5).all()


@pytest.mark.parametrize(("match", "word"), [(0.0, "weak"), (0.5, "likely"), (0.8, "strong")])
def test_a_match_has_a_word(match, word):
    assert match_word(match) == word


def test_a_library_of_one_segment_has_a_background():
    bank = normalised(np.random.default_rng(2).normal(size=(20, 8)))
    assert np.isfinite(NeutralBank.of(bank[:1], bank).match(bank[3], bank[:1])).all()


def test_the_bank_is_encoded_once_and_again_when_it_is_damaged(library):
    backbone = load_backbone(choose_model("bundled"))
    first = read_bank(library, "space", backbone)
    assert first.shape == (len(neutral_texts()), backbone.dim)
    [file] = (library.vectors_folder / "space").iterdir()
    written = file.stat().st_mtime_ns
    assert np.array_equal(read_bank(library, "space", backbone), first)
    assert file.stat().st_mtime_ns == written
    for damage in (b"", b"nonsense", file.read_bytes()[:-9]):
        file.write_bytes(damage)
        assert np.allclose(read_bank(library, "space", backbone), first)


def test_neutral_texts_are_many_different_and_none_is_empty():
    texts = neutral_texts()
    assert len(set(texts)) == len(texts) > 100
    assert all(text.strip() == text != "" for text in texts)
