"""Who is asking just now, for whatever wants to know what they may do."""

from collections.abc import Mapping
from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.web.gate.tokens import Right, Tokens

# Those of the request that is being answered, where it is none of Streamlit's.
REQUEST_HEADERS: ContextVar[Mapping[str, str] | None] = ContextVar("request_headers", default=None)


class _Door:
    """What this server asks of its visitors; nobody may do anything until it is set."""

    tokens: Tokens | None = None
    is_open = False


def ask_for(tokens: Tokens | None) -> None:
    """From now on a token is asked for; None: everybody who reaches the page may come in."""
    _Door.tokens, _Door.is_open = tokens, tokens is None


def let_nobody_in() -> None:
    """As it is before `ask_for`."""
    _Door.tokens, _Door.is_open = None, False


def right_in(headers: Mapping[str, str]) -> Right:
    """What somebody may do at most whose request had these headers."""
    if _Door.tokens is not None:
        return _Door.tokens.right_in(headers)
    return Right.CHANGE if _Door.is_open else Right.NOTHING


def headers_now() -> Mapping[str, str]:
    """The headers of whoever caused what is running now; none where nobody did."""
    headers = REQUEST_HEADERS.get()
    if headers is not None:
        return headers
    return st.context.headers if get_script_run_ctx(suppress_warning=True) else {}
