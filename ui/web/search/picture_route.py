"""The address that pictures to search for are sent to. Whoever may look may send one."""

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from search.catalog.store import Store
from ui.web.search.kept_pictures import keep_picture
from ui.web.shared.access import library_folder
from ui.web.uploads.receiving import receive
from ui.web.uploads.storing import UploadRefused

PATH = "/picture"
LARGEST_MB = 40

_LARGEST_BYTES = LARGEST_MB * 1_000_000


def route() -> Route:
    """The route to hand to the server."""
    return Route(PATH, _receive, methods=["PUT"])


async def _receive(request: Request) -> Response:
    """Keep the picture; → JSON with the digest that the query language knows it by."""
    return await receive(request, _keep, largest_bytes=lambda: _LARGEST_BYTES)


async def _keep(_: Request, chunks: AsyncIterator[bytes]) -> dict[str, str]:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > _LARGEST_BYTES:
            raise UploadRefused(f"the picture is larger than {LARGEST_MB} MB: make it smaller")
    return {"picture": await run_in_threadpool(_kept, bytes(content))}


def _kept(content: bytes) -> str:
    with Store.open(library_folder()) as library:
        return keep_picture(library, content)
