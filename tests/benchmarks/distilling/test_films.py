"""Footage of a few pictures: as long as it is asked for, and never twice the same."""

import numpy as np

from benchmarks.distilling import films
from benchmarks.distilling.films import film_for
from indexer.reading.clip import sample_clip
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from tests.corpus import scene


def test_films_last_as_long_as_is_asked_for_and_move_on_other_ways(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "_SHOT_S", 0.5)
    monkeypatch.setattr(films, "_SHOTS", 2)
    pictures = {"a": scene(1), "b": scene(2)}
    assert film_for(pictures, tmp_path, total_s=4.0, seed=3) == 4
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "a-0.mp4", "a-1.mp4", "b-0.mp4", "b-1.mp4"
    ]  # fmt: skip
    first, second = (
        sample_clip(
            tmp_path / name,
            start_s=None,
            end_s=None,
            sampling=Sampling(frames=20, rate=0),
            short_side=48,
            settings=IndexSettings(),
        ).frames
        for name in ("a-0.mp4", "a-1.mp4")
    )
    assert len(first) == len(second) == 12
    assert np.abs(first[0].astype(int) - second[0]).mean() > 5
