"""`kinodex fuse`: another head, or another text tower, for a whole library, without any video."""

from dataclasses import asdict
from pathlib import Path

from models.clip.devices import find_device
from models.identity import EncoderIdentity, ModelChoice
from search.catalog.spaces import check_same_weights, choice_of, encoder_of, tower_of
from search.catalog.store import Store
from search.catalog.tables import Space
from search.fusing import FuseReport, LibraryFuser
from search.heads import choose_head, load_fusing_head
from search.wording import counted
from tasks.terminal.bars import WorkBar
from tasks.terminal.model_flags import ModelFlags, indexed_space, load_talking
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import data_json, talk


def run_fuse(folder: Path | None, head: str, flags: ModelFlags, *, as_json: bool) -> int:
    """Fuse the library in `folder` with a head, named or in a file; → the exit code."""
    asked_head = choose_head(head)
    with Store.open(folder) as library:
        library.require_writable()
        space = indexed_space(library)
        current = choice_of(space)
        asked = flags.text_tower_over(current)
        choice = asked or current
        encoder = _encoder(library, space, asked, flags)
        loaded = load_fusing_head(asked_head, choice, encoder, space.dim)
        fuser = LibraryFuser(library, loaded, encoder, choice, find_device(flags.device))
        with WorkBar("fusing", library=library.folder) as bar, stop_on_interrupt() as stop:
            report = fuser.run(on_progress=bar.show, stop=stop)
    if as_json:
        data_json(asdict(report) | {"head": loaded.identity.name, "model": str(choice)})
    _summarise(report, loaded.identity.name)
    return Exit.INTERRUPTED if report.interrupted else Exit.DONE


def _encoder(
    library: Store, space: Space, asked: ModelChoice | None, flags: ModelFlags
) -> EncoderIdentity:
    """The identity of the model to use; one that was asked for is looked at, even if it is known.

    The weights in its file may be others than they were.
    """
    own = encoder_of(space) or _note_frames_digest(library, space, flags)
    tower = tower_of(space, library.int8_folder)
    return load_talking(asked, flags, tower=tower).identity if asked else own


def _note_frames_digest(library: Store, space: Space, flags: ModelFlags) -> EncoderIdentity:
    """Add the digest of the visual tower to a space of an older program.

    Only that tells whether other weights make the same of a frame.
    """
    own = load_talking(choice_of(space), flags).identity
    check_same_weights(space, own)
    with library.writing() as session:
        session.get_one(Space, space.id).frames_digest = own.frames_digest
    return own


def _summarise(report: FuseReport, head: str) -> None:
    if not (report.changed or report.interrupted):
        talk(f"the library has the head {head} already: there was nothing to fuse")
        return
    parts = [f"{counted(report.fused, 'segment')} fused with {head}"]
    if report.already_there:
        parts.append(f"{report.already_there} were there before")
    if report.interrupted:
        parts.append("interrupted: searches stay as they are; run the same command to go on")
    talk(", ".join(parts))
