"""Models as OpenVINO has compiled them: found in the cache, or made from PyTorch's and kept."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from models.clip.card import ModelCard
from models.clip.engines import cache
from models.clip.engines.in_openvino import (
    PICTURES,
    TEXTS,
    OpenVinoEngine,
    blob_name,
    probe_inputs,
    run,
)
from models.clip.engines.keys import find_entry, key_of, note_choice
from models.clip.preprocess import Preprocessing
from models.clip.tokens import KeptTokenizer, NotKeepable, kept_tokenizer, tokenizer_from
from models.errors import ModelUnavailable
from models.identity import EncoderIdentity, ModelChoice
from models.known_texts import KnownTexts

if TYPE_CHECKING:
    from models.clip.sources import LoadedModel

_TOKENIZER, _NAMES = "tokenizer.json", "names.npy"


@dataclass(frozen=True)
class Refused:
    """A model that runs in PyTorch, and why."""

    reason: str


@dataclass(frozen=True)
class Compiled:
    """A model ready to use without torch. known: see `KnownTexts`, None for all texts"""

    card: ModelCard
    engine: OpenVinoEngine
    tokenize: KeptTokenizer
    known: KnownTexts | None


# Loads the model in PyTorch, with its identity.
Load = Callable[[], tuple[ModelCard, "LoadedModel"]]


def find(
    choice: ModelChoice, precision: str, stored: EncoderIdentity | None, load: Load
) -> Compiled | Refused | None:
    """The compiled model of a choice, or None where none is kept.

    stored: the identity that is wanted, where a library tells it
    load: for an entry that turns out to be damaged
    """
    entry = find_entry(choice, precision, stored)
    if entry is None:
        return None
    if "refused" in entry.card:
        return Refused(str(entry.card["refused"]))
    try:
        return _from_entry(entry, partial(_again, entry, precision, load))
    except (cache.UnusableEntry, KeyError, TypeError, ValueError):
        return None


def make(
    choice: ModelChoice, precision: str, card: ModelCard, loaded: "LoadedModel", load: Load
) -> Compiled | Refused:
    """Convert a model, compare it with PyTorch's, and keep it. load: should it be damaged later."""
    key = key_of(card.identity, precision)
    entry, towers = _made(key, str(choice), precision, card, loaded)
    note_choice(choice, precision, key)
    if "refused" in entry.card:
        return Refused(str(entry.card["refused"]))
    again = partial(_again, entry, precision, load)
    return _from_entry(entry, again, towers, _small_files(loaded))


def _from_entry(
    entry: cache.Entry,
    restore: Callable[[], dict[str, Any]],
    towers: dict[str, Any] | None = None,
    files: dict[str, bytes] | None = None,
) -> Compiled:
    """files: those beside the towers, where they are in memory already."""

    def read(name: str) -> bytes:
        return files[name] if files is not None else entry.read(name)[:]

    known = None
    if "known_from" in entry.card:
        names = np.load(io.BytesIO(read(_NAMES)), allow_pickle=False)
        known = KnownTexts(names, float(entry.card["known_from"]))
    return Compiled(
        ModelCard.from_json(entry.card["model"]),
        OpenVinoEngine(entry, restore, towers),
        tokenizer_from(json.loads(read(_TOKENIZER))),
        known,
    )


def _again(entry: cache.Entry, precision: str, load: Load) -> dict[str, Any]:
    """The towers of a damaged entry, made once more.

    Raises KinodexError where the model in PyTorch is another one by now, or none.
    """
    card, loaded = load()
    if card.identity != ModelCard.from_json(entry.card["model"]).identity:
        raise ModelUnavailable(
            f"the compiled model in {str(entry.folder)!r} is damaged, and the weights that it was "
            "made of have changed: 'kinodex models --clear' removes it"
        )
    made, towers = _made(entry.folder.name, entry.card["name"], precision, card, loaded)
    if not towers:  # as it was taken before, it can only be another version's doing
        raise ModelUnavailable(
            f"{entry.card['name']} cannot be compiled again: {made.card['refused']}. "
            "KINODEX_ENGINE=torch does without"
        )
    return towers


def _made(
    key: str, name: str, precision: str, card: ModelCard, loaded: "LoadedModel"
) -> tuple[cache.Entry, dict[str, Any]]:
    """The entry of a model, and its towers; none for a model that is refused."""
    from models.clip.engines.conversion import ConversionRefused

    try:
        return _converted(key, name, precision, card, loaded)
    except (ConversionRefused, NotKeepable) as refusal:
        with cache.new_entry(key) as entry:
            return entry.finish({"name": name, "refused": str(refusal)}), {}


def _converted(
    key: str, name: str, precision: str, card: ModelCard, loaded: "LoadedModel"
) -> tuple[cache.Entry, dict[str, Any]]:
    """The same; what the disk does not take lives in memory.

    Raises ConversionRefused, and NotKeepable for its tokenizer.
    """
    from models.clip.engines.conversion import ConversionRefused, convert_pictures, convert_texts
    from models.clip.text import cut_of

    if card.reach:
        raise ConversionRefused("its frames see the frames beside them (3D patches)")
    with cache.new_entry(key) as entry:
        for file, content in _small_files(loaded).items():
            entry.add(file, content)
        tokenize = tokenizer_from(kept_tokenizer(loaded.tokenize))
        preprocessing = Preprocessing.from_config(card.identity.preprocessing)
        texts = convert_texts(loaded.model, tokenize)
        # One after the other: each takes a model's size while it is written down.
        entry.add(blob_name(TEXTS), texts.tower.export_model().getbuffer())
        pictures = convert_pictures(loaded.model, preprocessing, precision)
        entry.add(blob_name(PICTURES), pictures.tower.export_model().getbuffer())
        towers = {PICTURES: pictures.tower, TEXTS: texts.tower}
        probes = {PICTURES: list(preprocessing.size), TEXTS: tokenize(["a dog"])[0].tolist()}
        cut = cut_of(loaded.model)
        values = {
            "name": name,
            "model": card.as_json(),
            "precision": pictures.precision,
            "agreement": min(pictures.agreement, texts.agreement),
            "cut": cut,
            "probes": {one: _probe(one, probes[one], cut, towers[one]) for one in towers},
        }
        known = _known_texts(loaded.model)
        if known is not None:
            values["known_from"] = known.least
        return entry.finish(values), towers


def _probe(
    name: str, kept: list[int], cut: dict[str, int] | None, tower: Any
) -> dict[str, list[Any]]:
    return {"input": kept, "output": run(tower, *probe_inputs(name, kept, cut))[0].tolist()}


def _small_files(loaded: "LoadedModel") -> dict[str, bytes]:
    """What is kept beside the towers. Raises NotKeepable."""
    files = {_TOKENIZER: json.dumps(kept_tokenizer(loaded.tokenize)).encode()}
    known = _known_texts(loaded.model)
    if known is not None:
        content = io.BytesIO()
        np.save(content, known.names, allow_pickle=False)
        files[_NAMES] = content.getvalue()
    return files


def _known_texts(model: Any) -> KnownTexts | None:
    return getattr(model, "known_texts", None)
