"""Packets of joined recordings, and of clocks that run over, are put on one clock."""

from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace

import pytest

from indexer.reading import clock
from indexer.reading.clock import Clock

PICTURES, SOUND = 0, 1


@dataclass
class Packet:
    """A packet as PyAV gives it, with times in milliseconds."""

    index: int
    pts: int | None
    dts: int | None
    time_base: Fraction = Fraction(1, 1000)
    stream: SimpleNamespace = field(init=False)

    def __post_init__(self) -> None:
        self.stream = SimpleNamespace(index=self.index)


def picture(shown: int | None, decoded: int | None = -1) -> Packet:
    return Packet(PICTURES, shown, shown if decoded == -1 else decoded)


def sound(at: int | None) -> Packet:
    return Packet(SOUND, at, at)


def mended(*packets: Packet, container: str = "mp4", of: Clock | None = None) -> list[tuple]:
    """What comes out: p or s, and its time; the times of decoding are shifted alike."""
    skews = {id(packet): (packet.pts or 0) - (packet.dts or 0) for packet in packets}
    one = of or Clock(container, PICTURES)
    given = list(one.mended(iter(packets)))
    for packet in given:
        if packet.pts is not None and packet.dts is not None:
            assert packet.pts - packet.dts == skews[id(packet)]
    return [("ps"[packet.index], packet.pts) for packet in given]


def recording(seconds: int, *, begins: int = 0) -> list[Packet]:
    """A picture a second, and a sound half a second after each."""
    times = range(begins, begins + 1000 * seconds, 1000)
    return [packet for at in times for packet in (picture(at), sound(at + 500))]


def test_a_clock_that_goes_on_is_left_alone():
    one = Clock("mpegts", PICTURES)
    packets = [*recording(3, begins=5000), picture(8000), sound(7900)]
    told = [("ps"[packet.index], packet.pts) for packet in packets]
    assert mended(*packets, of=one) == told
    assert not one.was_mended


def test_pictures_are_shown_in_another_order_than_they_are_stored():
    packets = [picture(0, -80), picture(120, -40), picture(40, 0), picture(80, 40)]
    assert [time for _, time in mended(*packets)] == [0, 120, 40, 80]
    packets = [picture(0, None), picture(1000, None), picture(40, None), picture(2000, None)]
    assert [time for _, time in mended(*packets)] == [0, 1000, 40, 2000]


def test_a_second_recording_follows_the_first():
    one = Clock("mpegts", PICTURES)
    packets = [*recording(3, begins=7000), *recording(3), *recording(2, begins=100)]
    assert mended(*packets, of=one) == [
        *[("p", 7000), ("s", 7500), ("p", 8000), ("s", 8500), ("p", 9000), ("s", 9500)],
        *[("p", 10000), ("s", 10500), ("p", 11000), ("s", 11500), ("p", 12000), ("s", 12500)],
        *[("p", 13000), ("s", 13500), ("p", 14000), ("s", 14500)],
    ]
    assert one.was_mended


@pytest.mark.parametrize(("back", "time"), [(1000, 4000), (1001, 6000)])
def test_pictures_a_second_early_are_out_of_order_and_earlier_ones_another_recording(back, time):
    packets = [picture(4000), picture(5000), picture(5000 - back)]
    assert mended(*packets)[-1] == ("p", time)


@pytest.mark.parametrize(
    ("container", "ahead", "time"),
    [
        ("mpegts", 10_000, 11_000),
        ("mpegts", 10_001, 2000),
        ("mpeg", 90_000_000, 2000),
        ("mp4", 90_000_000, 90_001_000),
    ],
)
def test_where_clocks_run_over_a_leap_is_another_recording(container, ahead, time):
    packets = [picture(0), picture(1000), picture(1000 + ahead)]
    assert mended(*packets, container=container)[-1] == ("p", time)


def test_a_first_picture_that_is_decoded_before_it_is_shown_takes_the_next_place():
    packets = [
        picture(0, -40),
        picture(40, 0),
        picture(9000, 8960),
        picture(80, 0),
        picture(120, 40),
    ]
    assert [time for _, time in mended(*packets)][-2:] == [17960, 18000]


def test_sound_that_is_set_back_earlier_waits_for_its_pictures():
    first, second = recording(8), recording(3)
    second[0], second[1] = second[1], second[0]
    out = mended(*first, *second)
    assert out[16:20] == [("p", 8000), ("s", 8500), ("p", 9000), ("s", 9500)]


def test_sound_that_is_set_back_later_goes_on_until_then():
    out = mended(*recording(8), picture(0), sound(8500), picture(1000), sound(500), sound(1500))
    assert out[16:] == [("p", 8000), ("s", 8500), ("p", 9000), ("s", 8500), ("s", 9500)]


def test_a_sound_that_is_astray_stays_where_it_says():
    out = mended(*recording(4), sound(200), picture(4000), sound(4500), picture(5000))
    assert out[8:] == [("p", 4000), ("s", 200), ("s", 4500), ("p", 5000)]


@pytest.mark.parametrize(("back", "waits"), [(300, False), (301, True)])
def test_sound_may_be_a_little_early(back, waits):
    out = mended(*recording(2), sound(1500 - back), picture(2000))
    assert (out[4][0] == "p") is waits


def test_sound_waits_for_ten_seconds():
    pictures = [picture(1000 * second) for second in range(8, 30)]
    out = mended(*recording(8), sound(100), *pictures)
    # Seven seconds were shown when it began to wait: that of 18 is the first past ten more.
    assert out.index(("s", 100)) == 16 + 11
    assert out[26] == ("p", 18000)


def test_sound_waits_for_ten_seconds_from_the_first_that_waits():
    pairs = [(picture(1000 * at), sound(100 + at)) for at in range(8, 30)]
    out = mended(*recording(8), sound(100), *[packet for pair in pairs for packet in pair])
    assert out[16 + 10 : 16 + 13] == [("p", 18000), ("s", 100), ("s", 108)]
    # What has been given up goes on by its own clock: the rest of it waits for nothing.
    assert out[-4:] == [("p", 28000), ("s", 128), ("p", 29000), ("s", 129)]


def test_few_sounds_wait(monkeypatch):
    monkeypatch.setattr(clock, "_MOST_WAITING", 2)
    out = mended(*recording(8), sound(100), sound(200), picture(8000), sound(300), picture(9000))
    assert out[16:] == [("p", 8000), ("s", 100), ("s", 200), ("s", 300), ("p", 9000)]


def test_what_waits_at_the_end_is_left_where_pictures_are_nearest():
    out = mended(*recording(8), *recording(2), sound(20))
    assert out[-1] == ("s", 8020)
    out = mended(*recording(8), picture(0), sound(7600), sound(6900))
    assert out[-1] == ("s", 6900)


def test_sound_that_nobody_waits_for_is_of_one_of_the_last_two_recordings():
    others = [picture(0), picture(2000), picture(0), picture(2000)]
    out = mended(*recording(2, begins=20_000), *others, sound(21_000))
    assert out[-2:] == [("p", 28_000), ("s", 43_000)]  # and not of the first one of three


def test_packets_without_a_time_stay_in_their_place():
    packets = [picture(0), sound(500), sound(None), picture(None), picture(1000), sound(1500)]
    assert [time for _, time in mended(*packets)] == [0, 500, None, None, 1000, 1500]


def test_reading_goes_on_at_another_place():
    one = Clock("mp4", PICTURES)
    mended(*recording(5), of=one)
    one.resume()
    assert mended(*recording(2, begins=1000), of=one) == [
        ("p", 1000),
        ("s", 1500),
        ("p", 2000),
        ("s", 2500),
    ]
    assert not one.was_mended


def test_one_recording_more_is_a_mended_clock():
    one = Clock("mp4", PICTURES)
    mended(*recording(3), *recording(3), of=one)
    assert one.was_mended


def test_a_recording_of_one_picture_is_followed_at_once():
    assert mended(picture(5000), picture(0), picture(40)) == [("p", 5000), ("p", 5000), ("p", 5040)]


def test_a_recording_follows_by_the_step_between_the_last_two_pictures():
    out = mended(picture(0), picture(1000), picture(4000), picture(0), picture(500))
    assert out[-2:] == [("p", 7000), ("p", 7500)]


def test_pictures_that_tell_one_time_only_are_followed_too():
    shown = [picture(at, None) for at in (3000, 4000, 1000, 2000)]
    assert mended(*shown)[-2:] == [("p", 5000), ("p", 6000)]
    out = mended(picture(3000), picture(4000), picture(None, 1000), picture(1040))
    assert out[-2:] == [("p", None), ("p", 5040)]


def test_packets_without_a_time_are_not_shifted():
    second = [picture(0), sound(0), picture(None, 40), picture(80, None), sound(None)]
    packets = [*recording(4), *second]
    assert mended(*packets)[-3:] == [("p", None), ("p", 4080), ("s", None)]
    assert packets[10].dts == 4040


def test_sound_that_tells_when_it_is_decoded_alone_is_placed():
    out = mended(*recording(8), picture(0), Packet(SOUND, None, 500), picture(1000), sound(1500))
    assert out[17] == ("s", None)
    assert out[-1] == ("s", 9500)


def test_a_sound_without_a_time_hides_no_new_recording():
    out = mended(*recording(8), sound(None), sound(500), picture(0), sound(1500))
    assert out[16:] == [("s", None), ("p", 8000), ("s", 8500), ("s", 9500)]


def test_in_a_later_recording_a_sound_may_be_astray_too():
    second = [*recording(4), sound(3000), picture(4000), sound(4500)]
    assert mended(*recording(8), *second)[-3:] == [("p", 12000), ("s", 11000), ("s", 12500)]


@pytest.mark.parametrize(("at", "finds_it"), [(5000, True), (5001, False)])
def test_sound_belongs_to_pictures_that_are_five_seconds_away_at_most(at, finds_it):
    out = mended(*recording(8), sound(at), picture(0), picture(1000))
    assert (out.index(("s", 8000 + at)) == 17) is finds_it


def test_what_was_given_up_lies_by_the_recording_that_is_nearest():
    pictures = [picture(1000 * second) for second in range(7)]
    out = mended(*recording(8), *pictures, sound(500))
    assert out[-1] == ("s", 8500)


def test_sound_before_all_pictures_that_is_set_back_waits_for_them():
    assert mended(sound(5000), sound(1000), picture(0), picture(1000)) == [
        ("s", 5000),
        ("p", 0),
        ("p", 1000),
        ("s", 1000),
    ]
    out = mended(sound(9000), picture(0), sound(2000), picture(1000))
    assert out == [("s", 9000), ("p", 0), ("p", 1000), ("s", 2000)]
