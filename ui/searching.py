"""`kinodex search`: a query in, moments out."""

from dataclasses import dataclass
from pathlib import Path

from models.backbone import load_backbone
from search.engine import SearchEngine
from search.hits import Hit
from search.library import Library
from search.query import Filters, Query, needs_model
from search.query_language import written
from search.spaces import active_space, check_same_model, choice_of
from search.tag_search import search_tags
from ui.indexing import ModelFlags
from ui.printing import data, data_json, print_hits, printable, talk


@dataclass(frozen=True)
class OutputForm:
    """How hits are printed; a table or tab-separated lines by default."""

    as_json: bool = False
    paths_only: bool = False


def run_search(
    folder: Path | None,
    query: Query,
    flags: ModelFlags,
    *,
    rerank: str | None,
    form: OutputForm,
) -> None:
    """Print the videos that match best. Raises KinodexError for what the user must mend."""
    with Library.open(folder) as library:
        hits = find(library, query, flags, rerank=rerank)
    if form.as_json:
        for hit in hits:
            data_json({"query": written(query), **hit.as_json()})
    elif form.paths_only:
        for hit in hits:
            data(printable(hit.paths[0]))
    else:
        print_hits(hits)
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
