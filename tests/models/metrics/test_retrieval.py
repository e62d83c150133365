"""Ranks and recalls on small matrices whose right answers can be read off."""

import pytest
import torch

from models.metrics.retrieval import (
    RetrievalMetrics,
    best_texts,
    best_videos,
    ranks,
    text_to_video,
    text_to_video_ranks,
    video_to_text,
    video_to_text_ranks,
)
from models.metrics.scores import (
    CosineScores,
    ScoresNotFinite,
    StoredScores,
    blocks,
    dual_softmax,
    query_bank_normalised,
)


def test_a_rank_is_one_more_than_how_many_are_better():
    similarities = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    assert ranks(similarities, torch.tensor([0, 1, 2])).tolist() == [1, 2, 3]


def test_others_that_are_equal_count_as_better():
    similarities = torch.tensor([[1.0, 1.0, 0.0, 1.0], [0.0, 2.0, 2.0, 3.0]])
    assert ranks(similarities, torch.tensor([0, 1])).tolist() == [3, 3]


def test_a_model_that_says_the_same_of_everything_is_worst():
    result = text_to_video(torch.ones(4, 4))
    assert (result.r1, result.mean_rank, result.count) == (0.0, 4.0, 4)


def test_a_score_that_is_no_number_is_refused_by_name():
    similarities = torch.zeros(3, 3)
    similarities[1, 2] = torch.nan
    with pytest.raises(ScoresNotFinite, match="text 1 with video 2 is NaN"):
        text_to_video(similarities)
    with pytest.raises(ScoresNotFinite):
        ranks(similarities, torch.arange(3))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 0.0])
def test_an_embedding_that_has_no_direction_is_refused_by_name(value):
    embeddings = torch.ones(3, 2)
    embeddings[2] = value
    with pytest.raises(ScoresNotFinite, match="embedding of video 2 is NaN, infinite or zero"):
        CosineScores(torch.ones(3, 2), embeddings)


def test_recalls_are_percent_and_the_median_is_between_the_middle_two():
    result = RetrievalMetrics.of_ranks(torch.tensor([1, 1, 2, 6, 11, 51]))
    assert result.r1 == pytest.approx(100 * 2 / 6)
    assert result.r5 == pytest.approx(50)
    assert result.r10 == pytest.approx(100 * 4 / 6)
    assert result.r50 == pytest.approx(100 * 5 / 6)
    assert result.median_rank == 4.0
    assert result.mean_rank == 12.0
    assert result.count == 6


def test_no_query_at_all_is_an_error():
    with pytest.raises(ValueError, match="no queries"):
        RetrievalMetrics.of_ranks(torch.tensor([]))


def test_one_text_and_one_video_are_enough():
    assert text_to_video(torch.zeros(1, 1)).r1 == 100.0
    assert video_to_text(torch.zeros(1, 1)).r1 == 100.0


def test_video_to_text_looks_down_the_columns():
    similarities = torch.tensor([[0.5, 0.9], [0.1, 0.8]])
    assert text_to_video_ranks(similarities).tolist() == [2, 1]
    assert video_to_text_ranks(similarities).tolist() == [1, 2]


# Video 0 has three captions, video 1 has one, video 2 has two.
RAGGED = torch.tensor([0, 0, 0, 1, 2, 2])
RAGGED_SCORES = torch.tensor(
    [
        [0.9, 0.1, 0.3],
        [0.2, 0.8, 0.3],
        [0.1, 0.1, 0.5],
        [0.3, 0.7, 0.4],
        [0.0, 0.2, 0.1],
        [0.0, 0.6, 0.6],
    ]
)


def test_every_caption_is_a_query_of_its_own():
    # The third and the last caption like another video just as well: a tie counts against them.
    assert text_to_video_ranks(RAGGED_SCORES, RAGGED).tolist() == [1, 3, 3, 1, 2, 2]


def test_a_video_is_compared_with_the_best_caption_of_each_group():
    # In column 1 the groups reach 0.8, 0.7 and 0.6: its own is the second.
    assert video_to_text_ranks(RAGGED_SCORES, RAGGED).tolist() == [1, 2, 1]


def test_a_group_counts_once_however_many_of_its_captions_are_better():
    similarities = torch.tensor([[0.9, 0.0], [0.8, 0.0], [0.0, 0.5], [0.0, 0.1]])
    owner = torch.tensor([1, 1, 0, 0])
    # Two captions of video 1 are better for video 0 than its own, but they are one group.
    assert video_to_text_ranks(similarities, owner).tolist() == [2, 2]


def test_the_order_of_captions_does_not_matter():
    order = torch.tensor([4, 0, 3, 5, 2, 1])
    shuffled = video_to_text_ranks(RAGGED_SCORES[order], RAGGED[order])
    assert shuffled.tolist() == [1, 2, 1]


def test_a_video_without_caption_may_distract_but_not_ask():
    similarities = torch.tensor([[0.5, 0.1, 0.9], [0.2, 0.3, 0.1]])
    owner = torch.tensor([0, 1])
    assert text_to_video_ranks(similarities, owner).tolist() == [2, 1]
    with pytest.raises(ValueError, match="video 2 has no text"):
        video_to_text(similarities, owner)


def test_unequal_numbers_need_to_be_told_which_text_is_whose():
    with pytest.raises(ValueError, match="6 texts and 3 videos"):
        text_to_video(RAGGED_SCORES)


def test_blocks_give_what_the_whole_matrix_gives(monkeypatch):
    monkeypatch.setattr("models.metrics.scores._BLOCK_BYTES", 4 * 7 * 30)  # a few rows at once
    random = torch.Generator().manual_seed(5)
    texts, videos = torch.randn(200, 8, generator=random), torch.randn(30, 8, generator=random)
    owner = torch.arange(200) % 30
    blockwise = CosineScores(texts, videos)
    unit = torch.nn.functional.normalize
    whole = unit(texts) @ unit(videos).T
    counted = [int((row >= row[own]).sum()) for row, own in zip(whole, owner, strict=True)]
    assert text_to_video_ranks(blockwise, owner).tolist() == counted
    groups = torch.stack([whole[owner == video].max(dim=0).values for video in range(30)])
    counted = [int((groups[:, own] >= groups[own, own]).sum()) for own in range(30)]
    assert video_to_text_ranks(blockwise, owner).tolist() == counted


def test_blocks_cover_all_rows_and_are_of_32_megabytes_or_of_one_row():
    assert list(blocks(5, 4 * 2**20)) == [(0, 2), (2, 4), (4, 5)]
    assert list(blocks(2, 9 * 2**20)) == [(0, 1), (1, 2)]
    assert list(blocks(2, 2**21)) == [(0, 2)]
    assert list(blocks(3, 0)) == [(0, 3)]
    assert list(blocks(0, 7)) == []


def test_a_score_that_is_no_number_is_refused_also_beside_a_better_caption():
    class Scored(StoredScores):
        def __init__(self) -> None:
            self.texts, self.videos = 3, 2
            self._similarities = torch.tensor([[0.9, 0.1], [torch.nan, 0.1], [0.2, 0.4]])

    with pytest.raises(ScoresNotFinite, match="the score of text 1 with video 0 is NaN"):
        video_to_text_ranks(Scored(), torch.tensor([0, 0, 1]))


def test_the_length_of_embeddings_does_not_matter():
    texts, videos = torch.randn(9, 4), torch.randn(9, 4)
    longer = CosineScores(300 * texts, (7 * videos).half())
    expected = text_to_video_ranks(CosineScores(texts, videos.half()))
    assert torch.equal(text_to_video_ranks(longer), expected)


def test_the_best_come_first():
    found = best_videos(RAGGED_SCORES, 2)
    assert found.positions[:2].tolist() == [[0, 2], [1, 2]]
    assert found.scores[0].tolist() == pytest.approx([0.9, 0.3])
    assert best_texts(RAGGED_SCORES, 99).positions.shape == (3, 6)


def test_dual_softmax_takes_from_a_video_that_everybody_likes():
    # Video 0 is the favourite of both texts, but only the first is sure of it.
    similarities = torch.tensor([[0.9, 0.2], [0.7, 0.6]])
    assert text_to_video_ranks(similarities).tolist() == [1, 2]
    adjusted = dual_softmax(StoredScores(similarities), scale=10)
    assert text_to_video_ranks(adjusted).tolist() == [1, 1]


def test_dual_softmax_is_the_product_of_both_softmaxes():
    random = torch.Generator().manual_seed(3)
    similarities = torch.randn(5, 4, generator=random)
    adjusted = dual_softmax(StoredScores(similarities), scale=2.0)
    product = (2 * similarities).softmax(dim=0) * (2 * similarities).softmax(dim=1)
    expected = product.log() / 2
    # They differ by one constant for all.
    difference = adjusted.rows(0, 5) - expected
    assert torch.allclose(difference, difference[0, 0].expand(5, 4), atol=1e-5)
    assert torch.equal(adjusted.columns(1, 3), adjusted.rows(0, 5)[:, 1:3])


def test_dual_softmax_keeps_scores_apart_that_a_softmax_would_round_to_zero():
    similarities = torch.tensor([[0.9, -0.9, -0.8], [-0.9, 0.9, -0.9], [0.0, 0.1, 0.2]])
    assert text_to_video_ranks(dual_softmax(StoredScores(similarities), scale=500)).tolist() == [
        1,
        1,
        1,
    ]


def test_a_query_bank_takes_from_a_video_that_other_texts_like():
    similarities = StoredScores(torch.tensor([[0.9, 0.2], [0.7, 0.6]]))
    bank = StoredScores(torch.tensor([[0.8, 0.1], [0.9, 0.3]]))
    adjusted = query_bank_normalised(similarities, bank, scale=20)
    assert text_to_video_ranks(similarities).tolist() == [1, 2]
    assert text_to_video_ranks(adjusted).tolist() == [1, 1]


def test_a_query_bank_leaves_texts_alone_whose_best_video_nobody_else_likes_best():
    similarities = StoredScores(torch.tensor([[0.9, 0.2], [0.3, 0.6]]))
    bank = StoredScores(torch.tensor([[0.8, 0.1]]))
    adjusted = query_bank_normalised(similarities, bank)
    assert adjusted.rows(1, 2)[0].tolist() == pytest.approx([0.3, 0.6])
    assert adjusted.rows(0, 1)[0].tolist() != pytest.approx([0.9, 0.2])


def test_a_query_bank_must_score_the_same_videos():
    with pytest.raises(ValueError, match="scores 3 videos, not 2"):
        query_bank_normalised(StoredScores(torch.eye(2)), StoredScores(torch.eye(3)))


@pytest.mark.parametrize("kind", ["cosines", "stored", "dual softmax", "query bank"])
def test_rows_and_columns_are_parts_of_one_matrix(kind):
    draw = torch.Generator().manual_seed(4)
    texts, bank, videos = (torch.randn(count, 6, generator=draw) for count in (5, 9, 7))
    plain = CosineScores(texts, videos)
    scores = {
        "cosines": plain,
        "stored": StoredScores(plain.rows(0, 5).double()),
        "dual softmax": dual_softmax(plain, scale=10.0),
        "query bank": query_bank_normalised(plain, CosineScores(bank, videos), scale=10.0),
    }[kind]
    assert (scores.texts, scores.videos) == (5, 7)
    whole = scores.rows(0, 5)
    assert (whole.shape, whole.dtype) == ((5, 7), torch.float32)
    torch.testing.assert_close(scores.rows(1, 3), whole[1:3])
    torch.testing.assert_close(scores.columns(0, 7), whole)
    torch.testing.assert_close(scores.columns(2, 6), whole[:, 2:6])


def test_plain_figures_are_the_same_after_others_were_asked_for():
    scores = StoredScores(RAGGED_SCORES)
    before = text_to_video(scores, RAGGED)
    text_to_video(dual_softmax(scores, scale=100), RAGGED)
    assert text_to_video(scores, RAGGED) == before


def test_texts_and_videos_must_be_told_apart_and_each_text_has_a_video():
    with pytest.raises(ValueError, match="video_of_text names 2 texts, not 3"):
        text_to_video(torch.zeros(3, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"shape \(texts, videos\), not \(3,\)"):
        text_to_video(torch.zeros(3))
