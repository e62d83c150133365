"""The address that uploads are sent to: a video goes from the network to the disk piece by piece.

Streamlit's own file box keeps whole files in memory for as long as the page is open. This route,
beside Streamlit's own in the same server, holds one piece of each upload at a time.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.identity import BUNDLED, IMAGENET
from models.named import NAMES
from ui.web.jobs import asking
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.shared.access import library_folder, ui_settings
from ui.web.shared.changes import change
from ui.web.uploads.receiving import receive
from ui.web.uploads.storing import Upload, UploadPlace

PATH = "/upload"

_PIECE_BYTES = 1 << 20


def route() -> Route:
    """The route to hand to the server."""
    return Route(PATH, _receive, methods=["PUT"])


async def _receive(request: Request) -> Response:
    """Store one file, named in `?name=`, and ask for it to be indexed; → JSON, why not or what."""
    return await receive(request, _store, largest_bytes=lambda: _place().largest_bytes)


def _place() -> UploadPlace:
    library = library_folder()
    return UploadPlace.of(library, ui_settings(library))


@change
async def _store(request: Request, chunks: AsyncIterator[bytes]) -> dict[str, str]:
    length = request.headers.get("Content-Length", "")
    expected_bytes = int(length) if length.isdigit() else None
    place, library = _place(), library_folder()
    with Upload(place, request.query_params.get("name", ""), expected_bytes) as upload:
        stored = await _stored(chunks, upload)
    # A name from a short list: other models are for people at a terminal.
    model = request.query_params.get("model", "")
    model = model if model in (*NAMES, BUNDLED, IMAGENET) else ""
    asking.begin(JobRequest(JobKind.INDEX, library, (place.folder,), name=model))
    return {"name": stored.name}


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
