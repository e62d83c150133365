"""The child process in which a page's work is done: what the commands do, asked for on stdin.

The first line of stdin is the request. When stdin ends, the work stops as after Ctrl-C: the page
asked for that, or the page's server is gone. What is finished by then is kept.
"""

import _thread
import os
import sys
import threading

from models.errors import KinodexError
from models.threads import wait_without_spinning
from tasks.terminal.outcomes import Exit
from tasks.terminal.output import write_any_name
from ui.web.jobs.request import JobKind, JobRequest

_KINDNESS = 5  # searching and watching on the page come first


def main() -> int:
    """Do the work that stdin names; → the exit code."""
    request = JobRequest.from_json(sys.stdin.readline())
    threading.Thread(target=_stop_with_stdin, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_KINDNESS)
    wait_without_spinning()
    write_any_name()
    from search.wording import printable
    from tasks.terminal.printing import talk

    try:
        return _do(request)
    except KinodexError as error:
        talk(printable(str(error)))
        return Exit.ERROR
    except KeyboardInterrupt:
        talk("stopped: what is finished is kept")
        return Exit.INTERRUPTED


def _stop_with_stdin() -> None:
    sys.stdin.read()
    _thread.interrupt_main()


def _do(request: JobRequest) -> int:
    from search.tags.planning import TagRequest
    from tasks.fuse import run_fuse
    from tasks.index import retry_failed, run_index
    from tasks.tag import run_tag
    from tasks.terminal.model_flags import ModelFlags

    library, usual = request.library, ModelFlags()
    match request.kind:
        case JobKind.INDEX:
            flags = ModelFlags(model=request.name or None)
            return run_index(library, request.paths, flags, reindex=False, as_json=False)
        case JobKind.RETRY:
            return retry_failed(library, None, only=request.paths, as_json=False)
        case JobKind.REINDEX:
            flags = ModelFlags(model=request.name or None)
            return run_index(library, [], flags, reindex=True, as_json=False)
        case JobKind.FUSE:
            return run_fuse(library, request.name, usual, as_json=False)
        case JobKind.TAG:
            wanted = TagRequest(vocabulary=request.name or None)
            return run_tag(library, wanted, usual, as_json=False)
        case JobKind.SKETCH:
            return _sketch(request)


def _sketch(request: JobRequest) -> int:
    from tasks.sketches.request import Products, SketchFlags, SketchRequest
    from tasks.sketches.run import run_sketch
    from tasks.terminal.model_flags import ModelFlags

    wanted = SketchRequest(
        SketchFlags(), ModelFlags(), Products(), redo=request.redo, sheet=None, as_json=False
    )
    return run_sketch(request.library, [], wanted)


if __name__ == "__main__":
    sys.exit(main())
