"""Figures over held-out pairs; those over held-out actions stand in `test_export`."""

import pytest
import torch

from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.labels.label_texts import LabelTexts
from models.training.text_video import TextVideoModel
from models.training.validation import ActionValidator, PairValidator

DIM = 16
WAYS = torch.eye(DIM)


def frames_of(shown: torch.Tensor):
    """Each video is one direction, in two frames."""
    frames = shown.unsqueeze(1).repeat(1, 2, 1)

    def some(start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        return frames[start:stop], torch.ones(stop - start, 2, dtype=torch.bool)

    return some


def test_retrieval_figures_are_told_both_ways():
    # Texts 0 to 2 find their videos first; that of text 3 has only the last video behind it.
    videos = torch.stack([WAYS[0], WAYS[1], WAYS[2], WAYS[3] - WAYS[4], -WAYS[4]])
    texts = torch.stack([WAYS[0], WAYS[1], WAYS[2], WAYS[4], -WAYS[4]])
    validate = PairValidator(texts, torch.arange(5), frames_of(videos), videos=5)
    assert validate(TextVideoModel(make_head(HeadConfig("meanP", DIM))).eval()) == {
        "r1": 80.0,
        "r5": 100.0,
        "r10": 100.0,
        "median_rank": 1.0,
        "video_to_text_r1": 80.0,
    }


def test_recalls_are_those_at_one_five_and_ten():
    # Text i is nearest to the videos before its own: its rank is i + 1.
    nearness = torch.tensor([1 - 0.05 * number for number in range(DIM)])
    videos = torch.eye(DIM + 1)[:DIM] * (1 - nearness.square()).sqrt()[:, None]
    videos[:, DIM] = nearness
    texts = torch.eye(DIM + 1)[DIM].expand(DIM, -1)
    validate = PairValidator(texts, torch.arange(DIM), frames_of(videos), videos=DIM)
    found = validate(TextVideoModel(make_head(HeadConfig("meanP", DIM + 1))).eval())
    assert (found["r1"], found["r5"], found["r10"]) == (6.25, 31.25, 62.5)
    assert found["median_rank"] == 8.5


def test_several_texts_of_a_video_are_queries_of_their_own():
    texts = torch.stack([WAYS[0], WAYS[1], WAYS[1]])
    validate = PairValidator(texts, torch.tensor([0, 0, 1]), frames_of(WAYS[:2]), videos=2)
    found = validate(TextVideoModel(make_head(HeadConfig("meanP", DIM))).eval())
    assert found["r1"] == pytest.approx(200 / 3)


def test_a_head_that_reads_texts_scores_every_pair():
    torch.manual_seed(3)
    model = TextVideoModel(make_head(HeadConfig("tightTransf", DIM, blocks=1))).eval()
    videos, texts = torch.randn(70, DIM), torch.randn(66, DIM)
    mask = torch.ones(70, 2, dtype=torch.bool)
    validate = PairValidator(texts, torch.arange(66), frames_of(videos), videos=70)
    with torch.no_grad():
        scores = validate._scores(model)
        expected = model.head(texts, videos.unsqueeze(1).repeat(1, 2, 1), mask)
    torch.testing.assert_close(scores.rows(0, 66), expected, atol=1e-5, rtol=1e-4)


def test_actions_are_found_among_the_first_one_and_the_first_five():
    def video(rank: int) -> torch.Tensor:
        """One whose own label, the first, fits so many-th best of seven."""
        order = [1, 2, 3, 4, 5, 6]
        order.insert(rank - 1, 0)
        return sum((7 - place) * WAYS[label] for place, label in enumerate(order))

    videos = torch.stack([video(rank) for rank in (1, 2, 5, 6)])
    holds = torch.zeros(4, 7, dtype=torch.bool)
    holds[:, 0] = True
    texts = LabelTexts(WAYS[None, :7], WAYS[-2:])
    validate = ActionValidator(texts, holds, frames_of(videos))
    found = validate(TextVideoModel(make_head(HeadConfig("meanP", DIM))).eval())
    assert found == {"top1": 25.0, "top5": 75.0, "mean_per_class": 25.0}
