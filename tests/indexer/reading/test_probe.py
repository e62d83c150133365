"""What is learnt of a file before it is decoded, and what is refused."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from av.stream import Disposition

from indexer.reading.errors import DecodeFailed
from indexer.reading.probe import VideoInfo, describe, first_picture, probe
from indexer.reading.settings import IndexSettings
from indexer.reading.streams import OpenStream
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


def described(
    *,
    rotation: float = 0,
    size: tuple[int, int] = (160, 96),
    aspect: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    of_stream: dict[str, str] | None = None,
    frames: int = 0,
    begins_us: int = 0,
) -> VideoInfo:
    """What is told of a file that says this of itself."""
    stream: Any = SimpleNamespace(
        codec_context=SimpleNamespace(codec=SimpleNamespace(canonical_name="h264")),
        sample_aspect_ratio=aspect,
        average_rate=None,
        frames=frames,
        metadata=of_stream or {},
        duration=None,
    )
    container = SimpleNamespace(duration=None, start_time=begins_us, metadata=metadata or {})
    video: Any = SimpleNamespace(name="mp4", container=container, stream=stream)
    first = SimpleNamespace(rotation=rotation, width=size[0], height=size[1])
    return describe(video, first, SETTINGS)


@pytest.mark.parametrize(
    ("told", "rotation", "size"),
    [
        (None, 0, (160, 96)),
        (44, 0, (160, 96)),
        (46, 90, (96, 160)),
        (-90, 270, (96, 160)),
        (180, 180, (160, 96)),
        (-180, 180, (160, 96)),
        (359, 0, (160, 96)),
    ],
)
def test_a_picture_is_turned_by_whole_quarters(told, rotation, size) -> None:
    info = described(rotation=told)
    assert (info.rotation, info.width, info.height) == (rotation, *size)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (None, (160, 96)),
        (Fraction(1), (160, 96)),
        (Fraction(4, 3), (213, 96)),
        (Fraction(1, 2), (160, 192)),
        (Fraction(8), (1280, 96)),
        (Fraction(81, 10), (160, 96)),
        (Fraction(1, 8), (160, 768)),
        (Fraction(1, 9), (160, 96)),
        (Fraction(0), (160, 96)),
    ],
)
def test_pixels_become_square_unless_they_are_said_to_be_absurdly_long(aspect, size) -> None:
    info = described(aspect=aspect)
    assert (info.width, info.height) == size


def test_what_is_not_told_is_none_and_no_offset_is_below_nothing() -> None:
    info = described(begins_us=-500_000)
    assert (info.duration_s, info.average_rate, info.frame_count) == (None, None, None)
    assert info.start_offset_s == 0
    assert described(frames=1).frame_count == 1
    assert described(begins_us=1_500_000).start_offset_s == 1.5


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"creation_time": "1970-12-31T00:00:00Z"}, None),
        ({"creation_time": "1971-01-01T00:00:00Z"}, "1971-01-01T00:00:00+00:00"),
        ({"date": "yesterday"}, None),
        ({"date": " 2020-01-02 "}, "2020-01-02T00:00:00+00:00"),
        ({"DATE": "2020-01-02"}, "2020-01-02T00:00:00+00:00"),
        (
            {"date": "2020-01-02", "creation_time": "2021-01-01T00:00:00Z"},
            "2021-01-01T00:00:00+00:00",
        ),
        (
            {"date": "2020-01-02T00:00:00-05:00", "creation_time": "2021-01-01T00:00:00Z"},
            "2020-01-02T00:00:00-05:00",
        ),
    ],
)
def test_a_file_was_recorded_when_it_says_so_plausibly_with_a_zone_before_all(
    metadata, told
) -> None:
    found = described(metadata=metadata).created_at
    assert (found and found.isoformat()) == told


def test_what_the_file_says_of_its_recording_counts_more_than_what_its_pictures_say() -> None:
    found = described(
        metadata={"creation_time": "2021-01-01T00:00:00Z"},
        of_stream={"creation_time": "2022-01-01T00:00:00Z"},
    ).created_at
    assert found == datetime(2021, 1, 1, tzinfo=UTC)
    found = described(of_stream={"creation_time": "2022-01-01T00:00:00Z"}).created_at
    assert found == datetime(2022, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "tells_of_memory"), [((34_000, 1000), False), ((34_001, 1000), True)]
)
def test_of_very_large_pictures_it_is_said_that_memory_may_lack(size, tells_of_memory) -> None:
    context = SimpleNamespace(width=size[0], height=size[1])
    video: Any = SimpleNamespace(
        pictures=lambda: iter(()), stream=SimpleNamespace(codec_context=context)
    )
    with pytest.raises(DecodeFailed, match="none of its pictures can be decoded") as failed:
        first_picture(video)
    assert failed.value.stage == "decode"
    assert ("more memory than decoder_memory_gb" in failed.value.reason) is tells_of_memory


def test_a_length_that_only_a_stray_sound_has_is_not_believed(good_videos, monkeypatch) -> None:
    monkeypatch.setattr("indexer.reading.probe.own_length_s", lambda _video: 9999.0)
    kept = IndexSettings(max_hours=4 / 3600)
    assert probe(good_videos["plain.mp4"], kept).duration_s is None
    assert probe(good_videos["offset.mp4"], kept).duration_s is None
    # Its last picture begins at 2.96 s.
    for seconds, is_refused in ((2.97, False), (2.95, True)):
        settings = IndexSettings(max_hours=seconds / 3600)
        if is_refused:
            with pytest.raises(DecodeFailed, match=r"it lasts 2\.8 hours or more"):
                probe(good_videos["plain.mp4"], settings)
        else:
            assert probe(good_videos["plain.mp4"], settings).duration_s is None


def test_only_what_comes_after_the_limit_is_read_of_a_length_that_is_not_believed(
    good_videos, monkeypatch
) -> None:
    sought: list[float] = []
    monkeypatch.setattr("indexer.reading.probe.own_length_s", lambda _video: 9999.0)
    monkeypatch.setattr(OpenStream, "seek", lambda _video, time_s: sought.append(time_s))
    assert probe(good_videos["offset.mp4"], IndexSettings(max_hours=4 / 3600)).duration_s is None
    assert sought == [pytest.approx(5.0 + 4.0)]


def test_a_clock_that_runs_over_tells_no_length(good_videos, monkeypatch) -> None:
    monkeypatch.setattr("indexer.reading.probe.own_length_s", lambda _video: 9999.0)
    settings = IndexSettings(max_hours=1 / 3600)
    assert probe(good_videos["plain.ts"], settings).duration_s is None
    assert probe(good_videos["plain.mpg"], settings).duration_s is None


def test_a_length_at_the_limit_is_taken(good_videos, monkeypatch) -> None:
    monkeypatch.setattr("indexer.reading.probe.own_length_s", lambda _video: 3.6)
    info = probe(good_videos["plain.mp4"], IndexSettings(max_hours=0.001))
    assert info.duration_s == 3.6
