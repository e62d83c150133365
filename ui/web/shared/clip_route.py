"""The address that clips are played from: straight from the disk, piece by piece.

Streamlit's own store forgets a clip as soon as the page that asked for it is drawn anew or closed,
and a browser that is still fetching it meets an error.
"""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from tasks.clips.playing import PlayableClip, clips_folder, is_clip
from ui.web.shared.access import library_folder, signature

PATH = "/clips"

_HEADERS = {
    "Cache-Control": "private, no-cache",  # a name may come to mean another clip
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def route() -> Route:
    """The route to hand to the server."""
    return Route(f"{PATH}/{{name}}", _send, methods=["GET"])


def address_of(clip: PlayableClip, page_url: str) -> str:
    """Where a browser finds a clip, given the address of the page that it shows."""
    page = urlsplit(page_url)
    name = clip.file.name
    return f"{page.scheme}://{page.netloc}{PATH}/{name}?key={signature(name)}"


def _send(request: Request) -> Response:
    """A clip, or the part of it that is asked for, to those who were given its address."""
    name = request.path_params["name"]
    key = request.query_params.get("key", "")
    if not hmac.compare_digest(key.encode(), signature(name).encode()):
        return PlainTextResponse("this address is of an earlier run of the server", 403)
    file = clips_folder(library_folder()) / name
    if not is_clip(name) or not file.is_file():
        return PlainTextResponse("this clip is no longer kept: open the moment again", 404)
    return FileResponse(file, media_type="video/mp4", headers=_HEADERS)
