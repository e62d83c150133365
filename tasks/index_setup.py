"""What a library is indexed with: its model and its head, chosen and loaded, and its tagger."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.library_settings import sampling_of, write_settings_template
from indexer.pipeline import Indexer, IndexingListener, IndexReport
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from models.clip.engines.choice import AUTO, INT8, require_nncf
from models.clip.engines.int8 import Int8Tower
from models.errors import ModelUnavailable
from models.heads.checkpoints import LoadedHead, default_head
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice, ModelChoice
from search.catalog.settings import TagSettings
from search.catalog.spaces import (
    check_same_model,
    choice_of,
    encoder_of,
    head_of,
    other_precision,
    tower_of,
)
from search.catalog.store import Store
from search.catalog.tables import Space
from search.heads import load_fusing_head
from search.tags.planning import make_tagger, wanted_for_new_videos
from tasks.index_int8 import in_int8, why_refused
from tasks.terminal.model_flags import ModelFlags, load_talking, space_of

Pass = Callable[[Indexer], IndexReport]
Talk = Callable[[str], None]


def pass_over(paths: Sequence[Path], *, reindex: bool = False, retry_failed: bool = False) -> Pass:
    """One pass of an indexer over these paths; without any, over all files that the library knows.

    retry_failed: failed files too; without paths, those alone
    """

    def do(indexer: Indexer) -> IndexReport:
        if paths:
            return indexer.index(paths, retry_failed=retry_failed, switch_space=reindex)
        return indexer.index_known(failed=retry_failed, switch_space=reindex)

    return do


@dataclass(frozen=True)
class IndexSetup:
    """A library with all that its videos are indexed with, ready for one pass or several.

    talk: is told in sentences what takes its time
    """

    library: Store
    backbone: Backbone
    head: LoadedHead
    settings: IndexSettings
    tag_settings: TagSettings
    talk: Talk

    @classmethod
    def load(
        cls,
        library: Store,
        flags: ModelFlags,
        talk: Talk,
        *,
        head: HeadChoice | None = None,
        reindex: bool = False,
        paths: Sequence[Path] = (),
    ) -> "IndexSetup":
        """Load the model and the head: those asked for, else the library's, else the usual ones.

        paths: where to look for frames, should a picture tower in int8 be made

        Raises SpaceMismatch for another model than the library's unless `reindex`, HeadMismatch,
        ModelUnavailable, and KinodexError for settings that cannot be read.
        """
        space = space_of(library)
        choice = _model(space, flags, talk, reindex=reindex)
        head_choice = head or _usual_head(space, choice)
        settings, tag_settings = library.settings(IndexSettings), library.settings(TagSettings)
        stored = encoder_of(space) if space and choice == choice_of(space) else None
        tower = _tower(library, space, flags, reindex=reindex) if stored else None
        wants_int8 = flags.precision == INT8 and tower is None
        if wants_int8:
            require_nncf()
        backbone = load_talking(choice, flags, stored=stored, tower=tower, talk=talk)
        if wants_int8:
            refusal = None if reindex else why_refused(library, backbone)
            if refusal:
                talk(f"{choice} was not taken in int8 before: {refusal}")
            elif space is not None and not reindex:
                raise other_precision(space)
            else:
                backbone = in_int8(library, backbone, paths, settings, talk)
        loaded = load_fusing_head(head_choice, choice, backbone.identity, backbone.dim)
        return cls(library, backbone, loaded, settings, tag_settings, talk)

    def run(
        self, do: Pass, listener: IndexingListener, stop: threading.Event | None = None
    ) -> IndexReport:
        """Do one pass, with tags. Raises LibraryBusy, and what `Indexer.index` raises."""
        write_settings_template(self.library)
        sampling = sampling_of(self.settings)
        # Somebody may have tagged the library otherwise since the last pass.
        with self.library.reading() as session:
            wanted = wanted_for_new_videos(session, self.tag_settings, self.backbone, sampling)
        tagger = make_tagger(self.library, self.backbone, wanted, self.talk)
        stop = stop or threading.Event()
        return do(
            Indexer(self.library, self.backbone, self.head, self.settings, listener, stop, tagger)
        )


def _model(space: Space | None, flags: ModelFlags, talk: Talk, *, reindex: bool) -> ModelChoice:
    if space is not None:
        choice = flags.over(choice_of(space))
        if not reindex:
            check_same_model(space, choice)
        return choice
    return flags.or_usual(talk)


def _tower(
    library: Store, space: Space | None, flags: ModelFlags, *, reindex: bool
) -> Int8Tower | None:
    """The library's own tower in int8, unless all is encoded anew and otherwise, or without it.

    Raises SpaceMismatch where another precision is asked for and nothing is encoded anew.
    """
    tower = tower_of(space, library.int8_folder) if space else None
    if space is None or tower is None:
        return None
    if flags.precision not in (None, AUTO, INT8):
        if not reindex:
            raise other_precision(space)
        return None
    if reindex:
        try:
            tower.read()
        except ModelUnavailable:
            return None  # this is the way out of it
    return tower


def _usual_head(space: Space | None, model: ModelChoice) -> HeadChoice:
    """The library's own head while it keeps its model. Raises HeadMismatch when that is gone."""
    if space is None or choice_of(space) != model:
        return default_head(model)
    own = head_of(space)
    if own.file and not own.file.is_file():
        raise HeadMismatch(
            f"the head of this library, {str(own.file)!r}, is gone: bring it back, or run "
            "'kinodex fuse --head' with the place where it lies now or with another head"
        )
    return own
