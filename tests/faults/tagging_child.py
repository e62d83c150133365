"""What the kill tests run in a process of its own: tagging a library, until it kills itself."""

import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import torch

from search import fusing
from search.catalog.store import Store
from search.tags import tagger
from search.tags import writing as tag_storage
from tests.search.planted import plan, tag
from tests.tiny import tiny_backbone

NEW_LABELS = ("sleeping", "eating", "dancing", "reading")

# Each is a function's owner and name, its number of calls, and whether kill -9 comes before or
# after the last of them. The last four lie in the transaction that swaps the tags.
MOMENTS = {
    "at the first video": (fusing.SpaceFiller, "_fuse", 1, "after"),
    "amid the videos": (fusing.SpaceFiller, "_fuse", 12, "before"),
    "amid the labels": (tagger, "encode_labels", 1, "before"),
    "before the swap": (tagger.Tagger, "_measured", 1, "after"),
    "before the vocabulary": (tagger, "install", 1, "before"),
    "before the old tags go": (tagger, "replace_tags", 1, "before"),
    "amid the new tags": (tag_storage, "_only", 3, "after"),
    "before the commit": (tagger, "replace_tags", 1, "after"),
}


def run(library: Path, moment: str | None = None) -> None:
    """Tag with new labels in small steps; kill -9 comes at one of the MOMENTS."""
    torch.set_num_threads(1)
    fusing._SEGMENTS_AT_ONCE = 1
    tag_storage._ROWS_AT_ONCE = 5
    if moment is not None:
        owner, name, calls, side = MOMENTS[moment]
        setattr(owner, name, deadly(getattr(owner, name), calls, side))
    backbone = tiny_backbone()
    with Store.open(library) as opened:
        tag(opened, backbone, plan(NEW_LABELS, name="new", min_probability=0.01))


def deadly(function: Callable[..., Any], calls: int, side: str) -> Callable[..., Any]:
    """The function, but its last call ends the process."""

    @wraps(function)
    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls -= 1
        if calls == 0 and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted
