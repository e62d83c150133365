"""`kinodex search`: a query in, moments out."""

from collections.abc import Sequence
from pathlib import Path

from models.backbone import load_backbone
from search.engine import SearchEngine
from search.export.cuts import cuts_of
from search.export.forms import FORMS
from search.hits import Hit
from search.library import Library
from search.matching import all_weak
from search.query import Filters, Query, QueryMistake, needs_model
from search.query_language import written
from search.spaces import active_space, check_same_model, choice_of
from search.tag_search import search_tags
from ui.indexing import ModelFlags
from ui.printing import data, data_json, data_text, print_hits, printable, talk


def only_form(asked: Sequence[str]) -> str | None:
    """The one form of output that was asked for. Raises QueryMistake for several."""
    if len(asked) > 1:
        raise QueryMistake(f"only one form at a time: --{' or --'.join(asked)}")
    return asked[0] if asked else None


def run_search(
    folder: Path | None,
    query: Query,
    flags: ModelFlags,
    *,
    rerank: str | None,
    form: str | None,
) -> None:
    """Print the videos that match best. Raises KinodexError for what the user must mend.

    form: "json", "paths", one of FORMS, or None for a table
    """
    with Library.open(folder) as library:
        hits = find(library, query, flags, rerank=rerank)
        if form in FORMS:
            data_text(FORMS[form](cuts_of(library, hits)))
    if form == "json":
        for hit in hits:
            data_json({"query": written(query), **hit.as_json()})
    elif form == "paths":
        for hit in hits:
            data(printable(hit.paths[0]))
    elif form is None:
        print_hits(hits)
    if all_weak(hits):
        talk("no match is sure: probably nothing here shows this")
    if not hits:
        talk("nothing passes these filters" if query.filters != Filters() else "nothing is found")


def find(
    library: Library, query: Query, flags: ModelFlags, *, rerank: str | None = None
) -> list[Hit]:
    """What a library answers, with the model that these options choose. Raises KinodexError."""
    if not needs_model(query):
        return search_tags(library, query)
    return _engine(library, flags, rerank).search(query)


def _engine(library: Library, flags: ModelFlags, rerank: str | None) -> SearchEngine:
    with library.reading() as session:
        space = active_space(session)
    if space is None:
        return library.engine()  # says that nothing is indexed
    asked = flags.choice(choice_of(space)) or choice_of(space)
    check_same_model(space, asked)
    backbone = load_backbone(asked, device=flags.device, talk=talk)
    return SearchEngine.for_library(library, backbone, rerank=rerank)
