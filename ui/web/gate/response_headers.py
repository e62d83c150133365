"""What every answer of the page tells the browser to refuse."""

import base64
import functools
import hashlib
import re
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders

_SHELL = Path(streamlit.__file__).parent / "static" / "index.html"

# Streamlit's page makes styles as it runs.
_PAGE = {
    "default-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "frame-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
COMPONENTS = "/component/"


def secure(headers: MutableHeaders, *, path: str, host: str) -> None:
    """Add to an answer's headers, in place, what keeps foreign pages off.

    host: the Host that was asked for, which is one of ours. An answer that says itself what its
        page may load goes on saying so.
    """
    # A component of the page is a frame of the page's own.
    framed_by_us = path.startswith(COMPONENTS)
    policy = {
        **_PAGE,
        "script-src": f"'self' blob: {_shell_scripts()}",
        # Not every browser counts a web socket of the page's own host as 'self'.
        "connect-src": f"'self' ws://{host} wss://{host} data: blob:",
        "frame-ancestors": "'self'" if framed_by_us else "'none'",
    }
    whole = "; ".join(f"{name} {value}" for name, value in policy.items())
    headers.setdefault("content-security-policy", whole)
    headers["x-frame-options"] = "SAMEORIGIN" if framed_by_us else "DENY"
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "same-origin"  # addresses hold what was searched for
    headers["cross-origin-resource-policy"] = "same-origin"
    headers["cross-origin-opener-policy"] = "same-origin"


def digest_of(text: str) -> str:
    """What a policy calls a script or a style by that stands in the page itself."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@functools.cache
def _shell_scripts() -> str:
    """The scripts that stand in the page into which Streamlit draws; no others may."""
    scripts = re.findall(r"<script>(.*?)</script>", _SHELL.read_text(encoding="utf-8"), re.DOTALL)
    return " ".join(map(digest_of, scripts))
