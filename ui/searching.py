"""`kinodex search`: a text or tags in, moments out."""

from dataclasses import dataclass
from pathlib import Path

from models.backbone import load_backbone
from search.engine import SearchEngine
from search.hits import Hit
from search.library import Library
from search.spaces import active_space, check_same_model, choice_of
from search.tag_search import search_tags
from search.tags import TagFilter
from ui.indexing import ModelFlags
from ui.printing import data, data_json, print_hits, printable, talk


@dataclass(frozen=True)
class OutputForm:
    """How hits are printed; a table or tab-separated lines by default."""

    as_json: bool = False
    paths_only: bool = False


@dataclass(frozen=True)
class Query:
    """What is looked for: a text, tags, or both."""

    text: str
    tags: tuple[str, ...] = ()
    tag_min: float | None = None


def run_search(
    folder: Path | None,
    query: Query,
    k: int,
    flags: ModelFlags,
    *,
    rerank: str | None,
    form: OutputForm,
) -> None:
    """Print the `k` videos that match best. Raises KinodexError for what the user must mend."""
    with Library.open(folder) as library:
        hits = _search(library, query, k, flags, rerank)
    if form.as_json:
        for hit in hits:
            data_json(hit.as_json())
    elif form.paths_only:
        for hit in hits:
            data(printable(hit.paths[0]))
    else:
        print_hits(hits)


def _search(
    library: Library, query: Query, k: int, flags: ModelFlags, rerank: str | None
) -> list[Hit]:
    wanted = TagFilter(query.tags, query.tag_min) if query.tags else None
    if wanted is not None and not query.text.strip():
        return search_tags(library, wanted, k)
    return _engine(library, flags, rerank).search(query.text, k, tags=wanted)


def _engine(library: Library, flags: ModelFlags, rerank: str | None) -> SearchEngine:
    with library.reading() as session:
        space = active_space(session)
    if space is None:
        return library.engine()  # says that nothing is indexed
    asked = flags.choice(choice_of(space)) or choice_of(space)
    check_same_model(space, asked)
    backbone = load_backbone(asked, device=flags.device, talk=talk)
    return SearchEngine.for_library(library, backbone, rerank=rerank)
