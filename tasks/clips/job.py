"""What a child process is asked to cut."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from indexer.reading.settings import IndexSettings

# Under this name a clip's own metadata say what it lacks.
LOST_KEY = "comment"


@dataclass(frozen=True)
class Cutting:
    """What came of a job.

    copied_from_s: where a copy begins; None for what was encoded anew
    lost: what the clip lacks, in a sentence; None if nothing
    """

    copied_from_s: float | None
    lost: str | None


@dataclass(frozen=True)
class CutJob:
    """Which part of which file is wanted, in seconds from the start of its timeline.

    copy_from_s: if the pictures can be copied as they are from here or later, and no later than
        `start_s`, they are; None when they are always encoded anew
    to_keep: encode pictures as large, as many and nearly as good as they are; otherwise for the
        page, where a clip must be small
    length_s: when the last picture of the whole video ends, if that is known
    """

    source: Path
    target: Path
    start_s: float
    end_s: float
    settings: IndexSettings
    copy_from_s: float | None = None
    to_keep: bool = False
    length_s: float | None = None

    def as_json(self) -> str:
        """Plain ASCII; names that are not valid text survive as surrogate escapes."""
        return json.dumps(
            {
                "source": str(self.source),
                "target": str(self.target),
                "start_s": self.start_s,
                "end_s": self.end_s,
                "settings": self.settings.model_dump(),
                "copy_from_s": self.copy_from_s,
                "to_keep": self.to_keep,
                "length_s": self.length_s,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job that `as_json` wrote down."""
        values = json.loads(text)
        return cls(
            Path(values["source"]),
            Path(values["target"]),
            values["start_s"],
            values["end_s"],
            IndexSettings(**values["settings"]),
            values["copy_from_s"],
            values["to_keep"],
            values["length_s"],
        )
