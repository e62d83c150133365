"""An open file: where it is wound to, which packets come, and what is passed over."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from indexer.reading import streams
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.streams import OpenStream, open_video, own_length_s, skimmed
from tests.corpus import shots, write_clip

SETTINGS = IndexSettings()
MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Packet:
    """A packet with times in milliseconds."""

    pts: int | None
    is_keyframe: bool = False
    size: int = 1000
    dts: int | None = None
    time_base: Fraction = MILLISECOND


def every_second(*keyframes: int, count: int = 10) -> list[Packet]:
    return [Packet(1000 * n, is_keyframe=n in keyframes) for n in range(count)]


def begins_s(packets: Iterator[Packet]) -> list[float]:
    return [packet.pts / 1000 for packet in packets if packet.pts is not None]


def test_packets_begin_with_the_last_keyframe_at_or_before_a_time_and_then_all_come():
    packets = every_second(0, 3, 6)
    for time_s, begin in ((2.999, 0), (3, 3), (5.9, 3), (6, 6), (99, 6), (-1, 0)):
        assert begins_s(skimmed(iter(packets), time_s)) == list(range(begin, 10))


def test_a_keyframe_is_looked_for_one_second_past_the_time_since_pictures_are_out_of_order():
    early = [Packet(0, is_keyframe=True), Packet(3000), Packet(1000, is_keyframe=True)]
    assert begins_s(skimmed(iter(early), 2.0)) == [1]
    assert begins_s(skimmed(iter(early), 1.999)) == [0, 3, 1]


def test_no_more_wait_for_a_keyframe_than_fit_into_memory(monkeypatch):
    monkeypatch.setattr(streams, "_MOST_WAITING_BYTES", 3000)
    packets = every_second(0, 3, 6)
    assert begins_s(skimmed(iter(packets), 9)) == [6, 7, 8, 9]
    monkeypatch.setattr(streams, "_MOST_WAITING_BYTES", 2999)
    # Three packets are too many: those from the first keyframe on are given.
    assert begins_s(skimmed(iter(packets), 9)) == list(range(10))
    # They are counted anew from each keyframe.
    monkeypatch.setattr(streams, "_MOST_WAITING_BYTES", 4000)
    assert begins_s(skimmed(iter(every_second(0, 3, 6, 9)), 9)) == [9]


def test_a_packet_without_any_time_is_neither_before_nor_after():
    packets = [Packet(0, is_keyframe=True), Packet(None, is_keyframe=True), Packet(5000)]
    assert list(skimmed(iter(packets), 2)) == packets
    stored = [Packet(0, is_keyframe=True), Packet(None, is_keyframe=True, dts=1000), Packet(9000)]
    assert list(skimmed(iter(stored), 2)) == stored[1:]


def file_that_says(
    *,
    name: str = "matroska",
    pictures: int | None = None,
    begin: int | None = None,
    whole_us: int | None = None,
    begins_us: int | None = None,
    time_base: Fraction | None = MILLISECOND,
) -> float | None:
    video = SimpleNamespace(
        name=name,
        container=SimpleNamespace(duration=whole_us, start_time=begins_us),
        stream=SimpleNamespace(duration=pictures, start_time=begin, time_base=time_base),
    )
    return own_length_s(video)  # type: ignore[arg-type]


def test_the_length_is_that_of_the_pictures_and_counts_from_the_first_of_all_streams():
    assert file_that_says(pictures=4000, begin=2500, begins_us=500_000, whole_us=9_000_000) == 6.0
    assert file_that_says(pictures=4000, begin=2500) == 6.5
    assert file_that_says(pictures=4000) == 4.0
    assert file_that_says(name="avi", pictures=4000, begin=2500) == 4.0


def test_the_length_of_the_whole_file_is_asked_where_that_of_the_pictures_is_unknown():
    assert file_that_says(whole_us=9_500_000) == 9.5
    assert file_that_says(pictures=0, whole_us=9_500_000) == 9.5
    assert file_that_says(pictures=-1, whole_us=9_500_000) == 9.5
    assert file_that_says(pictures=4000, time_base=None, whole_us=9_500_000) == 9.5
    assert file_that_says(pictures=1, whole_us=9_500_000) == 0.001
    assert file_that_says(whole_us=0) is None
    assert file_that_says(whole_us=-5) is None
    assert file_that_says(whole_us=1) == 0.000001
    assert file_that_says() is None


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four seconds with sound that goes on for as long."""
    folder = tmp_path_factory.mktemp("clips")
    pictures = shots([50, 50], width=96, height=64)
    return {
        container: write_clip(
            folder / f"clip.{container}",
            pictures,
            container=container,
            audio_s=4.0,
            options={"g": "10"},
        )
        for container in ("mp4", "mpegts", "matroska")
    }


@pytest.mark.parametrize(
    ("container", "length_s", "is_large", "leads"),
    [
        ("mp4", None, False, True),
        ("mp4", 4.9, False, True),
        ("mp4", 5.1, False, False),
        ("mp4", 1.0, False, True),
        ("mpegts", None, False, False),
        ("mpegts", 4.0, False, False),
        ("mpegts", None, True, False),
        ("mpegts", 4.9, True, True),
        ("mpegts", 5.1, True, False),
        ("mpegts", 3.1, True, True),
        ("mpegts", 2.9, True, False),
    ],
)
def test_a_files_own_clock_leads_where_it_tells_the_length_that_was_measured(
    clips, monkeypatch, container, length_s, is_large, leads
):
    size_bytes = clips[container].stat().st_size
    monkeypatch.setattr(streams, "_SOON_READ_BYTES", size_bytes - is_large)
    with open_video(clips[container], SETTINGS, length_s=length_s) as video:
        monkeypatch.setattr(streams, "own_length_s", lambda _video: 4.0)
        assert video.leads_by_time is leads


def test_a_file_that_does_not_tell_its_length_is_not_wound(clips, monkeypatch):
    monkeypatch.setattr(streams, "own_length_s", lambda _video: None)
    with open_video(clips["mp4"], SETTINGS) as video:
        assert video.leads_by_time is False


def sound_of(path: Path, from_s: float, until_s: float) -> list[float]:
    with open_video(path, SETTINGS) as video:
        [sound] = video.container.streams.audio
        packets = video.packets_between(sound, from_s, until_s)
        return [float(packet.pts * packet.time_base) for packet in packets if packet.size]


@pytest.mark.parametrize("container", ["mp4", "mpegts", "matroska"])
@pytest.mark.parametrize(("from_s", "until_s"), [(0.0, 1.0), (1.0, 2.5), (2.2, 2.3), (3.5, 99.0)])
def test_packets_of_sound_are_those_between_two_times(clips, container, from_s, until_s):
    begin_s = 1.4 if container == "mpegts" else 0.0
    all_s = sound_of(clips[container], -math.inf, math.inf)
    assert len(all_s) > 50
    found = sound_of(clips[container], begin_s + from_s, begin_s + until_s)
    assert found == [time_s for time_s in all_s if begin_s + from_s <= time_s <= begin_s + until_s]


def test_a_file_that_is_wound_too_far_is_read_from_its_beginning_for_its_sound(clips, monkeypatch):
    went: list[str] = []
    real_seek, real_rewind = OpenStream.seek, OpenStream.rewind

    def seek(video: OpenStream, time_stamp_s: float, *, index: int | None = None) -> None:
        went.append(f"{time_stamp_s:g} {index is not None}")
        real_seek(video, 3.0, index=index)

    def rewind(video: OpenStream) -> None:
        went.append("rewind")
        real_rewind(video)

    monkeypatch.setattr(OpenStream, "seek", seek)
    monkeypatch.setattr(OpenStream, "rewind", rewind)
    found = sound_of(clips["mp4"], 1.0, 1.5)
    assert (min(found) - 1.0 < 0.1, max(found) > 1.4) == (True, True)
    assert went == ["rewind", "1 False", "-9 False", "1 True", "rewind"]


def test_a_file_is_read_from_its_beginning_for_sound_of_its_first_two_minutes_alone(clips):
    with open_video(clips["mp4"], SETTINGS) as video:
        assert len(list(video._ways_to(119.9, 1))) == 4
        assert len(list(video._ways_to(120.0, 1))) == 3
    with open_video(clips["mpegts"], SETTINGS) as video:
        assert list(video._ways_to(9999.0, 1)) == [video.rewind]


def test_winding_goes_to_a_keyframe_at_or_before_the_time(clips):
    for container in ("mp4", "mpegts"):
        with open_video(clips[container], SETTINGS) as video:
            begin_s = streams.timeline_start_s(video.container)
            video.wind_to(begin_s + 1.0)
            first = next(video.pictures())
            assert first.key_frame
            assert first.time - begin_s == pytest.approx(0.8, abs=0.21)
            video.wind_to(begin_s - 99)
            assert next(video.pictures()).time - begin_s < 0.1


class Demuxer:
    """Fails as often as told between two packets, and then is at the end."""

    def __init__(self, *failures: int) -> None:
        self._left = list(failures)

    def demux(self, *_: object) -> Iterator[str]:
        while self._left:
            if self._left[0]:
                self._left[0] -= 1
                raise av.error.InvalidDataError(1, "damaged")
            self._left.pop(0)
            yield "packet"


def test_a_hundred_failed_reads_in_a_row_are_the_end_of_a_file(clips):
    for failures, packets, bad in (
        ((0, 99, 99, 0), 4, 198),
        ((0, 100, 0), 1, 100),
        ((1, 0, 2), 3, 3),
    ):
        with open_video(clips["mp4"], SETTINGS) as video:
            video.container = Demuxer(*failures)  # type: ignore[assignment]
            assert len(list(video._demuxed(video.stream))) == packets
            assert video.bad_frames == bad


class Undecodable:
    """A packet that fails in one way when it is decoded."""

    time_base = MILLISECOND

    def __init__(self, error: Exception, pts: int | None = None) -> None:
        self._error, self.pts = error, pts

    def decode(self) -> list[object]:
        raise self._error


def test_packets_that_cannot_be_decoded_are_counted_unless_they_were_met_before(clips):
    with open_video(clips["mp4"], SETTINGS) as video:
        damaged = av.error.InvalidDataError(1, "damaged")
        assert video._decode_packet(Undecodable(damaged)) == []
        assert video.bad_frames == 1
        assert video._decode_packet(Undecodable(av.error.EOFError(1, "end"))) == []
        assert video.bad_frames == 1
        video.wind_to(2.0, counted_from_s=2.0)
        for pts, counted in ((1999, 1), (2000, 2), (2001, 3), (None, 4)):
            video._decode_packet(Undecodable(damaged, pts))
            assert video.bad_frames == counted
        video.wind_to(2.0)  # whoever does not say what was met before has met nothing
        video._decode_packet(Undecodable(damaged, 0))
        assert video.bad_frames == 5


@pytest.mark.parametrize("error", [MemoryError(), av.error.MemoryError(1, "none left")])
def test_a_decoder_without_memory_is_a_failure_of_the_file(clips, error):
    with open_video(clips["mp4"], SETTINGS) as video:
        with pytest.raises(DecodeFailed, match="needs more memory") as failed:
            video._decode_packet(Undecodable(error))
        assert failed.value.stage == "memory"


def test_damaged_pictures_are_left_out_and_counted(clips):
    good, bad = (SimpleNamespace(is_corrupt=is_bad, pts=5, time_base=None) for is_bad in (0, 1))
    packets = [SimpleNamespace(decode=lambda: [good, bad, good]) for _ in range(2)]
    with open_video(clips["mp4"], SETTINGS) as video:
        assert list(video._decode(iter(packets))) == [good] * 4
        assert video.bad_frames == 2


def test_a_file_that_cannot_be_sought_in_is_read_from_its_beginning(clips):
    with open_video(clips["mp4"], SETTINGS) as video:
        next(video.pictures())
        video.container = SimpleNamespace(start_time=0)

        def seek(*_: object, **__: object) -> None:
            raise av.error.PermissionError(1, "no")

        video.container.seek = seek
        video.seek(2.0)
        assert next(video.pictures()).time == 0


def test_a_demuxer_without_memory_is_a_failure_of_the_file(clips):
    def demux(*_: object) -> Iterator[object]:
        raise av.error.MemoryError(1, "none left")
        yield

    with open_video(clips["mp4"], SETTINGS) as video:
        video.container = SimpleNamespace(demux=demux)
        with pytest.raises(DecodeFailed, match="needs more memory") as failed:
            list(video._demuxed(video.stream))
        assert failed.value.stage == "memory"


def sound_before(pictures_s: float) -> list[float]:
    """What comes of sound until one second, where the pictures between are already so far on."""
    packets = [
        SimpleNamespace(pts=pts, dts=None, time_base=MILLISECOND, stream=SimpleNamespace(index=at))
        for at, pts in ((1, 0), (0, round(1000 * pictures_s)), (1, 500), (1, 1001), (1, 700))
    ]
    video = OpenStream.__new__(OpenStream)
    video.container = SimpleNamespace(streams={1: None})
    video.packets = lambda *_: iter(packets)  # type: ignore[method-assign]
    return [packet.pts / 1000 for packet in video._of_stream(1, 1.0)]


def test_sound_is_looked_for_ten_seconds_of_pictures_past_the_end():
    assert sound_before(11.0) == [0, 0.5]
    assert sound_before(11.001) == [0]


@pytest.mark.parametrize(
    ("time_s", "index", "ticks"),
    [(2.5, None, 2_500_000), (2.5, 1, 2500), (0.5, None, 1_000_000), (0.5, 1, 1000)],
)
def test_a_demuxer_is_told_times_in_the_unit_that_it_wants(time_s, index, ticks) -> None:
    went: list[tuple[object, ...]] = []
    sound = SimpleNamespace(time_base=Fraction(1, 1000))
    video = object.__new__(OpenStream)
    video.container = SimpleNamespace(
        start_time=1_000_000,
        streams=[None, sound],
        seek=lambda ticks, *, backward, stream: went.append((ticks, backward, stream)),
    )
    video.clock = SimpleNamespace(resume=lambda: went.append("resume"))
    video.seek(time_s, index=index)
    assert went == [(ticks, True, sound if index else None), "resume"]
    assert video._rest is None
