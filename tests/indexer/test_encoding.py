"""Segments wait for a batch, and come back as whole videos."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.decoding import Opened
from indexer.encoding import Encoder, GrowingVideo
from indexer.reading.probe import VideoInfo
from indexer.reading.video import DecodedSegment, DecodeSummary
from indexer.registration import PathToIndex
from tests.tiny import tiny_backbone, tiny_head

JOB = PathToIndex(5, Path("/v/a.mp4"), 1234, 0)
INFO = VideoInfo("mp4", "h264", 4.0, 0.5, 640, 360, 90, 25.0, 100, None)


def segment(index: int, *greys: int, stands_for: tuple[int, ...] | None = None) -> DecodedSegment:
    """A segment of plain frames, of which some stand for several."""
    frames = np.stack([np.full((32, 32, 3), grey, np.uint8) for grey in greys])
    unique = np.array(stands_for or range(len(greys)))
    times_s = index + np.arange(len(unique)) / 10
    return DecodedSegment(index, index, index + 1.0, times_s, unique, frames, index + 0.1, b"jpeg")


def test_frames_wait_until_there_are_enough_for_a_batch():
    backbone = tiny_backbone()
    encoder = Encoder(backbone, tiny_head(backbone))
    assert (encoder.waiting_frames, encoder.is_full) == (0, False)
    for _ in range(backbone.batch_size - 1):
        encoder.add(JOB, segment(0, 90))
    assert (encoder.waiting_frames, encoder.is_full) == (backbone.batch_size - 1, False)
    encoder.add(JOB, segment(0, 90))
    assert encoder.is_full
    assert len(list(encoder.encode())) == backbone.batch_size
    assert encoder.waiting_frames == 0


def test_segments_come_back_in_their_order_with_their_own_embeddings():
    backbone = tiny_backbone()
    encoder = Encoder(backbone, tiny_head(backbone))
    segments = [segment(0, 10, 200, stands_for=(0, 0, 1)), segment(1, 90)]
    for one in segments:
        encoder.add(JOB, one)
    for (job, decoded, new), given in zip(encoder.encode(), segments, strict=True):
        assert (job, decoded) == (JOB, given)
        alone = backbone.embed_clips([given.frames])[0].half().float().numpy()
        assert new.frame_embeddings == pytest.approx(alone, abs=1e-3)
        mean = np.mean([row / np.linalg.norm(row) for row in alone[given.unique_index]], axis=0)
        assert new.embedding == pytest.approx(mean / np.linalg.norm(mean), abs=1e-3)
        assert (new.start_s, new.end_s) == (given.start_s, given.end_s)
        assert new.keyframe_s == given.keyframe_s
        assert new.frame_times_s.tolist() == given.frame_times_s.tolist()
        assert new.unique_index.tolist() == given.unique_index.tolist()
        assert new.action_embedding is None


def test_another_head_for_actions_gives_each_segment_a_second_embedding():
    backbone = tiny_backbone()
    encoder = Encoder(backbone, tiny_head(backbone))
    encoder.add(JOB, segment(0, 10, 200))
    [(_, _, before)] = encoder.encode()
    encoder.fuse_for_actions(tiny_head(backbone))
    encoder.add(JOB, segment(0, 10, 200))
    [(_, _, new)] = encoder.encode()
    assert before.action_embedding is None
    assert new.action_embedding.tolist() == new.embedding.tolist()


def test_a_video_is_put_together_in_the_order_of_its_segments():
    zone = timezone(timedelta(hours=9))
    info = VideoInfo(**{**vars(INFO), "created_at": datetime(2024, 5, 7, 1, 30, tzinfo=zone)})
    first: Any = object()
    second: Any = object()
    video = GrowingVideo(Opened(JOB, "5eed", info), segments={1: second, 0: first})
    made = video.finished(DecodeSummary(9, 3, 4.04))
    assert made.segments == (first, second)
    assert (made.content_hash, made.size_bytes, made.container, made.codec) == (
        "5eed",
        1234,
        "mp4",
        "h264",
    )
    assert (made.duration_s, made.width, made.height, made.rotation) == (4.04, 640, 360, 90)
    assert (made.average_rate, made.start_offset_s) == (25.0, 0.5)
    assert made.recorded_at == datetime(2024, 5, 7, 1, 30)
    assert (made.frames_sampled, made.bad_frames) == (9, 3)
    undated = GrowingVideo(Opened(JOB, "5eed", INFO)).finished(DecodeSummary(0, 0, 1.0))
    assert undated.recorded_at is None
