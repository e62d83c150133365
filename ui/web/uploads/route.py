"""The address that uploads are sent to: a video goes from the network to the disk piece by piece.

Streamlit's own file box keeps whole files in memory for as long as the page is open. This route,
beside Streamlit's own in the same server, holds one piece of each upload at a time.
"""

import contextlib
import hmac
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.errors import KinodexError
from models.identity import BUNDLED
from ui.web.jobs.queue import jobs_of
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.shared.access import library_folder, may_change, ui_settings, upload_token
from ui.web.uploads.storing import Upload, UploadPlace, UploadRefused

PATH = "/upload"
TOKEN_HEADER = "X-Kinodex-Token"  # noqa: S105 # a name, and no secret

_PIECE_BYTES = 1 << 20
_MOST_AT_ONCE = 8
_FREE_SEATS = threading.BoundedSemaphore(_MOST_AT_ONCE)


def route() -> Route:
    """The route to hand to the server."""
    return Route(PATH, _receive, methods=["PUT"])


async def _receive(request: Request) -> Response:
    """Store one file, named in `?name=`, and ask for it to be indexed; → JSON, why not or what."""
    token = request.headers.get(TOKEN_HEADER, "")
    if not hmac.compare_digest(token.encode(), upload_token().encode()):
        return _refused(403, "this page is of an earlier run of the server: load it again")
    if not _FREE_SEATS.acquire(blocking=False):
        return _refused(429, "too many uploads at once: try again when some are done")
    chunks = request.stream()
    try:
        return await _store(request, chunks)
    except UploadRefused as refused:
        await _pass_over(chunks)
        return _refused(422, str(refused))
    except KinodexError as error:
        return _refused(409, str(error))
    except ClientDisconnect:
        return Response(status_code=400)  # there is nobody left to read it
    finally:
        _FREE_SEATS.release()


async def _store(request: Request, chunks: AsyncIterator[bytes]) -> Response:
    library = library_folder()
    settings = ui_settings(library)
    if not may_change(settings, request.headers):
        return _refused(403, "videos cannot be added on this page")
    place = UploadPlace.of(library, settings)
    length = request.headers.get("Content-Length", "")
    expected_bytes = int(length) if length.isdigit() else None
    name = request.query_params.get("name", "")
    with Upload(place, name, expected_bytes) as upload:
        stored = await _stored(chunks, upload)
    # A name from a list of one: other models are for people at a terminal.
    model = BUNDLED if request.query_params.get("model") == BUNDLED else ""
    jobs_of(library).ask(JobRequest(JobKind.INDEX, library, (place.folder,), name=model))
    return JSONResponse({"name": stored.name})


async def _stored(chunks: AsyncIterator[bytes], upload: Upload) -> Path:
    piece = bytearray()
    async for chunk in chunks:
        piece += chunk
        if len(piece) >= _PIECE_BYTES:
            # The disk may be slow, and this thread serves all other visitors.
            await run_in_threadpool(upload.add, bytes(piece))
            piece.clear()
    await run_in_threadpool(upload.add, bytes(piece))
    return await run_in_threadpool(upload.finish)


async def _pass_over(chunks: AsyncIterator[bytes]) -> None:
    """Let the sender finish: a browser does not read an answer that comes before it has."""
    largest_bytes = UploadPlace.of(library_folder(), ui_settings(library_folder())).largest_bytes
    passed_bytes = 0
    with contextlib.suppress(ClientDisconnect):
        async for chunk in chunks:
            passed_bytes += len(chunk)
            if passed_bytes > largest_bytes:
                return


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status)
