"""Figures of matplotlib, an extra: who has not installed it misses pictures and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import KinodexError
from models.files import replaced_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100
_MARGIN_IN = 0.16
GRID = "#e1e1e1"
BLUE, ORANGE = "#1f5ca0", "#c8501e"

# What a user's own settings must not change: names are no formulas, whatever they hold.
_STYLE: dict[Any, Any] = {
    "text.usetex": False,
    "text.parse_math": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "font.family": "sans-serif",
    "savefig.dpi": "figure",
    "agg.path.chunksize": 20_000,  # a history of a million steps is too much for one path
}


class PlotsMissing(KinodexError):
    """The extra that draws is not installed."""


def check_plots() -> None:
    """Raises PlotsMissing: asked before hours of work for a picture that could not be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise PlotsMissing(
            "pictures need the package 'matplotlib': install it with pip install 'kinodex[plots]'"
        ) from error


@contextmanager
def house_style() -> Iterator[None]:
    """Within it figures are made and written; no window and no global figure is involved."""
    check_plots()
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of that size in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    # It draws into one picture: others make a new one for each text that is measured.
    FigureCanvasAgg(figure)
    return figure


def points(pixels: float) -> float:
    """The size of a font or a line that is this high in the picture."""
    return pixels * 72 / DPI


def save_png(figure: "Figure", file: Path, *, grows: bool = False) -> None:
    """Write the figure; the file is replaced as a whole.

    grows: the picture becomes as large as what stands around the figure needs
    """
    # Asked for here: to find it by itself, matplotlib draws everything twice.
    whole = figure.get_tightbbox().padded(_MARGIN_IN) if grows else None
    with replaced_whole(file) as draft:
        figure.savefig(draft, format="png", bbox_inches=whole)
