"""A disk that fails, at the border to the operating system: what is opened on it gives an error."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def failing(*places: Path, error: int = errno.EIO) -> Iterator[None]:
    """Nothing below these places can be opened meanwhile, whoever asks in this process."""

    def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(file, str | os.PathLike) and any(
                Path(file).is_relative_to(place) for place in places
            ):
                raise OSError(error, os.strerror(error), os.fspath(file))
            return real(file, *arguments, **options)

        return opened

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "open", refusing(os.open))
        patched.setattr(io, "open", refusing(io.open))
        yield
