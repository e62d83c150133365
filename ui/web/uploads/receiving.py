"""What all addresses have in common that files are sent to: who may send, and what is answered."""

import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from models.errors import KinodexError
from ui.web.shared.access import library_folder, ui_settings, upload_token
from ui.web.shared.changes import ChangeRefused
from ui.web.uploads.seats import NoSeat, SeatLimits, Seats, TooSlow
from ui.web.uploads.storing import UploadRefused

TOKEN_HEADER = "X-Kinodex-Token"  # noqa: S105 # a name, and no secret

Take = Callable[[Request, AsyncIterator[bytes]], Awaitable[dict[str, str]]]

_SEATS = Seats()


async def receive(request: Request, take: Take, *, largest_bytes: Callable[[], int]) -> Response:
    """Let `take` read what is sent; → JSON: what it says, or why it was refused.

    largest_bytes: how much of a file that is refused is let pass
    """
    token = request.headers.get(TOKEN_HEADER, "")
    if not hmac.compare_digest(token.encode(), upload_token().encode()):
        return _refused(403, "this page is of an earlier run of the server: load it again")
    visitor = request.client.host if request.client else ""
    try:
        limits = SeatLimits.of(ui_settings(library_folder()))
        async with _SEATS.seat(visitor, limits) as seat:
            chunks = seat.hear(request.stream())
            try:
                return JSONResponse(await take(request, chunks))
            except UploadRefused as refused:
                await _pass_over(chunks, largest_bytes())
                return _refused(422, str(refused))
    except ClientDisconnect:
        return Response(status_code=400)  # there is nobody left to read it
    except KinodexError as error:
        return _refused(_status_of(error), str(error))


def _status_of(error: KinodexError) -> int:
    statuses = {NoSeat: 429, TooSlow: 408, ChangeRefused: 403}
    return next((status for kind, status in statuses.items() if isinstance(error, kind)), 409)


async def _pass_over(chunks: AsyncIterator[bytes], largest_bytes: int) -> None:
    """Let the sender finish: a browser does not read an answer that comes before it has."""
    passed_bytes = 0
    with contextlib.suppress(ClientDisconnect):
        async for chunk in chunks:
            passed_bytes += len(chunk)
            if passed_bytes > largest_bytes:
                return


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status)
