"""Scores of cached clips by every kind of head, against the head called directly."""

from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames import scoring
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.scoring import ClipScorer, embed_captions
from indexer.reading.sampling import Sampling
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.heads.query_pooling import query_aware_similarity
from models.metrics.retrieval import text_to_video_ranks
from tests.tiny import tiny_backbone

CPU = torch.device("cpu")
WINDOWS = [ClipWindow(Path(f"{number}.mp4")) for number in range(10)]


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture
def cache(backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrameCache:
    """Ten clips of one to three frames with random embeddings, to be read three at a time."""
    monkeypatch.setattr(scoring, "_CLIPS_AT_ONCE", 3)
    cache = FrameCache.of_embeddings(tmp_path, backbone, Sampling(frames=3))
    random = np.random.default_rng(4)
    with cache._store.filling() as appender:
        for number, window in enumerate(WINDOWS):
            rows = random.standard_normal((number % 3 + 1, 24)).astype(np.float16)
            appender.add(window, None, rows)
    return cache


@pytest.fixture
def texts() -> torch.Tensor:
    return torch.randn(7, 24, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", ["meanP", "seqLSTM", "seqTransf"])
def test_a_loose_head_gives_cosines_of_its_clip_embeddings(cache, texts, name):
    head = make_head(HeadConfig(name, 24, attention_heads=2)).eval()
    frames, mask = cache.batch(WINDOWS)
    with torch.no_grad():
        expected = torch.nn.functional.normalize(texts) @ head(frames.float(), mask).T
    scores = ClipScorer(head, cache, WINDOWS, device=CPU).scores(texts)
    assert torch.allclose(scores.rows(0, 7), expected, atol=1e-5)


def test_the_tight_head_scores_every_pair(cache, texts):
    head = make_head(HeadConfig("tightTransf", 24, attention_heads=2)).eval()
    frames, mask = cache.batch(WINDOWS)
    with torch.no_grad():
        expected = head(texts, frames.float(), mask)
    scores = ClipScorer(head, cache, WINDOWS, device=CPU).scores(texts)
    assert torch.allclose(scores.columns(0, 10), expected, atol=1e-5)


@pytest.mark.parametrize(("weights", "at_once"), [(20, [2, 2, 2, 1]), (1, [1] * 7)])
def test_the_query_aware_head_scores_every_pair_with_few_texts_at_once(
    cache, texts, monkeypatch, weights, at_once
):
    compared: list[int] = []

    def compare(part, frames, mask):
        compared.append(len(part))
        return query_aware_similarity(part, frames, mask)

    monkeypatch.setattr(scoring, "_WEIGHTS_AT_ONCE", weights)  # of nine for each text
    monkeypatch.setattr(scoring, "query_aware_similarity", compare)
    frames, mask = cache.batch(WINDOWS)
    expected = query_aware_similarity(texts, frames.float(), mask)
    scores = ClipScorer(None, cache, WINDOWS, device=CPU).scores(texts)
    assert torch.allclose(scores.rows(0, 7), expected, atol=1e-5)
    # A fourth block is of the last clip alone.
    assert compared[: 3 * len(at_once)] == at_once * 3
    assert text_to_video_ranks(scores, torch.arange(7)).shape == (7,)


def test_captions_come_in_their_order_and_equal_ones_are_equal(backbone, monkeypatch):
    monkeypatch.setattr(scoring, "_TEXTS_AT_ONCE", 2)
    captions = ["a cat", "two dogs", "a cat", "a bird on a wire", "rain"]
    embeddings = embed_captions(backbone, captions)
    assert torch.equal(embeddings[0], embeddings[2])
    for caption, row in zip(captions, embeddings, strict=True):
        assert torch.allclose(row, backbone.embed_texts([caption])[0], atol=1e-5)
