from pathlib import Path

import numpy as np
import pytest

from benchmarks.duplicates import Pass, go_through, mean_between, row_of
from benchmarks.inputs.footage import Shot, write_clip
from indexer.reading.settings import IndexSettings
from tests.tiny import tiny_backbone


def test_a_still_scene_is_encoded_once_or_frame_by_frame(tmp_path: Path):
    clip = write_clip(tmp_path / "still.mp4", [Shot(2, motion_px=0)], seed=1)
    backbone = tiny_backbone()
    assert go_through(clip, backbone, IndexSettings(skip_duplicates=False)).encoded == 8
    assert go_through(clip, backbone, IndexSettings()).encoded == 1


def test_a_row_tells_what_was_saved_and_how_far_embeddings_moved():
    full = Pass(10, decoding_s=1.0, encoding_s=2.0, embeddings=np.eye(2))
    skipping = Pass(4, decoding_s=1.1, encoding_s=1.0, embeddings=np.array([[1, 0], [0.6, 0.8]]))
    row = row_of("clip", full, skipping)
    assert row.frames_saved == 0.6
    assert row.encoding_saved == 0.5
    assert row.cosine_mean == pytest.approx(0.9)
    assert row.cosine_worst == pytest.approx(0.8)
    assert row.cosine_others == 0.0


def test_a_single_segment_has_no_others():
    assert mean_between(np.ones((1, 1))) is None
