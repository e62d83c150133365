from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from benchmarks.inputs.embeddings import unit
from benchmarks.inputs.shelves import fill
from search.catalog.store import Store
from search.catalog.tables import Segment, Video
from search.finding.engine import SearchEngine
from tests.tiny import tiny_backbone


def test_a_filled_library_answers_like_an_indexed_one(tmp_path: Path):
    vectors = unit(np.random.default_rng(1).standard_normal((30, 24), dtype=np.float32))
    with Store.open(tmp_path / "library", create=True) as library:
        fill(library, tiny_backbone(), vectors)
        with library.reading() as session:
            assert session.scalar(select(func.count(Segment.id))) == 30
            assert session.scalar(select(func.count(Video.id))) == 3
        hit = SearchEngine.for_library(library, tiny_backbone()).search_vector(vectors[13], 2)[0]
    assert hit.segment == 14
    assert hit.paths == (Path("/videos/1/1.mp4"),)
    assert (hit.start_s, hit.end_s) == (12.0, 24.0)
    assert 12.0 <= hit.best_s < 24.0
