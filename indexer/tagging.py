"""Tags of the videos that a run indexes: at once, or as soon as the labels are read beside it."""

import threading
from types import TracebackType
from typing import Self

from search.tags.tagger import LiveTagging, Tagger


class TagsToCome:
    """Makes a library ready for tags while its videos are encoded already; a context manager.

    Reading hundreds of labels in many sentences takes a large model minutes. Videos do not wait:
    those that are stored before it is done get their tags when the run ends.
    """

    def __init__(self, tagger: Tagger, stop: threading.Event) -> None:
        self._tagger = tagger
        self._stop = stop
        self._closed = threading.Event()
        self._made: LiveTagging | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._enter, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if self._tagger.knows_labels():  # it takes a moment, in which no video should be missed
            self._thread.join()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._closed.set()
        self._thread.join()

    def ready(self) -> LiveTagging | None:
        """What tags new videos, or None for now. Raises what `Tagger.enter` has raised."""
        if self._failure is not None:
            raise self._failure
        return self._made

    def wait(self) -> None:
        """Until the labels are read, or the run is to stop. Raises as `ready` does."""
        self._thread.join()
        self.ready()

    def _enter(self) -> None:
        try:
            self._made = self._tagger.enter(given_up=self._is_given_up)
        except BaseException as error:  # it is told where the run can hear of it
            self._failure = error

    def _is_given_up(self) -> bool:
        return self._closed.is_set() or self._stop.is_set()
