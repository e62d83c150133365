"""Who may send just now: a number at once, fewer of one visitor, none who only holds a place.

For use in one event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from models.errors import KinodexError
from search.catalog.settings import UiSettings

# A sender who has been silent for this time gives its seat to one who waits.
_PATIENCE_S = 2.0
# So does one who has had this time and has been slower than this: a trickle is no upload.
_BEGUN_AFTER_S, _SLOWEST_BYTES_S = 10.0, 20_000
_WAITS_AT_MOST_S = 10.0
_LOOKS_EVERY_S = 0.25


class NoSeat(KinodexError):
    """All seats are taken by senders who get on."""


class TooSlow(KinodexError):
    """A sender who has lost its seat."""


@dataclass(frozen=True)
class SeatLimits:
    """How many seats there are, and how long one is kept: see the settings of `[ui]`."""

    at_once: int
    per_visitor: int
    silence_s: float
    longest_s: float

    @classmethod
    def of(cls, settings: UiSettings) -> Self:
        """As a library's settings have it."""
        return cls(
            settings.uploads_at_once,
            settings.uploads_per_visitor,
            settings.upload_silence_s,
            settings.upload_hours * 3600,
        )


class Seat:
    """A place to send from, lost by silence. What is done with what came takes its time."""

    def __init__(self, visitor: str, limits: SeatLimits, timeout: asyncio.Timeout) -> None:
        self.visitor = visitor
        self._limits = limits
        self._timeout = timeout
        self._began_s = _now_s()
        self._silent_since_s: float | None = None
        self._bytes = 0
        self._is_given_up = False

    async def hear(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is sent, as it comes."""
        while True:
            self._listen()
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            finally:
                self._stop_listening()
            self._bytes += len(chunk)
            yield chunk

    def idle_s(self) -> float:
        """How long its sender has been silent."""
        return 0.0 if self._silent_since_s is None else _now_s() - self._silent_since_s

    def is_wasted(self) -> bool:
        """Whether somebody who waits may have it."""
        if self._is_given_up or self._silent_since_s is None:
            return False
        age_s = _now_s() - self._began_s
        is_trickle = age_s > _BEGUN_AFTER_S and self._bytes < _SLOWEST_BYTES_S * age_s
        return is_trickle or self.idle_s() > _PATIENCE_S

    def give_up(self) -> None:
        """Take it from its sender."""
        self._is_given_up = True
        self._timeout.reschedule(_now_s())

    def _listen(self) -> None:
        self._silent_since_s = now_s = _now_s()
        ends_s = self._began_s + self._limits.longest_s
        self._timeout.reschedule(min(now_s + self._limits.silence_s, ends_s))

    def _stop_listening(self) -> None:
        self._silent_since_s = None
        if not (self._is_given_up or self._timeout.expired()):
            self._timeout.reschedule(None)


class Seats:
    """All the seats of a server."""

    def __init__(self) -> None:
        self._taken: set[Seat] = set()

    @contextlib.asynccontextmanager
    async def seat(self, visitor: str, limits: SeatLimits) -> AsyncIterator[Seat]:
        """A seat for as long as the block runs.

        visitor: the address that somebody comes from

        Raises NoSeat after a while; and TooSlow, at the end of the block, where its sender was
        silent for too long or held up others.
        """
        await self._wait_for_one(visitor, limits)
        try:
            async with asyncio.timeout(None) as timeout:
                seat = Seat(visitor, limits, timeout)
                self._taken.add(seat)
                try:
                    yield seat
                finally:
                    self._taken.discard(seat)
        except TimeoutError as error:
            raise TooSlow("too little came for too long") from error

    async def _wait_for_one(self, visitor: str, limits: SeatLimits) -> None:
        until_s = _now_s() + _WAITS_AT_MOST_S
        while crowd := self._in_the_way(visitor, limits):
            if wasted := [seat for seat in crowd if seat.is_wasted()]:
                max(wasted, key=Seat.idle_s).give_up()
            elif _now_s() > until_s:
                raise NoSeat("too many uploads at once: try again when some are done")
            await asyncio.sleep(_LOOKS_EVERY_S)

    def _in_the_way(self, visitor: str, limits: SeatLimits) -> list[Seat]:
        """Those of whom one must leave before this visitor can sit; none where there is room."""
        own = [seat for seat in self._taken if seat.visitor == visitor]
        if len(own) >= limits.per_visitor:
            return own
        return list(self._taken) if len(self._taken) >= limits.at_once else []


def _now_s() -> float:
    return asyncio.get_running_loop().time()
