"""Names under which the page may be reached, and pages that may speak to it."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s\[\]@/\\?#:,]+)(?::\d{1,5})?", re.ASCII)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    number = _number(address)
    return number.is_loopback if number else address == "localhost"


def is_everywhere(address: str) -> bool:
    """Whether a server that listens on it is reached by every address that the machine has."""
    number = _number(address)
    return number is not None and number.is_unspecified


def is_host_name(text: str) -> bool:
    """Whether somebody may have meant a name or an address, without a port, by this."""
    return bool(_NAME.fullmatch(text.lower())) or _number(text) is not None


def in_address(host: str) -> str:
    """A name or number as it stands in an address of a page: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True)
class KnownHosts:
    """The names that a page answers to.

    Any other may be that of a foreign page whose owner says, by DNS, that it lies on this machine:
    a browser then takes both for one page.

    bound: where the server listens; more: names that its users have for it, behind a proxy
    """

    bound: str
    more: frozenset[str] = frozenset()

    @classmethod
    def of(cls, bound: str, more: Iterable[str]) -> "KnownHosts":
        """Names in any spelling."""
        return cls(_plain(bound), frozenset(map(_plain, more)))

    def knows(self, host: str, *, reached_at: str = "") -> bool:
        """Whether a request may name this host; a port may follow the name.

        reached_at: the number of this machine that the connection came to. A server that listens
            on all numbers answers to each of them, as no foreign page can have a number for a name.
        """
        name = _name_in(host)
        if name is None:
            return False
        if is_loopback(name) or name in self.more:
            return True
        if is_everywhere(self.bound):
            return _number(name) is not None and name == _plain(reached_at)
        return name == self.bound

    def is_own_page(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` is one of ours, when it asks for `host`.

        A page of this machine at another port is somebody else's.
        """
        try:
            page = urlsplit(origin)
        except ValueError:
            return False
        if page.scheme not in ("http", "https") or _name_in(page.netloc) is None:
            return False
        # A proxy that speaks for the page may ask for it by another name than the browser has.
        return page.netloc.lower() == host.lower() or _name_in(page.netloc) in self.more


def _name_in(host: str) -> str | None:
    """The name or number in a Host header, in one spelling; None where it is none."""
    found = _HOST.fullmatch(host)
    if found is None:
        return None
    name = found["name"]
    if name.startswith("["):
        return _plain(name[1:-1]) if _number(name[1:-1]) else None
    return _plain(name)


def _plain(name: str) -> str:
    number = _number(name)
    return str(number) if number else name.lower().removesuffix(".")


def _number(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        number = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both families gives IPv4 numbers in the form of IPv6.
    return getattr(number, "ipv4_mapped", None) or number
