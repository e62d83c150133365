"""Under what a compiled model is kept: who the model is, and for what it was compiled.

Free of torch and of OpenVINO.
"""

import contextlib
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from models.clip.engines import cache
from models.clip.engines.choice import OPENVINO
from models.clip.engines.processor import processor_key
from models.identity import EncoderIdentity, ModelChoice

# Goes up when entries are written otherwise: older ones are not found any more, and go in time.
_FORM = 2
_TEXTS_FORM = 1
# What decides which weights and which pictures a model's name stands for.
_LIBRARIES = ("open_clip_torch", "timm", "torch")


def key_of(identity: EncoderIdentity, precision: str) -> str:
    """The key of a model. precision: as it was asked for"""
    values = [
        _FORM,
        identity.model,
        identity.weights_digest,
        identity.preprocessing,
        precision,
        _version(OPENVINO),
        processor_key(),
    ]
    return _digest(values)


def texts_key(identity: EncoderIdentity, engine: str, device: str, precision: str) -> str:
    """What must agree before embeddings of texts serve again: whose they are, and what made them.

    precision: as it was asked for
    """
    made_by = [engine, device, precision, processor_key()]
    versions = {name: _version(name) for name in (*_LIBRARIES, OPENVINO)}
    values = [_TEXTS_FORM, identity.model, identity.weights_digest, made_by, versions]
    return _digest(values)


def find_entry(
    choice: ModelChoice, precision: str, stored: EncoderIdentity | None
) -> cache.Entry | None:
    """What is kept of a model, or None. stored: its identity, where a library tells it"""
    key = cache.recall(_noted(choice, precision), versions())
    # A file of weights may have changed since: then only what is noted of the file counts.
    if key is None and stored is not None and choice.weights is None:
        key = key_of(stored, precision)
    return cache.find(key) if key else None


def note_choice(choice: ModelChoice, precision: str, key: str) -> None:
    """Remember under which key a choice's model is kept, while its files are what they are."""
    from models.clip.sources import weight_files

    files = weight_files(choice)
    if files is not None:
        with contextlib.suppress(OSError):
            cache.remember(_noted(choice, precision), key, files, versions())


def _noted(choice: ModelChoice, precision: str) -> str:
    return json.dumps([choice.name, choice.pretrained, str(choice.weights), precision])


def _digest(values: list[Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def versions() -> dict[str, str]:
    """Of all that decides what a compiled model gives, and how fast: libraries and processor."""
    found = {name: _version(name) for name in (*_LIBRARIES, OPENVINO)}
    return found | {"processor": processor_key(), "form": str(_FORM)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
