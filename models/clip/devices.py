"""The devices that torch finds on this machine."""

import torch

from models.errors import KinodexError


def find_device(name: str | None = None) -> torch.device:
    """The device named ("cpu", "cuda", "mps"), or the best one there is."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name is None:
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present.get(name, False):
        usable = " or ".join(kind for kind, there in present.items() if there)
        raise KinodexError(f"there is no device {name!r} on this machine: use {usable}")
    return torch.device(name)
