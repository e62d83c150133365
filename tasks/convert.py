"""`kinodex convert`: files that others pass on become files that can be read safely."""

import json
from pathlib import Path

from indexer.datasets.captions.pickled import read_pickled_captions
from models.errors import KinodexError
from models.files import replaced_whole, typed_path
from search.wording import counted
from tasks.terminal.printing import data_json, data_path, talk


def convert_captions(file: Path, out: Path | None, *, as_json: bool) -> None:
    """Write the captions of a pickle as JSON, by default beside it, and print where.

    Raises DatasetError for what holds more than captions, KinodexError for a file that is there.
    """
    source = typed_path(file)
    target = typed_path(out) if out else source.with_suffix(".json")
    if target.exists():
        raise KinodexError(f"{str(target)!r} is there already: name another file with --out")
    captions = read_pickled_captions(source)
    # A video a line, so that a complaint about one names a line that people find.
    lines = (f"{json.dumps(video)}: {json.dumps(said)}" for video, said in captions.items())
    try:
        with replaced_whole(target, durable=True) as draft:
            draft.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    except OSError as error:
        raise KinodexError(f"{str(target)!r} cannot be written: {error.strerror}") from error
    total = sum(map(len, captions.values()))
    if as_json:
        data_json({"file": str(target), "videos": len(captions), "captions": total})
        return
    talk(f"{counted(total, 'caption')} of {counted(len(captions), 'video')}")
    data_path(target)
