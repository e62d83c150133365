"""Results as a table: CSV (RFC 4180)."""

import csv
import io
from collections.abc import Sequence

from search.export.cuts import Cut

COLUMNS = ("rank", "path", "start_s", "end_s", "best_s", "score", "match", "tags", "segment")


def as_csv(cuts: Sequence[Cut]) -> str:
    """A row for each moment under a row of names. Stray bytes of a path are kept as they are."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for cut in cuts:
        moment = cut.moment
        writer.writerow(
            [
                cut.rank,
                _harmless(str(cut.path)),
                f"{cut.start_s:.3f}",
                f"{cut.end_s:.3f}",
                f"{moment.best_s:.3f}",
                f"{moment.score:.6f}",
                "" if moment.match is None else f"{moment.match:.4f}",
                _harmless(", ".join(tag.label for tag in moment.tags)),
                moment.segment,
            ]
        )
    return file.getvalue()


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
