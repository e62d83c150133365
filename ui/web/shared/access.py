"""What visitors of the page may change, and which folders they may name."""

import functools
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from models.errors import KinodexError
from search.catalog.settings import UiSettings, read_settings
from search.catalog.store import default_folder
from ui.web.gate import visitors
from ui.web.gate.hosts import is_loopback
from ui.web.gate.tokens import Right

ADDRESS_VARIABLE = "KINODEX_UI_ADDRESS"

# A proxy on this machine passes on what others ask, and says so in one of these.
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


def library_folder() -> Path:
    """The folder of the page's library, which need not be there yet."""
    return default_folder().expanduser().resolve()


def ui_settings(folder: Path) -> UiSettings:
    """A library's `[ui]`, even before there is a catalog. Raises KinodexError if malformed."""
    return read_settings(folder, UiSettings)


def may_change(settings: UiSettings, headers: Mapping[str, str]) -> bool:
    """Whether the visitor whose request had these headers may add, start, stop and delete."""
    if visitors.right_in(headers) < Right.CHANGE:
        return False
    if settings.allow_changes == "local":
        return _only_this_machine() and not any(name in headers for name in _PROXY_HEADERS)
    return settings.allow_changes == "always"


def may_name_folders(settings: UiSettings) -> bool:
    """Whether any folder of this machine can be added at all, by those who may change things."""
    return bool(settings.folders) or _only_this_machine()


def checked_folder(typed: str, settings: UiSettings) -> Path:
    """The file or folder that somebody typed, if it may be added.

    Raises KinodexError. Outside the folders that the settings name, whether something is there is
    not told.
    """
    if not typed.strip():
        raise KinodexError("type the path of a folder or a video")
    try:
        path = Path(typed.strip()).expanduser()
        if not path.is_absolute():
            raise KinodexError("type the whole path, from the root on")
        path = Path(os.path.realpath(path))
        _check_allowed(path, settings)
        found = path.is_dir() or path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte, no such user
        raise KinodexError("no file or folder can have such a name") from error
    if not found:
        raise KinodexError(f"there is no file or folder {str(path)!r} on this machine")
    if path == Path(path.anchor):
        raise KinodexError("that is the whole disk: name the folder with the videos")
    return path


@functools.cache
def upload_token() -> str:
    """What a browser must show with an upload: known only to pages of this very server."""
    return secrets.token_urlsafe(32)


def signature(name: str) -> str:
    """What shows that this very run of the server has given the address of a file away."""
    return hmac.new(_signing_key(), name.encode(), "sha256").hexdigest()


@functools.cache
def _signing_key() -> bytes:
    return secrets.token_bytes(32)


def _check_allowed(path: Path, settings: UiSettings) -> None:
    if not settings.folders and not _only_this_machine():
        raise KinodexError("folders of this machine cannot be added here: see 'folders' in [ui]")
    allowed = [Path(os.path.realpath(Path(one).expanduser())) for one in settings.folders]
    if allowed and not any(path.is_relative_to(folder) for folder in allowed):
        raise KinodexError("only these folders may be added: " + ", ".join(map(str, allowed)))


def _only_this_machine() -> bool:
    return is_loopback(os.environ.get(ADDRESS_VARIABLE, ""))
