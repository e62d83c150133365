"""Seats for those who send: nobody keeps one by doing nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor

import pytest

from ui.web.uploads import seats
from ui.web.uploads.seats import NoSeat, SeatLimits, Seats, TooSlow

LIMITS = SeatLimits(at_once=3, per_visitor=2, silence_s=60, longest_s=600)
A_WHILE_S = 60


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(seats, "_LOOKS_EVERY_S", 0.01)
    monkeypatch.setattr(seats, "_WAITS_AT_MOST_S", 0.5)


def tell(story: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run it in a thread: in this one a browser's loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, story()).result()


class Sender:
    """Somebody who sends when told to."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def chunks(self) -> AsyncIterator[bytes]:
        while piece := await self.pieces.get():
            yield piece


async def send(room: Seats, visitor: str, sender: Sender, limits: SeatLimits = LIMITS) -> int:
    """Take a seat until the sender is done; → how much came."""
    async with room.seat(visitor, limits) as seat:
        return sum([len(chunk) async for chunk in seat.hear(sender.chunks())])


def test_who_sends_is_heard_to_the_end() -> None:
    async def story() -> None:
        sender = Sender()
        sending = asyncio.create_task(send(Seats(), "a", sender))
        for piece in (b"one", b"two", b""):
            sender.pieces.put_nowait(piece)
        assert await sending == 6

    tell(story)


def test_a_silent_sender_makes_room_for_one_who_waits() -> None:
    async def story() -> None:
        room, late = Seats(), Sender()
        silent = [asyncio.create_task(send(room, name, Sender())) for name in "abc"]
        await asyncio.sleep(0)
        late.pieces.put_nowait(b"")
        assert await asyncio.wait_for(send(room, "d", late), A_WHILE_S) == 0
        ended = [one for one in silent if one.done()]
        assert len(ended) == 1
        assert isinstance(ended[0].exception(), TooSlow)
        await give_up(silent)

    tell(story)


def test_one_visitor_does_not_take_the_seats_of_others() -> None:
    async def story() -> None:
        room, other = Seats(), Sender()
        greedy = [asyncio.create_task(send(room, "a", Sender())) for _ in range(20)]
        await asyncio.sleep(0.01)
        other.pieces.put_nowait(b"")
        assert await asyncio.wait_for(send(room, "b", other), A_WHILE_S) == 0
        await give_up(greedy)

    tell(story)


def test_where_all_get_on_the_next_is_refused_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seats, "_PATIENCE_S", A_WHILE_S)

    async def story() -> None:
        room = Seats()
        busy = [asyncio.create_task(send(room, name, Sender())) for name in "abc"]
        await asyncio.sleep(0)
        with pytest.raises(NoSeat, match="too many uploads at once"):
            await send(room, "d", Sender())
        assert not any(one.done() for one in busy)
        await give_up(busy)

    tell(story)


def test_a_trickle_is_no_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "_PATIENCE_S", A_WHILE_S)
    monkeypatch.setattr(seats, "_BEGUN_AFTER_S", 0.05)

    async def story() -> None:
        room, slow, late = Seats(), Sender(), Sender()
        trickling = asyncio.create_task(send(room, "a", slow, SeatLimits(1, 1, 60, 600)))
        slow.pieces.put_nowait(b"x")
        await asyncio.sleep(0.1)
        late.pieces.put_nowait(b"")
        assert await send(room, "b", late, SeatLimits(1, 1, 60, 600)) == 0
        assert isinstance(trickling.exception(), TooSlow)

    tell(story)


@pytest.mark.parametrize("limits", [SeatLimits(1, 1, 0.05, 600), SeatLimits(1, 1, 60, 0.05)])
def test_silence_and_length_have_limits(limits: SeatLimits) -> None:
    async def story() -> None:
        with pytest.raises(TooSlow):
            await asyncio.wait_for(send(Seats(), "a", Sender(), limits), A_WHILE_S)

    tell(story)


def test_what_is_done_with_a_piece_may_take_its_time() -> None:
    async def story() -> None:
        sender = Sender()
        sender.pieces.put_nowait(b"one")
        async with Seats().seat("a", SeatLimits(1, 1, 0.05, 0.1)) as seat:
            chunks = seat.hear(sender.chunks())
            assert await anext(chunks) == b"one"
            await asyncio.sleep(0.3)  # a slow disk

    tell(story)


async def give_up(tasks: list[asyncio.Task[int]]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, TooSlow, NoSeat):
            await task
