"""A library's picture tower in int8: made by its own frames, and taken where it does no harm."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from indexer.calibration_frames import stretches
from indexer.discover import discover
from indexer.reading.settings import IndexSettings
from indexer.registration import known_files
from models.clip.backbone import Backbone
from models.clip.engines.choice import OPENVINO
from models.clip.engines.int8 import Int8Tower
from models.files import make_folder, replaced_whole
from search.catalog.spaces import towers_named
from search.catalog.store import Store
from tasks.int8_judging import judge

# Fewer stretches of eight frames would neither calibrate nor judge a tower.
_FEWEST = 16
_JUDGING = 4  # one in so many judges
_REFUSED_FILE = "refused.json"

Talk = Callable[[str], None]


def why_refused(library: Store, backbone: Backbone) -> str | None:
    """Why the library's model is not in int8, if that was tried."""
    try:
        noted = json.loads((library.int8_folder / _REFUSED_FILE).read_bytes())
        same = noted["weights"] == backbone.identity.weights_digest
        return str(noted["reason"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def in_int8(
    library: Store, backbone: Backbone, paths: Sequence[Path], settings: IndexSettings, talk: Talk
) -> Backbone:
    """The model with a tower in int8, made by frames of these videos, or of all known ones.

    The model as it is, and a sentence why, where there are too few, or the tower is refused.
    """
    usual = f"going on in {backbone.engine.precision}"
    if backbone.engine.name != OPENVINO:
        talk(
            f"int8 is for {OPENVINO}, and {backbone.choice} runs in {backbone.engine.name}: {usual}"
        )
        return backbone
    talk("reading some frames of the videos, to make a picture tower in int8 by them")
    seen = stretches(_files(library, paths), backbone.preprocessing, settings)
    if len(seen) < _FEWEST:
        talk(
            f"int8 needs {_FEWEST} stretches of four seconds, and there are {len(seen)} in these "
            f"videos: {usual}"
        )
        return backbone
    judging = len(seen) // _JUDGING
    reason = _tried(library, backbone, seen[:-judging], np.concatenate(seen[-judging:]), talk)
    if isinstance(reason, Backbone):
        return reason
    _note_refusal(library, backbone, reason)
    talk(f"{backbone.choice} is not taken in int8: {reason}; {usual}")
    return backbone


def _tried(
    library: Store,
    backbone: Backbone,
    calibrating: Sequence[np.ndarray],
    judging: np.ndarray,
    talk: Talk,
) -> Backbone | str:
    """The model in int8, or why not. Other frames judge it than it was made by."""
    from models.clip.engines.conversion import ConversionRefused
    from models.clip.engines.quantising import quantised

    frames = sum(len(one) for one in calibrating)
    talk(f"making a picture tower in int8 by {frames} frames (once for this library)")
    try:
        graph = quantised(backbone.model, backbone.preprocessing, calibrating)
    except ConversionRefused as refusal:
        return str(refusal)
    tower = Int8Tower.keep(graph, backbone.preprocessing.size, library.int8_folder)
    made = backbone.in_int8(tower)
    judgement = judge(backbone, made, judging)
    if not judgement.is_good:
        tower.remove()
        return str(judgement)
    talk(f"in int8: {judgement}")
    _clear_others(library, tower)
    return made


def _files(library: Store, paths: Sequence[Path]) -> list[Path]:
    """The videos in these places, else those that the library knows."""
    with library.reading() as session:
        known = known_files(session, failed=False)
    found = sorted(file.path for file in discover([*paths, *(known if not paths else ())]).files)
    return [path for path in found if not path.is_relative_to(library.folder / "media")]


def _clear_others(library: Store, made: Int8Tower) -> None:
    """Delete towers that encoded nothing: a run was stopped before it came to that."""
    with library.reading() as session:
        wanted = {*towers_named(session), made.digest}
    for file in library.int8_folder.glob("*.json"):
        tower = Int8Tower(library.int8_folder, file.stem)
        if file.name != _REFUSED_FILE and tower.digest not in wanted:
            tower.remove()


def _note_refusal(library: Store, backbone: Backbone, reason: str) -> None:
    """So that the next run does not try again, and goes on as this one does."""
    make_folder(library.int8_folder)
    note = {"weights": backbone.identity.weights_digest, "reason": reason}
    with replaced_whole(library.int8_folder / _REFUSED_FILE, as_folder=True) as draft:
        draft.write_text(json.dumps(note), "utf-8")
