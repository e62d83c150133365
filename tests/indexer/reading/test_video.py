"""From a file to its segments, keyframes and summary."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.reading.errors import DecodeFailed
from indexer.reading.probe import VideoInfo
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodedSegment, DecodeSummary, decode_video, thumbnail
from tests.corpus import read_number, scene, write_clip

SETTINGS = IndexSettings()


def decode(
    path: Path, settings: IndexSettings = SETTINGS, *, short_side: int = 96
) -> tuple[VideoInfo, list[DecodedSegment], DecodeSummary]:
    info, *segments, summary = decode_video(path, short_side=short_side, settings=settings)
    assert isinstance(info, VideoInfo)
    assert isinstance(summary, DecodeSummary)
    return info, [one for one in segments if isinstance(one, DecodedSegment)], summary


@pytest.mark.parametrize(
    "name",
    ["plain.mp4", "vp9.webm", "av1.mp4", "mpeg4.avi", "plain.ts", "animated.gif", "offset.mkv"],
)
def test_segments_are_the_shots_and_hold_their_frames(
    good_videos: dict[str, Path], name: str
) -> None:
    _, segments, summary = decode(good_videos[name])

    assert [(one.start_s, one.end_s) for one in segments] == [
        pytest.approx((0.0, 0.8), abs=0.002),
        pytest.approx((0.8, 1.8), abs=0.002),
        pytest.approx((1.8, 3.0), abs=0.002),
    ]
    assert (summary.frames_sampled, summary.bad_frames) == (24, 0)
    assert summary.duration_s == pytest.approx(3.0, abs=0.002)
    for one in segments:
        numbers = [read_number(one.frames[unique]) for unique in one.unique_index]
        assert numbers == [round(time_s * 25) for time_s in one.frame_times_s]


def test_shapes_and_types(good_videos: dict[str, Path]) -> None:
    _, [first, *_], _ = decode(good_videos["plain.mp4"], short_side=48)

    assert (first.frames.shape, first.frames.dtype) == ((8, 48, 80, 3), np.uint8)
    assert (first.frame_times_s.shape, first.frame_times_s.dtype) == ((8,), np.float64)
    assert (first.unique_index.shape, first.unique_index.dtype) == ((8,), np.int64)
    with Image.open(io.BytesIO(first.keyframe_jpeg)) as keyframe:
        assert keyframe.size == (80, 48)
        at = np.flatnonzero(first.frame_times_s == first.keyframe_s)[0]
        shown = first.frames[first.unique_index[at]]
        assert np.abs(np.asarray(keyframe, float) - shown).mean() < 8


def test_a_still_film_needs_one_frame_of_many(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "still.mp4", [scene(1)] * 150)

    _, [skipping], _ = decode(path)
    _, [keeping], _ = decode(path, IndexSettings(skip_duplicates=False))

    assert (len(skipping.frames), skipping.unique_index.tolist()) == (1, [0] * 12)
    assert (len(keeping.frames), keeping.unique_index.tolist()) == (12, list(range(12)))


@pytest.mark.parametrize(("name", "frames"), [("one-frame.mp4", 1), ("tenth-of-a-second.mp4", 3)])
def test_the_shortest_videos_have_one_segment(
    odd_videos: dict[str, Path], name: str, frames: int
) -> None:
    _, [only], summary = decode(odd_videos[name])

    assert len(only.frame_times_s) == frames
    assert (only.start_s, only.end_s) == (0.0, pytest.approx(frames / 25))
    assert summary.duration_s == only.end_s


def test_what_can_be_read_of_damaged_files_is_given(odd_videos: dict[str, Path]) -> None:
    for name in ("cut-off.mp4", "bits-flipped.mp4"):
        _, segments, summary = decode(odd_videos[name])
        assert len(segments) >= 1
        assert summary.bad_frames > 0


def test_rotated_videos_are_decoded_upright(odd_videos: dict[str, Path]) -> None:
    _, [first, *_], _ = decode(odd_videos["rotated.mp4"])

    assert first.frames.shape[1:] == (160, 96, 3)


def test_a_file_without_a_whole_picture_fails(good_videos: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "head.ts"
    path.write_bytes(good_videos["plain.ts"].read_bytes()[: 188 * 4])

    with pytest.raises(DecodeFailed) as failed:
        decode(path)

    assert failed.value.stage in ("probe", "decode")
    assert "damaged" in failed.value.reason


def test_thumbnail_is_the_picture_at_its_time(good_videos: dict[str, Path]) -> None:
    jpeg = thumbnail(good_videos["plain.mp4"], 1.96, short_side=96, settings=SETTINGS)

    with Image.open(io.BytesIO(jpeg)) as picture:
        assert read_number(np.asarray(picture)) == 49
