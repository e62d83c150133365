"""`kinodex search`: a query in, moments out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search.catalog.spaces import check_same_model, choice_of, encoder_of, tower_of
from search.catalog.store import Store
from search.export import FORMS
from search.export.cuts import cuts_of
from search.finding.hits import Hit, remark_on
from search.finding.tag_search import answer
from search.queries.language import written
from search.queries.query import Filters, Query, QueryMistake
from tasks.terminal.model_flags import ModelFlags, indexed_space, load_talking
from tasks.terminal.printing import data_json, data_path, data_text, print_hits, talk

if TYPE_CHECKING:
    from search.finding.engine import SearchEngine


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
    null: bool = False,
) -> None:
    """Print the videos that match best. Raises KinodexError for what the user must mend.

    form: "json", "paths", one of FORMS, or None for a table
    null: a zero byte ends each path, as names may hold line breaks
    """
    with Store.open(folder) as library:
        hits = find(library, query, flags, rerank=rerank)
        if form in FORMS:
            data_text(FORMS[form](cuts_of(library, hits)))
    if form == "json":
        for hit in hits:
            data_json({"query": written(query), **hit.as_json()})
    elif form == "paths":
        for hit in hits:
            data_path(hit.paths[0], end="\0" if null else "\n")
    elif form is None:
        print_hits(hits)
    if remark := remark_on(hits, query):
        talk(remark)
    if not hits:
        talk("nothing passes these filters" if query.filters != Filters() else "nothing is found")


def find(
    library: Store, query: Query, flags: ModelFlags, *, rerank: str | None = None
) -> list[Hit]:
    """What a library answers, with the model that these options choose. Raises KinodexError."""
    return answer(library, query, lambda: _engine(library, flags, rerank))


def _engine(library: Store, flags: ModelFlags, rerank: str | None) -> "SearchEngine":
    # It loads torch, which a mistake in the query or tags alone need not wait for.
    from search.finding.engine import SearchEngine

    space = indexed_space(library)
    choice = flags.over(choice_of(space))
    check_same_model(space, choice)
    tower = tower_of(space, library.int8_folder)
    backbone = load_talking(choice, flags, stored=encoder_of(space), tower=tower)
    return SearchEngine.for_library(library, backbone, rerank=rerank)
