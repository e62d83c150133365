"""Spaces: which model, head and sampling a library's embeddings come from."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.clip.engines.int8 import Int8Tower
from models.errors import KinodexError
from models.identity import EncoderIdentity, HeadChoice, HeadIdentity, ModelChoice
from search.catalog.tables import Space


class SpaceMismatch(KinodexError):
    """The library was made with another model or head than the one asked for."""


@dataclass(frozen=True)
class SpaceIdentity:
    """All that decides what an embedding means."""

    encoder: EncoderIdentity
    head: HeadIdentity
    sampling: dict[str, Any]

    @property
    def key(self) -> str:
        """A digest: equal keys mean comparable embeddings."""
        head = self.head
        values = [
            self.encoder.model,
            self.encoder.weights_digest,
            self.encoder.preprocessing,
            # A head without weights is its name alone, as in libraries from before trained heads.
            head.name if head.digest is None else [head.name, head.digest],
            self.sampling,
            # A library in int8 meets no other; all others keep the key that they always had.
            *([self.encoder.int8] if self.encoder.int8 else []),
        ]
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def active_space(session: Session) -> Space | None:
    """The space that searches use, or None in a library that was never indexed."""
    return session.scalar(select(Space).where(Space.active))


def choice_of(space: Space) -> ModelChoice:
    """The model that a space was made with, to load it again."""
    return ModelChoice(space.model, space.pretrained, space.weights)


def head_of(space: Space) -> HeadChoice:
    """The head that a space was made with, to load it again."""
    return HeadChoice(space.head, space.head_file)


def tower_of(space: Space, folder: Path) -> Int8Tower | None:
    """The library's own picture tower in int8, which its `int8_folder` holds; None for most."""
    return Int8Tower(folder, space.int8) if space.int8 else None


def towers_named(session: Session) -> set[str]:
    """The digests of all towers in int8 that something of the library was encoded with."""
    return set(session.scalars(select(Space.int8).where(Space.int8.is_not(None))))


def enter_space(
    session: Session,
    identity: SpaceIdentity,
    choice: ModelChoice,
    *,
    dim: int,
    switch: bool,
    head_file: Path | None = None,
) -> Space:
    """The space of this identity, made or found, as the active one.

    Raises SpaceMismatch when another space is active and `switch` is not given.
    """
    active = active_space(session)
    if active is not None and active.key != identity.key and not switch:
        raise _mismatch(active, identity, choice, HeadChoice(identity.head.name, head_file))
    space = find_or_make_space(session, identity, choice, dim=dim, head_file=head_file)
    activate(session, space)
    return space


def find_or_make_space(
    session: Session,
    identity: SpaceIdentity,
    choice: ModelChoice,
    *,
    dim: int,
    head_file: Path | None,
) -> Space:
    """The space of this identity, active or not, told where its model and head lie now."""
    space = session.scalar(select(Space).where(Space.key == identity.key))
    if space is None:
        space = Space(key=identity.key, sampling=identity.sampling, dim=dim)
        session.add(space)
    space.model, space.pretrained, space.weights = choice.name, choice.pretrained, choice.weights
    space.head, space.head_digest = identity.head.name, identity.head.digest
    space.head_file = head_file
    encoder = identity.encoder
    space.weights_digest, space.frames_digest = encoder.weights_digest, encoder.frames_digest
    space.preprocessing, space.int8 = encoder.preprocessing, encoder.int8
    session.flush()
    # Tags may be of a space of their own, of the same weights: these lie at the same place.
    same = (Space.model == choice.name, Space.weights_digest == encoder.weights_digest)
    session.execute(
        update(Space).where(*same).values(pretrained=choice.pretrained, weights=choice.weights)
    )
    return space


def activate(session: Session, space: Space) -> None:
    """Let searches use this space, and no other, as soon as the transaction ends."""
    if space.active:
        return
    session.execute(update(Space).values(active=False))
    space.active = True
    session.flush()


def bump_revision(session: Session) -> None:
    """Tell every vector index and reader that what a search may return has changed."""
    session.execute(update(Space).values(revision=Space.revision + 1))


def check_same_model(space: Space, choice: ModelChoice) -> None:
    """Raise SpaceMismatch at once when a named model is not the library's: before any loading."""
    if choice == choice_of(space):
        return
    way_out = "run 'kinodex index --reindex' with it to encode every video again"
    if choice.name == space.model and choice.weights:
        case = (
            "its folder has only moved"
            if choice.is_distilled
            else "only its text tower was trained"
        )
        way_out = f"run 'kinodex fuse' with it if {case}; else {way_out}"
    raise SpaceMismatch(
        f"this library was made with {choice_of(space)}, not {choice}: leave --model and "
        f"--weights out, or {way_out}"
    )


def has_same_weights(space: Space, encoder: EncoderIdentity) -> bool:
    """Whether the loaded model is the one that a space was made with, text tower and all."""
    same = (encoder.weights_digest, encoder.int8) == (space.weights_digest, space.int8)
    return same and _same_preprocessing(space, encoder)


def gives_same_frames(space: Space, encoder: EncoderIdentity) -> bool:
    """Whether a space's stored frame embeddings are what this model would make of the frames."""
    if (encoder.model, encoder.int8) != (space.model, space.int8):
        return False
    if not _same_preprocessing(space, encoder):
        return False
    # A space of an older program has no digest of the visual tower.
    return (
        encoder.frames_digest == space.frames_digest
        or encoder.weights_digest == space.weights_digest
    )


def check_same_weights(space: Space, encoder: EncoderIdentity) -> None:
    """Raise SpaceMismatch when the loaded weights or preprocessing differ from the stored ones."""
    if has_same_weights(space, encoder):
        return
    if encoder.int8 != space.int8:
        raise other_precision(space)
    way_out = "run 'kinodex index --reindex'"
    if gives_same_frames(space, encoder):
        way_out = f"run {_fuse_command(head_of(space), choice_of(space))} to use the new ones"
    raise SpaceMismatch(
        f"the weights of {choice_of(space)} have changed since this library was made: "
        f"bring the old ones back, or {way_out}"
    )


def encoder_of(space: Space) -> EncoderIdentity | None:
    """The identity of a space's model, without loading it.

    None for a space of an older program, which did not note the visual tower's digest.
    """
    if space.frames_digest is None:
        return None
    return EncoderIdentity(
        space.model,
        space.weights_digest,
        _as_made(space.preprocessing),
        space.frames_digest,
        space.int8,
    )


def _same_preprocessing(space: Space, encoder: EncoderIdentity) -> bool:
    return encoder.preprocessing == _as_made(space.preprocessing)


def _as_made(preprocessing: dict[str, Any]) -> dict[str, Any]:
    # JSON knows lists only, the identity has tuples.
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in preprocessing.items()
    }


def _mismatch(
    active: Space, identity: SpaceIdentity, choice: ModelChoice, head: HeadChoice
) -> SpaceMismatch:
    if active.sampling != identity.sampling:
        return _needs_encoding("its sampling settings")
    if active.int8 != identity.encoder.int8:
        return other_precision(active)
    if has_same_weights(active, identity.encoder):
        return _other_head(head_of(active), head)
    if gives_same_frames(active, identity.encoder):
        return SpaceMismatch(
            f"this library was made with another text tower than {choice} has now: bring the old "
            f"one back, or run {_fuse_command(head, choice)} first: no video is read for that"
        )
    return _needs_encoding(f"its model ({choice_of(active)} before, {choice} now)")


def _fuse_command(head: HeadChoice, model: ModelChoice) -> str:
    weights = f"--weights {model.weights}" if model.weights else f"--model {model.name}"
    return f"'kinodex fuse --head {head.option} {weights}'"


def other_precision(space: Space) -> SpaceMismatch:
    """What to say where a library's pictures are in int8 and new ones would not be, or reverse."""
    how = "in int8, and no others may meet them" if space.int8 else "otherwise than in int8"
    return SpaceMismatch(
        f"the pictures of this library are encoded {how}: leave --precision out, or run "
        "'kinodex index --reindex' with it to encode every video again"
    )


def _needs_encoding(changed: str) -> SpaceMismatch:
    return SpaceMismatch(
        f"this library was made with other settings: {changed} changed. Undo that, "
        "or run 'kinodex index --reindex' to encode every video again"
    )


def _other_head(before: HeadChoice, now: HeadChoice) -> SpaceMismatch:
    way_out = f"run 'kinodex fuse --head {now.option}' first: no video is read for that"
    if before == now:
        return SpaceMismatch(f"the head {now} has changed since this library was made: {way_out}")
    return SpaceMismatch(
        f"this library was made with the head {before}, not {now}: leave --head out, or {way_out}"
    )
