"""Looking again at the best segments with the query and all their frames."""

import numpy as np
import pytest
import torch

from models.errors import KinodexError
from models.heads.checkpoints import load_head
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice
from search.catalog.embeddings import normalised
from search.finding import engine
from search.finding.engine import SearchEngine
from search.finding.grouping import Candidate
from search.finding.reranking import NoSuchReranker, load_reranker
from tests.search.finding.test_engine import Shelf, axis
from tests.tiny import save_tiny_head

TEXT = "a cat"


@pytest.fixture
def query(backbone) -> np.ndarray:
    return normalised(backbone.embed_texts([TEXT]).numpy())[0]


@pytest.fixture
def shelf(library, backbone, query) -> Shelf:
    """A video that is like the query all along, and one that is exactly it for one frame of six."""
    shelf = Shelf(library, backbone)
    across = normalised(axis(0) - query * (axis(0) @ query)[:, None])[0]
    alike, exact = 0.6 * query + 0.8 * across, query
    shelf.put("/v/alike.mp4", np.stack([alike] * 6).astype(np.float32))
    shelf.put("/v/moment.mp4", np.stack([exact, *[-across] * 5]).astype(np.float32))
    return shelf


def names(hits) -> list[str]:
    return [hit.paths[0].stem for hit in hits]


def test_query_aware_finds_the_moment_that_the_mean_hides(library, shelf, backbone):
    assert names(SearchEngine.for_library(library, backbone).search(TEXT)) == ["alike", "moment"]
    again = SearchEngine.for_library(library, backbone, rerank="query-aware")
    hits = again.search(TEXT)
    assert names(hits) == ["moment", "alike"]
    assert hits[0].score == hits[0].why.rerank_score == pytest.approx(1.0, abs=0.01)
    assert hits[0].why.segment_similarity < hits[1].why.segment_similarity


def test_without_a_re_ranker_there_is_no_second_score(library, shelf, backbone):
    hit = SearchEngine.for_library(library, backbone).search(TEXT)[0]
    assert hit.why.rerank_score is None
    assert hit.score == hit.why.segment_similarity


def test_a_tight_head_ranks_by_its_own_scores_of_the_raw_text(library, shelf, backbone, tmp_path):
    file = save_tiny_head(tmp_path / "tight.safetensors", backbone, name="tightTransf")
    hits = SearchEngine.for_library(library, backbone, rerank=str(file)).search(TEXT)
    tight = load_head(HeadChoice(file=file), backbone.identity, 24).head
    frames = torch.stack([torch.from_numpy(shelf.frames[hit.segment]) for hit in hits])
    with torch.inference_mode():
        expected = tight(backbone.embed_texts([TEXT]), frames, torch.ones(2, 6, dtype=torch.bool))
    assert [hit.score for hit in hits] == pytest.approx(expected[0].tolist(), rel=2e-2, abs=2e-2)
    assert hits[0].score >= hits[1].score


def test_segments_behind_the_candidates_stay_in_their_order(
    library, shelf, backbone, query, monkeypatch
):
    monkeypatch.setattr(engine, "_RERANKED", 2)
    for number in range(3):
        shelf.put(f"/v/far-{number}.mp4", (-query - 0.1 * number * axis(number)[0])[None])
    hits = SearchEngine.for_library(library, backbone, rerank="query-aware").search(TEXT, k=5)
    assert names(hits)[:2] == ["moment", "alike"]
    assert [hit.why.rerank_score for hit in hits[2:]] == [None, None, None]
    rest = [hit.score for hit in hits[2:]]
    assert rest == sorted(rest, reverse=True)


def test_the_librarys_settings_name_a_re_ranker(library, shelf, backbone):
    library.settings_file.write_text('[search]\nrerank = "query-aware"\n')
    assert names(SearchEngine.for_library(library, backbone).search(TEXT))[0] == "moment"
    plain = SearchEngine.for_library(library, backbone, rerank="none")
    assert names(plain.search(TEXT))[0] == "alike"


def test_a_file_in_the_settings_is_sought_from_the_librarys_folder(library, shelf, backbone):
    save_tiny_head(library.folder / "tight.safetensors", backbone, name="tightTransf")
    library.settings_file.write_text('[search]\nrerank = "tight.safetensors"\n')
    hit = SearchEngine.for_library(library, backbone).search(TEXT)[0]
    assert hit.why.rerank_score is not None


def test_an_unknown_re_ranker_is_refused_by_name(library, shelf, backbone):
    with pytest.raises(NoSuchReranker, match="there is no re-ranker 'nonsense': say none, query"):
        SearchEngine.for_library(library, backbone, rerank="nonsense")


def test_a_head_that_fuses_does_not_re_rank(library, shelf, backbone, tmp_path):
    file = save_tiny_head(tmp_path / "loose.safetensors", backbone, name="seqLSTM")
    with pytest.raises(HeadMismatch, match="holds a seqLSTM head, which does not re-rank"):
        SearchEngine.for_library(library, backbone, rerank=str(file))


def test_malformed_search_settings_name_the_key(library, shelf, backbone):
    library.settings_file.write_text("[search]\nrerank = 3\n")
    with pytest.raises(KinodexError, match=r"\[search\], rerank: input should be a valid string"):
        SearchEngine.for_library(library, backbone)


def test_segments_that_are_gone_have_no_score(library, shelf, backbone, query):
    reranker = load_reranker("query-aware", backbone.identity, dim=24, device=torch.device("cpu"))
    with library.reading() as session:
        assert reranker.scores(session, torch.from_numpy(query), [98, 99]) == {}


def test_the_best_hundred_are_looked_at_again():
    class Backwards:
        def scores(self, _session, _text, segments: list[int]) -> dict[int, float]:
            return {segment: float(segment) for segment in segments if segment != 5}

    candidates = [Candidate(number, 1, 0, 1, similarity=0.5) for number in range(102)]
    found = engine._reranked(candidates, Backwards(), None, np.zeros(3))
    expected = [number for number in range(99, -1, -1) if number != 5]
    assert [one.segment for one in found] == [*expected, 100, 101]
    assert [one.reranked for one in found[-3:]] == [0.0, None, None]
