"""What a library is to be tagged with: by options, by its settings, and by what it has now."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models.clip.backbone import Backbone
from models.files import typed_path
from models.heads.checkpoints import default_action_head
from models.heads.fit import HeadMismatch
from models.identity import EncoderIdentity, HeadChoice, ModelChoice
from models.labels.prompts import SIXTEEN, PromptTemplates
from search.catalog.settings import AUTO, TagSettings
from search.catalog.spaces import choice_of, encoder_of, gives_same_frames, head_of
from search.catalog.store import Store
from search.catalog.tables import Space
from search.catalog.tag_tables import Vocabulary
from search.heads import choose_action_head, load_tagging_head
from search.tags.reading import active_vocabulary
from search.tags.tagger import Tagger
from search.tags.vocabulary import WordList, default_name, read_vocabulary
from search.tags.writing import TagPlan


@dataclass(frozen=True)
class TagRequest:
    """What was asked for; None where nothing was."""

    vocabulary: str | None = None  # a name, or a file's path
    head: str | None = None  # a name, or a file's path
    templates: Path | None = None  # a file, or the word SIXTEEN
    min_probability: float | None = None
    most: int | None = None


@dataclass(frozen=True)
class TaggingChoice:
    """A plan, and the head and the model that go with it."""

    plan: TagPlan
    head: HeadChoice
    encoder: EncoderIdentity
    model: ModelChoice


def wanted_by(
    session: Session, request: TagRequest, settings: TagSettings, backbone: Backbone
) -> TaggingChoice:
    """What a request comes to: where it says nothing the settings count, then what is there.

    Raises BadVocabulary, InvalidTemplates, and HeadMismatch for a head that is gone.
    """
    model = backbone.choice
    stored = active_vocabulary(session)
    words = _words(request, settings, stored, model)
    plan = TagPlan(
        words=words,
        templates=_templates(request, stored, backbone, words).texts,
        min_probability=request.min_probability or settings.min_probability,
        most=request.most or settings.most,
    )
    asked = request.head or _named(settings.head)
    space = session.get_one(Space, stored.space_id) if stored else None
    head = choose_action_head(asked) if asked else _usual_head(space, backbone)
    return TaggingChoice(plan, head, backbone.identity, model)


def wanted_for_new_videos(
    session: Session, settings: TagSettings, backbone: Backbone, sampling: dict[str, Any]
) -> TaggingChoice:
    """What videos that are being indexed are tagged with: what the others were tagged with.

    The settings count in a library that has no tags yet, and `kinodex tag` applies them to others.
    """
    stored = active_vocabulary(session)
    if stored is None:
        return wanted_by(session, TagRequest(), settings, backbone)
    space = session.get_one(Space, stored.space_id)
    plan, encoder = _plan_of(stored), encoder_of(space)
    head = _usual_head(space, backbone)
    if encoder and gives_same_frames(space, backbone.identity) and space.sampling == sampling:
        # Tags may be of another text tower than searches are.
        return TaggingChoice(plan, head, encoder, choice_of(space))
    if plan.words.file is None and plan.words.name == default_name(choice_of(space)):
        plan = replace(plan, words=read_vocabulary(default_name(backbone.choice)))
    if _are_usual(PromptTemplates(plan.templates)):
        plan = replace(plan, templates=usual_templates(backbone, plan.words).texts)
    return TaggingChoice(plan, head, backbone.identity, backbone.choice)


def make_tagger(
    library: Store, backbone: Backbone, wanted: TaggingChoice, talk: Callable[[str], None]
) -> Tagger:
    """What does it. Raises HeadMismatch."""
    head = load_tagging_head(wanted.head, wanted.model, wanted.encoder, backbone.dim)
    return Tagger(
        library, backbone, head, wanted.plan, encoder=wanted.encoder, model=wanted.model, talk=talk
    )


def _plan_of(stored: Vocabulary) -> TagPlan:
    return TagPlan(
        words=_words_of(stored),
        templates=tuple(stored.templates),
        min_probability=stored.min_probability,
        most=stored.most,
    )


def _words_of(stored: Vocabulary) -> WordList:
    return WordList(stored.name, tuple(label.text for label in stored.labels), stored.file)


def _words(
    request: TagRequest, settings: TagSettings, stored: Vocabulary | None, model: ModelChoice
) -> WordList:
    asked = request.vocabulary or _named(settings.vocabulary)
    if asked or stored is None:
        return read_vocabulary(asked or default_name(model))
    if stored.file is not None and stored.file.is_file():
        return read_vocabulary(str(stored.file))  # it may have been edited
    return _words_of(stored)


def _templates(
    request: TagRequest, stored: Vocabulary | None, backbone: Backbone, words: WordList
) -> PromptTemplates:
    if str(request.templates) == SIXTEEN:
        return PromptTemplates.default()
    if request.templates is not None:
        return PromptTemplates.from_file(typed_path(request.templates))
    if stored is None:
        return usual_templates(backbone, words)
    kept = PromptTemplates(tuple(stored.templates))
    if (stored.name, stored.file) == (words.name, words.file):
        return kept
    say_the_same = words.names_things == (kept == PromptTemplates.of_things())
    return kept if say_the_same or not _are_usual(kept) else usual_templates(backbone, words)


def usual_templates(backbone: Backbone, words: WordList) -> PromptTemplates:
    """The sentences of a new library: a few where each takes a model as long as its longest."""
    if words.names_things:
        return PromptTemplates.of_things()
    return PromptTemplates.few() if backbone.engine.pads_texts else PromptTemplates.default()


def _are_usual(templates: PromptTemplates) -> bool:
    ours = PromptTemplates.default(), PromptTemplates.few(), PromptTemplates.of_things()
    return templates in ours


def _usual_head(space: Space | None, backbone: Backbone) -> HeadChoice:
    """The library's own action head while it keeps its model, else the model's usual one."""
    if space is None or not gives_same_frames(space, backbone.identity):
        return default_action_head(backbone.choice)
    own = head_of(space)
    if own.file and not own.file.is_file():
        raise HeadMismatch(
            f"the action head of this library, {str(own.file)!r}, is gone: bring it back, or run "
            "'kinodex tag --head' with the place where it lies now or with another head"
        )
    return own


def _named(setting: str) -> str | None:
    return None if setting == AUTO else setting
