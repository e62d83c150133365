"""Spaces: which model, head and sampling a library's embeddings come from."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.choice import EncoderIdentity, ModelChoice
from models.errors import KinodexError
from search.catalog import Space


class SpaceMismatch(KinodexError):
    """The library was made with another model than the one asked for."""


@dataclass(frozen=True)
class SpaceIdentity:
    """All that decides what an embedding means."""

    encoder: EncoderIdentity
    head: str
    sampling: dict[str, Any]

    @property
    def key(self) -> str:
        """A digest: equal keys mean comparable embeddings."""
        values = [
            self.encoder.model,
            self.encoder.weights_digest,
            self.encoder.preprocessing,
            self.head,
            self.sampling,
        ]
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def active_space(session: Session) -> Space | None:
    """The space that searches use, or None in a library that was never indexed."""
    return session.scalar(select(Space).where(Space.active))


def choice_of(space: Space) -> ModelChoice:
    """The model that a space was made with, to load it again."""
    return ModelChoice(space.model, space.pretrained, space.weights)


def enter_space(
    session: Session, identity: SpaceIdentity, choice: ModelChoice, *, dim: int, switch: bool
) -> Space:
    """The space of this identity, made or found, as the active one.

    Raises SpaceMismatch when another space is active and `switch` is not given.
    """
    active = active_space(session)
    if active is not None and active.key == identity.key:
        return active
    if active is not None and not switch:
        raise _mismatch(active, identity, choice)
    session.execute(update(Space).values(active=False))
    space = session.scalar(select(Space).where(Space.key == identity.key))
    if space is None:
        space = _new_space(identity, choice, dim)
        session.add(space)
    space.active = True
    session.flush()
    return space


def bump_revision(session: Session) -> None:
    """Tell every vector index and reader that what a search may return has changed."""
    session.execute(update(Space).values(revision=Space.revision + 1))


def check_same_model(space: Space, choice: ModelChoice) -> None:
    """Raise SpaceMismatch at once when a named model is not the library's: before any loading."""
    if choice != choice_of(space):
        raise SpaceMismatch(
            f"this library was made with {choice_of(space)}, not {choice}: leave --model out, "
            "or run 'kinodex index --reindex' with it to encode every video again"
        )


def check_same_weights(space: Space, encoder: EncoderIdentity) -> None:
    """Raise SpaceMismatch when the loaded weights or preprocessing differ from the stored ones."""
    same = (encoder.weights_digest, encoder.preprocessing) == (
        space.weights_digest,
        _as_stored(space.preprocessing),
    )
    if not same:
        raise SpaceMismatch(
            f"the weights of {choice_of(space)} have changed since this library was made: "
            "bring the old ones back, or run 'kinodex index --reindex'"
        )


def _as_stored(preprocessing: dict[str, Any]) -> dict[str, Any]:
    # JSON knows lists only, the identity has tuples.
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in preprocessing.items()
    }


def _mismatch(active: Space, identity: SpaceIdentity, choice: ModelChoice) -> SpaceMismatch:
    if active.sampling != identity.sampling or active.head != identity.head:
        changed = "its head or its sampling settings"
    else:
        changed = f"its model ({choice_of(active)} before, {choice} now)"
    return SpaceMismatch(
        f"this library was made with other settings: {changed} changed. Undo that, "
        "or run 'kinodex index --reindex' to encode every video again"
    )


def _new_space(identity: SpaceIdentity, choice: ModelChoice, dim: int) -> Space:
    return Space(
        key=identity.key,
        model=choice.name,
        pretrained=choice.pretrained,
        weights=choice.weights,
        weights_digest=identity.encoder.weights_digest,
        preprocessing=identity.encoder.preprocessing,
        head=identity.head,
        sampling=identity.sampling,
        dim=dim,
    )
