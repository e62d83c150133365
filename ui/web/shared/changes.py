"""The one place where all that the page changes asks whether it may.

Whatever writes, starts, stops or deletes for a visitor is a deed marked with `change`. It asks at
the moment it is done, so it does not matter who has found a way to press the button.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from models.errors import KinodexError
from ui.web.gate import visitors
from ui.web.shared.access import library_folder, may_change, ui_settings

Given = ParamSpec("Given")
Result = TypeVar("Result")

# By where it is and what it is called; for whoever wants to see that each asks.
DEEDS: dict[str, Callable[..., object]] = {}


class ChangeRefused(KinodexError):
    """Who asked for this may only look."""


def allowed() -> bool:
    """Whether whoever is asking now may change things: what they may not is not shown to them."""
    return may_change(ui_settings(library_folder()), visitors.headers_now())


def change(deed: Callable[Given, Result]) -> Callable[Given, Result]:
    """A deed that only those do who may change things; it raises ChangeRefused for all others."""

    @functools.wraps(deed)
    def asking(*args: Given.args, **options: Given.kwargs) -> Result:
        if not allowed():
            raise ChangeRefused(
                "on this page things can be looked at only: see 'allow_changes' in the guide"
            )
        return deed(*args, **options)

    DEEDS[f"{deed.__module__}.{deed.__qualname__}"] = asking
    return asking
