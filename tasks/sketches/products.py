"""The files that `kinodex sketch` writes where the user wants them, and what it says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import KinodexError
from models.files import replaced_whole, typed_path
from search.wording import counted, printable, short_path, why_unwritten
from sketch.strokes import Sketch
from tasks.terminal.printing import data_json, data_line, talk

# Moments of the drawing that its film shows.
FILM_MOMENTS = 90


@dataclass(frozen=True)
class FinishedSketch:
    """A sketch that is ready, and its files by kind: "svg", "png", "making-of" …"""

    name: str
    sketch: Sketch
    files: Mapping[str, Path]
    seconds: float
    segment: int | None = None

    def show(self, *, as_json: bool) -> None:
        """The paths on stdout, one a line, or all there is to know as JSON."""
        if as_json:
            data_json(self._as_json())
            return
        groups = sorted(set(self.sketch.groups), reverse=True)
        talk(
            f"{printable(self.name)}: {counted(len(self.sketch.strokes), 'stroke')} "
            f"({', '.join(groups)}), {self.seconds:.1f} s"
        )
        for file in self.files.values():
            data_line(short_path(file))

    def _as_json(self) -> dict[str, Any]:
        loss = self.sketch.loss
        return {
            "name": self.name,
            "segment": self.segment,
            "strokes": len(self.sketch.strokes),
            "groups": list(self.sketch.groups),
            "gains": [round(float(gain), 5) for gain in self.sketch.gains],
            "loss": loss.total,
            "semantic_loss": loss.semantic,
            "geometric_loss": loss.geometric,
            "seconds": round(self.seconds, 3),
            "files": {kind: str(path) for kind, path in self.files.items()},
        }


def usable_folder(folder: Path | None) -> Path:
    """The folder for files, made if need be: the present one if None.

    Raises KinodexError when it cannot be made or written to.
    """
    place = typed_path(folder or Path())
    try:
        place.mkdir(parents=True, exist_ok=True)
        probe = place / ".kinodex-writes-here"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise KinodexError(
            f"nothing can be written to {str(place)!r}: {why_unwritten(error)}; name another "
            "folder with --out"
        ) from error
    return place


def write_files(folder: Path, stem: str, contents: Mapping[str, bytes]) -> dict[str, Path]:
    """Write files that are named by their stem and kind; → their paths by kind.

    Raises KinodexError.
    """
    files: dict[str, Path] = {}
    for kind, content in contents.items():
        ending = "making-of.mp4" if kind == "making-of" else f"sketch.{kind}"
        files[kind] = folder / f"{stem}.{ending}"
        write_file(files[kind], content)
    return files


def write_file(file: Path, content: bytes) -> None:
    """Put a file in place in one step. Raises KinodexError."""
    try:
        with replaced_whole(file, durable=True) as draft:
            draft.write_bytes(content)
    except OSError as error:
        raise KinodexError(f"{str(file)!r} cannot be written ({why_unwritten(error)})") from error
