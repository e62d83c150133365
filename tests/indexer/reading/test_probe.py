"""What is learnt of a file before it is decoded, and what is refused."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from indexer.reading.errors import DecodeFailed
from indexer.reading.probe import probe
from indexer.reading.settings import IndexSettings
from tests.corpus import shots, write_clip

SETTINGS = IndexSettings()


def test_describes_an_ordinary_video(good_videos: dict[str, Path]) -> None:
    info = probe(good_videos["plain.mp4"], SETTINGS)

    assert (info.container, info.codec) == ("mp4", "h264")
    assert (info.width, info.height, info.rotation) == (160, 96, 0)
    assert (info.duration_s, info.average_rate, info.frame_count) == (3.0, 25.0, 75)
    assert (info.start_offset_s, info.created_at) == (0.0, None)


def test_what_the_container_does_not_say_is_none(good_videos: dict[str, Path]) -> None:
    info = probe(good_videos["live.webm"], SETTINGS)

    assert (info.duration_s, info.frame_count) == (None, None)


def test_start_offset_is_what_a_browser_shows_first(good_videos: dict[str, Path]) -> None:
    assert probe(good_videos["offset.mp4"], SETTINGS).start_offset_s == 5.0
    assert probe(good_videos["offset.mkv"], SETTINGS).start_offset_s == 5.0


def test_rotated_video_has_the_size_of_its_display(odd_videos: dict[str, Path]) -> None:
    info = probe(odd_videos["rotated.mp4"], SETTINGS)

    assert (info.width, info.height, info.rotation) == (96, 160, 90)


def stamped(source: Path, target: Path, **entries: str) -> Path:
    """A copy whose container says when it was recorded."""
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(source)) as whole, av.open(str(target), "w", options=options) as output:
        output.metadata.update(entries)
        stream = output.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(whole.streams.video[0]):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return target


def test_creation_time_is_read(good_videos: dict[str, Path], tmp_path: Path) -> None:
    path = stamped(
        good_videos["plain.mp4"], tmp_path / "stamped.mp4", creation_time="2024-05-06T07:08:09Z"
    )

    assert probe(path, SETTINGS).created_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("telephone.mov", {"com.apple.quicktime.creationdate": "2024-05-07T01:30:00+0900"}),
        ("film.mkv", {"DATE_RECORDED": "2024-05-07T01:30:00+09:00"}),
        ("camera.mp4", {"date": "2024-05-07T01:30:00+09:00"}),
    ],
)
def test_the_zone_of_the_place_of_recording_is_kept(
    name: str, entries: dict[str, str], good_videos: dict[str, Path], tmp_path: Path
) -> None:
    path = stamped(
        good_videos["plain.mp4"], tmp_path / name, creation_time="2024-05-06T16:30:00Z", **entries
    )

    created_at = probe(path, SETTINGS).created_at

    assert created_at is not None
    assert created_at.isoformat() == "2024-05-07T01:30:00+09:00"


@pytest.mark.parametrize(
    ("name", "stage", "reason"),
    [
        ("empty.mp4", "signature", "it is empty"),
        ("text.mp4", "signature", "it is a text, not a video"),
        ("playlist.mp4", "signature", "it is a playlist (HLS), not a video"),
        ("list.mp4", "signature", "it is a list of other files (ffconcat), not a video"),
        (
            "no-index.mp4",
            "probe",
            "its index (moov) is missing or damaged: the file is probably cut off",
        ),
        ("sound-only.mp4", "probe", "it holds only sound"),
        (
            "huge.mp4",
            "probe",
            "its pictures of 12000 × 12000 are larger than max_pixels allows (40000000)",
        ),
    ],
)
def test_refused_with_a_sentence(
    refused_files: dict[str, Path], name: str, stage: str, reason: str
) -> None:
    with pytest.raises(DecodeFailed) as failed:
        probe(refused_files[name], SETTINGS)

    assert (failed.value.stage, failed.value.reason) == (stage, reason)


def test_too_long_is_refused(good_videos: dict[str, Path]) -> None:
    with pytest.raises(DecodeFailed, match="longer than max_hours allows"):
        probe(good_videos["plain.mp4"], IndexSettings(max_hours=2.9 / 3600))


def test_cover_picture_of_a_sound_file_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        sound = output.add_stream("aac", rate=16_000, layout="mono")
        picture = av.VideoFrame(64, 64, "yuvj420p")
        picture.pts, picture.time_base = 0, Fraction(1, 1)
        output.mux(cover.encode(picture))
        silence = av.AudioFrame(format="s16", layout="mono", samples=1024)
        silence.sample_rate, silence.pts = 16_000, 0
        output.mux(sound.encode(silence))
        output.mux(sound.encode())

    with pytest.raises(DecodeFailed, match="it holds only sound"):
        probe(path, SETTINGS)


def test_missing_file_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(DecodeFailed, match=r"cannot be opened \(No such file or directory\)"):
        probe(tmp_path / "gone.mp4", SETTINGS)


def test_sequel_of_a_playlist_is_never_read(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", shots([3]))
    script = tmp_path / "script.mp4"
    script.write_text("ffconcat version 1.0\nfile clip.mp4\n")

    with pytest.raises(DecodeFailed, match="not a video"):
        probe(script, SETTINGS)
