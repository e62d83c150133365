"""How surely a result matches: above the library's background or not."""

import io
import re

import numpy as np
import pytest

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.embeddings import normalised
from search.finding.matching import NeutralBank, Usual, neutral_texts, read_bank


def test_what_stands_far_above_the_bank_matches_and_what_does_not_is_weak():
    rng = np.random.default_rng(1)
    common = normalised(rng.normal(size=(1, 64)))
    bank = normalised(0.5 * common + 0.1 * rng.normal(size=(50, 64)))
    segments = normalised(common + 0.1 * rng.normal(size=(200, 64)))
    background = NeutralBank.of(segments, bank)
    asked = normalised(bank[:1] + 0.1 * rng.normal(size=(1, 64)))
    there = normalised(segments[:1] + asked)
    matches = background.match(asked[0], np.concatenate([there, segments[:20]]))
    assert matches[0] > 0.9
    assert (matches[1:] < 0.5).all()


def test_what_neutral_texts_find_is_the_background():
    sample = np.eye(2)
    bank = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.8, 0.6], [0.28, 0.96]])
    background = NeutralBank.of(sample, bank)
    # The best cosines are 1, 0.8, 1, 0.8 and 0.96.
    assert (background.best.middle, background.best.spread) == pytest.approx((0.832, 0.2))
    # With the segment that each finds, the four others have 0.42, 0.64, 0.59, 0.47 and 0.6.
    assert (background.lead.middle, background.lead.spread) == pytest.approx((0.336, 0.182))


def test_the_usual_lies_below_the_half_as_some_neutral_texts_find_what_they_say():
    assert Usual.of(np.arange(101.0)[::-1]) == Usual(30.0, 65.0)
    assert Usual(3.0, 2.0).above(np.array([3.0, 7.0, 2.0])).tolist() == [0, 2, -0.5]
    assert np.isfinite(Usual.of(np.ones(5)).above(np.array([2.0]))).all()  # all alike


def test_doubt_has_an_end_on_both_sides():
    background = NeutralBank(np.zeros((9, 2)), Usual(0.0, 0.01), Usual(0.0, 0.01))
    found = background.match(np.array([1.0, 0.0]), np.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert found[0] == 1.0
    assert found[1] == pytest.approx(1.92875e-22, rel=1e-4, abs=0)  # e^-50


@pytest.mark.parametrize(
    ("best", "lead", "match"),
    [
        (0.0, 0.0, 1 / (1 + np.exp(1.76))),  # as near as neutral texts are
        (1.0, 0.0, 1 / (1 + np.exp(1.76 - 2.41))),  # a spread above the library's best
        (0.0, 1.0, 1 / (1 + np.exp(1.76 - 1.02))),  # above what is usual for this segment
        (-9.0, -9.0, 1 / (1 + np.exp(1.76 + 9 * 3.43))),
    ],
)
def test_a_match_is_told_by_how_far_a_text_stands_above_neutral_ones(best, lead, match):
    # The two furthest of the ten neutral texts say nothing of what is usual: the eight nearest do.
    bank = np.array([[cosine, 0.0] for cosine in np.arange(10) / 10])
    background = NeutralBank(bank, Usual(0.5 - 0.1 * best, 0.1), Usual(-0.05 - 0.2 * lead, 0.2))
    segment = np.array([[1.0, 0.0]])
    text = np.array([0.5, 0.0])
    assert background.evidence(text, segment) == pytest.approx(np.array([[best, lead]]))
    assert background.match(text, segment) == pytest.approx([match], abs=1e-4)


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_cosines_that_lie_further_apart_in_another_space_change_no_match(factor):
    rng = np.random.default_rng(3)
    cosines = rng.normal(0.0, 0.05, (40, 31))  # segments and texts, one of them asked for

    def matches(by: float) -> np.ndarray:
        background = NeutralBank.of(np.eye(40), by * cosines[:, :30].T)
        return background.match(by * cosines[:, 30], np.eye(40))

    assert matches(factor) == pytest.approx(matches(1.0))


def test_a_library_of_one_segment_has_a_background():
    bank = normalised(np.random.default_rng(2).normal(size=(20, 8)))
    assert np.isfinite(NeutralBank.of(bank[:1], bank).match(bank[3], bank[:1])).all()


def test_the_bank_is_encoded_once_and_again_when_it_is_damaged(library):
    backbone = load_backbone(choose_model("bundled"))
    first = read_bank(library, "space", backbone)
    assert first.shape == (len(neutral_texts()), backbone.dim)
    [file] = (library.vectors_folder / "space").iterdir()
    assert re.fullmatch(r"neutral-[0-9a-f]{16}\.npy", file.name)
    written = file.stat().st_mtime_ns
    assert np.array_equal(read_bank(library, "space", backbone), first)
    assert file.stat().st_mtime_ns == written
    stored = file.read_bytes()
    for damage in (b"", b"nonsense", stored[:-9], of(first[:5]), of(first[:, :5]), of(2 * first)):
        file.write_bytes(damage)
        assert np.allclose(read_bank(library, "space", backbone), first)
        assert file.read_bytes() == stored


def test_a_bank_whose_lengths_are_off_by_a_thousandth_is_made_again(library):
    backbone = load_backbone(choose_model("bundled"))
    first = read_bank(library, "space", backbone)
    [file] = (library.vectors_folder / "space").iterdir()
    for factor, kept in ((1.0005, True), (1.0015, False)):
        file.write_bytes(of((factor * first).astype(np.float32)))
        again = read_bank(library, "space", backbone)
        assert again == pytest.approx(factor * first if kept else first, rel=1e-5)


def test_a_model_reads_the_bank_once_for_all_libraries(library, tmp_path, monkeypatch):
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    backbone = load_backbone(choose_model("bundled"))
    first = read_bank(library, "space", backbone)
    monkeypatch.setattr(backbone.engine, "many_texts", None)
    assert np.array_equal(read_bank(library, "another space", backbone), first)


def test_where_the_bank_cannot_be_kept_it_is_made_each_time(library):
    backbone = load_backbone(choose_model("bundled"))
    (library.vectors_folder / "space").write_text("in the way")
    assert len(read_bank(library, "space", backbone)) == len(neutral_texts())


def of(bank: np.ndarray) -> bytes:
    """What a file holds in which an array is kept."""
    file = io.BytesIO()
    np.save(file, bank, allow_pickle=False)
    return file.getvalue()


def test_neutral_texts_are_many_different_and_none_is_empty():
    texts = neutral_texts()
    assert len(set(texts)) == len(texts) > 100
    assert all(text.strip() == text != "" for text in texts)
