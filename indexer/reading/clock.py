"""One clock for the whole of a file: where its own was set back, or leaps, time goes on instead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Recordings joined end to end begin anew; pictures are stored out of order by less than this.
_SET_BACK_S = 1.0
_SOUND_SET_BACK_S = 0.3
# MPEG's clocks have 33 bits. FFmpeg takes one that was set back for one that ran over, so that it
# seems to leap ahead by a day.
_LEAP_S = 10.0
_LEAPING = frozenset({"mpegts", "mpeg"})
# Sound is stored this near the pictures that it belongs to.
_NEAR_S = 5.0
# Sound that was set back waits for pictures that were too: a limited time, and number of packets.
_WAITS_S = 10.0
_MOST_WAITING = 2000


class Clock:
    """Puts packets on one clock, given in the order of the file.

    The pictures tell where another recording begins: its first one follows the last one before.
    Other streams are set back a little earlier or later, each to the recording that is near it.
    """

    def __init__(self, container: str, pictures: int) -> None:
        """``container`` as in `DEMUXERS`; ``pictures`` is the index of the stream with them."""
        self._longest_step_s = _LEAP_S if container in _LEAPING else math.inf
        self._pictures = pictures
        self._skews_s = [0.0]
        self._told_s: float | None = None
        self._latest_s: list[float] = []  # times of the two last pictures shown, on the one clock
        self._step_s = 0.0
        self._others: dict[int, _Other] = {}

    @property
    def was_mended(self) -> bool:
        """Whether the file's own clock was set back, or leapt, so far."""
        return len(self._skews_s) > 1

    def resume(self) -> None:
        """Packets go on from another place of a file whose clock was never set back."""
        self._told_s, self._latest_s, self._others = None, [], {}

    def mended(self, packets: Iterator[Any]) -> Iterator[Any]:
        """The packets with times on the one clock; each stream's are in their order."""
        for packet in packets:
            if packet.stream.index == self._pictures:
                self._follow(packet)
                yield _shifted(packet, self._skews_s[-1])
                for other in self._others.values():
                    yield from self._no_longer_waiting(other)
            else:
                other = self._others.setdefault(packet.stream.index, _Other(self._skews_s[-1]))
                yield from self._placed(other, packet)
        for other in self._others.values():
            yield from self._given_up(other)

    def _follow(self, picture: Any) -> None:
        told_s = _time_s(picture, picture.dts if picture.dts is not None else picture.pts)
        if told_s is None:
            return
        if not self._goes_on(self._told_s, told_s, _SET_BACK_S):
            begins_s = _time_s(picture, picture.pts)
            goes_on_s = (self._latest_s or [0.0])[-1] + self._step_s
            self._skews_s.append(goes_on_s - (told_s if begins_s is None else begins_s))
        self._told_s = told_s
        shown_s = _time_s(picture, picture.pts)
        if shown_s is not None:
            self._remember(shown_s + self._skews_s[-1])

    def _goes_on(self, before_s: float | None, told_s: float, set_back_s: float) -> bool:
        return before_s is None or -set_back_s <= told_s - before_s <= self._longest_step_s

    def _remember(self, time_s: float) -> None:
        self._latest_s = sorted({*self._latest_s, time_s})[-2:]
        if len(self._latest_s) == 2:
            self._step_s = self._latest_s[1] - self._latest_s[0]

    def _placed(self, other: _Other, packet: Any) -> Iterator[Any]:
        """What can be given of another stream, now that this packet of it has come."""
        told_s = _time_of(packet)
        if told_s is None or self._goes_on(other.told_s, told_s, _SOUND_SET_BACK_S):
            # What waits was only astray.
            yield from (_shifted(one, other.skew_s) for one in other.taken())
            other.told_s = other.told_s if told_s is None else told_s
            yield _shifted(packet, other.skew_s)
        elif not other.waiting and self._finds_place(other, told_s):
            yield _shifted(packet, other.skew_s)
        else:
            other.waiting_since_s = self._now_s if not other.waiting else other.waiting_since_s
            other.waiting.append(packet)
            if len(other.waiting) > _MOST_WAITING:
                yield from self._given_up(other)

    def _finds_place(self, other: _Other, told_s: float) -> bool:
        """Whether a stream that was set back goes on by the clock of a recording that is near."""
        assert other.told_s is not None  # noqa: S101 - else nothing could be set back from it
        goes_on_s = other.told_s + other.skew_s
        for skew_s in reversed(self._skews_s[-2:]):
            time_s = told_s + skew_s
            if time_s >= goes_on_s - _SOUND_SET_BACK_S and abs(time_s - self._now_s) <= _NEAR_S:
                other.told_s, other.skew_s = told_s, skew_s
                return True
        return False

    def _no_longer_waiting(self, other: _Other) -> Iterator[Any]:
        if not other.waiting:
            return
        told_s = _time_of(other.waiting[0])
        assert told_s is not None  # noqa: S101
        if self._finds_place(other, told_s):
            for packet in other.taken():
                yield from self._placed(other, packet)
        elif self._now_s > other.waiting_since_s + _WAITS_S:
            yield from self._given_up(other)

    def _given_up(self, other: _Other) -> Iterator[Any]:
        """What no picture has told the place of: it is left where it is nearest to them."""
        for packet in other.taken():
            told_s = _time_of(packet)
            if told_s is not None:
                other.told_s = told_s
                other.skew_s = min(
                    self._skews_s[-2:], key=lambda skew_s: abs(told_s + skew_s - self._now_s)
                )
            yield _shifted(packet, other.skew_s)

    @property
    def _now_s(self) -> float:
        return self._latest_s[-1] if self._latest_s else 0.0


@dataclass
class _Other:
    """A stream that holds no pictures: its skew, what its clock told last, and what waits."""

    skew_s: float
    told_s: float | None = None
    waiting: list[Any] = field(default_factory=list)
    waiting_since_s: float = 0.0

    def taken(self) -> list[Any]:
        """What waited; nothing does now."""
        taken, self.waiting = self.waiting, []
        return taken


def _time_of(packet: Any) -> float | None:
    return _time_s(packet, packet.pts if packet.pts is not None else packet.dts)


def _time_s(packet: Any, ticks: int | None) -> float | None:
    return None if ticks is None else float(ticks * packet.time_base)


def _shifted(packet: Any, skew_s: float) -> Any:
    if skew_s and packet.time_base:
        shift = round(skew_s / packet.time_base)
        if packet.pts is not None:
            packet.pts += shift
        if packet.dts is not None:
            packet.dts += shift
    return packet
