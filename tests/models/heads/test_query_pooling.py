"""Pooling by the query: frames count by how well they fit the text."""

import pytest
import torch
from torch.nn import functional as F

from models.frame_sets import EmptyVideo
from models.heads.query_pooling import query_aware_similarity
from tests.models.random_heads import (
    DIM,
    GARBAGE,
    MASK,
    random_clips,
    random_head,
    random_texts,
    with_padding_of,
)


@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0])
def test_frames_are_weighted_by_how_well_they_fit_the_text(temperature):
    texts, clips = random_texts(), random_clips()
    scores = query_aware_similarity(texts, clips, MASK, temperature=temperature)
    assert scores.shape == (3, 4)
    for row, text in enumerate(texts):
        for column in range(4):
            frames = F.normalize(clips[column, MASK[column]], dim=-1)
            weights = (frames @ F.normalize(text, dim=0) / temperature).softmax(0)
            expected = torch.cosine_similarity(text, weights @ frames, dim=0)
            torch.testing.assert_close(scores[row, column], expected, atol=1e-6, rtol=1e-5)


def test_the_usual_temperature_is_that_of_clip():
    texts, clips = random_texts(), random_clips()
    expected = query_aware_similarity(texts, clips, MASK, temperature=0.01)
    assert torch.equal(query_aware_similarity(texts, clips, MASK), expected)


def test_a_high_temperature_is_mean_pooling():
    expected = F.normalize(random_texts(), dim=-1) @ random_head("meanP")(random_clips(), MASK).T
    scores = query_aware_similarity(random_texts(), random_clips(), MASK, temperature=1e6)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)


def test_a_low_temperature_is_the_best_frame():
    cosines = torch.cosine_similarity(
        random_texts()[:, None, None], random_clips()[None], dim=-1
    ).masked_fill(~MASK, -1)
    scores = query_aware_similarity(random_texts(), random_clips(), MASK, temperature=1e-5)
    torch.testing.assert_close(scores, cosines.amax(-1), atol=1e-5, rtol=0)


def test_the_query_finds_the_one_frame_that_shows_it_where_the_mean_does_not():
    text = torch.zeros(1, DIM)
    text[0, 0] = 1.0
    moment = random_clips(1)
    moment[..., 0] = 0.0
    moment[0, 2] = text
    similar = random_clips(1)
    similar[..., 0] = 0.6
    clips, whole = torch.cat([moment, similar]), torch.ones(2, 6, dtype=torch.bool)
    means = random_head("meanP")(clips, whole) @ text[0]
    scores = query_aware_similarity(text, clips, whole)[0]
    assert means[1] > means[0]
    assert scores[0] > scores[1]


@pytest.mark.parametrize("value", GARBAGE)
def test_pooling_by_the_query_reads_no_padding(value):
    dirty = with_padding_of(random_clips(), MASK, value).requires_grad_()
    scores = query_aware_similarity(random_texts(), dirty, MASK)
    assert torch.equal(scores, query_aware_similarity(random_texts(), random_clips(), MASK))
    scores.sum().backward()
    assert dirty.grad.isfinite().all()
    with pytest.raises(EmptyVideo):
        query_aware_similarity(random_texts(), dirty, torch.zeros_like(MASK))
