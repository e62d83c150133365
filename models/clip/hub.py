"""The model hub: what of it lies on this machine, and asking it once instead of for a minute."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError

Made = TypeVar("Made")

_TIMEOUT_S = 10


def without_hub(make: Callable[[], Made], *, all_here: bool) -> Made:
    """What `make` makes. Where all lies on this machine the hub is not asked for newer files.

    Without a network the libraries would ask for a minute. They are left to ask where something
    is missing after all.
    """
    before = constants.HF_HUB_OFFLINE
    if all_here and not before:
        constants.HF_HUB_OFFLINE = True
        try:
            return make()
        except (OSError, ValueError):  # so the libraries tell of a file that they do not find
            pass
        finally:
            constants.HF_HUB_OFFLINE = before
    return make()


def is_cached(repository: str, names: Sequence[str]) -> bool:
    """Whether one of these files of a repository lies on this machine."""
    cached = (huggingface_hub.try_to_load_from_cache(repository, name) for name in names)
    return any(isinstance(file, str) for file in cached)


def size_on_hub(repository: str, names: Sequence[str]) -> int | None:
    """How many bytes the first of these files has that the hub knows; None if it knows none.

    Raises what the hub's client raises, without trying twice.
    """
    for name in names:
        with contextlib.suppress(EntryNotFoundError):  # older weights come in one form only
            address = huggingface_hub.hf_hub_url(repository, name)
            return huggingface_hub.get_hf_file_metadata(address, timeout=_TIMEOUT_S).size
    return None
