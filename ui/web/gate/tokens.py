"""The tokens that let people in, and what a browser keeps of them."""

import enum
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from models.errors import KinodexError

_SHORTEST, _LONGEST = 16, 200
_ALLOWED = re.compile(r"[A-Za-z0-9._~-]+")  # what stands in an address as it is


class Right(enum.IntEnum):
    """What somebody may do at most; the library's settings may allow less."""

    NOTHING = 0
    LOOK = 1
    CHANGE = 2


@dataclass(frozen=True)
class Tokens:
    """Who shows one of them may look at the page, or change things too.

    port: of the server. Browsers do not tell the ports of a machine apart when they send cookies,
        so the cookie's name does.
    """

    change: str = field(repr=False)
    look: str = field(repr=False)
    port: int

    @classmethod
    def of(cls, port: int, *, change: str = "", look: str = "") -> "Tokens":
        """The tokens that somebody has chosen, and new ones for those that are empty.

        Raises KinodexError where one could be guessed, or does not fit into an address.
        """
        for name, token in (("token", change), ("look_token", look)):
            if token:
                _check(name, token)
        if change and change == look:
            raise KinodexError("token and look_token are the same: nobody could only look")
        return cls(change or secrets.token_urlsafe(32), look or secrets.token_urlsafe(32), port)

    @property
    def cookie(self) -> str:
        """What the cookie is called."""
        return f"kinodex-{self.port}"

    def right_of(self, token: str) -> Right:
        """What a token is good for."""
        rights = [right for right, known in self._known() if _same(token, known)]
        return max(rights, default=Right.NOTHING)

    def kept(self, right: Right) -> str:
        """What the cookie holds for those who have shown a token: the token cannot be told by it.

        It is the same after a restart with the same token, so nobody has to come in again.
        """
        token = dict(self._known())[right]
        return hmac.new(token.encode(), b"kinodex cookie", "sha256").hexdigest()

    def right_in(self, headers: Mapping[str, str]) -> Right:
        """What somebody may do whose request had these headers."""
        kept = list(self._cookies(headers.get("Cookie") or headers.get("cookie") or ""))
        rights = [
            right
            for right, _ in self._known()
            # Another server of this machine may have put a cookie of this name beside ours.
            for one in kept
            if _same(one, self.kept(right))
        ]
        return max(rights, default=Right.NOTHING)

    def _known(self) -> list[tuple[Right, str]]:
        return [(Right.CHANGE, self.change), (Right.LOOK, self.look)]

    def _cookies(self, header: str) -> Iterator[str]:
        for pair in header.split(";"):
            name, _, value = pair.partition("=")
            if name.strip() == self.cookie:
                yield value.strip()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())


def _check(name: str, token: str) -> None:
    if not _SHORTEST <= len(token) <= _LONGEST:
        raise KinodexError(
            f"{name} has {len(token)} characters: it must have {_SHORTEST} to {_LONGEST}"
        )
    if not _ALLOWED.fullmatch(token):
        raise KinodexError(f"{name} may have the characters A-Z a-z 0-9 . _ ~ - and no others")
