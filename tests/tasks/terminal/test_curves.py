"""Curves of a training run as pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from tasks.terminal.curves import (
    Line,
    Panel,
    draw_history,
    draw_panels,
    draw_sweep,
    history_panels,
    panels_figure,
    sweep_panels,
)
from tasks.terminal.plots import BLUE, ORANGE, house_style


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with house_style():
        yield


def record(step: int, loss: float, **figures: float) -> dict:
    return {"step": step, "loss": loss, "figures": figures}


def trial(rate: float, loss: float | None, r1: float | None) -> dict:
    return {"learning_rate": rate, "loss": loss, "r1": r1}


def axes_of(panels: list[Panel]) -> list[Axes]:
    return panels_figure(panels).axes


def curves(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """The points of each line, by its name."""
    return {str(line.get_label()): [(*xy,) for xy in line.get_xydata()] for line in axes.lines}


def test_a_falling_line_goes_from_top_left_to_bottom_right(tmp_path):
    panel = Panel("title", "step", [Line("falling", [(0, 10), (50, 5), (100, 0)])])
    [axes] = axes_of([panel])
    first, last = axes.transData.transform([(0, 10), (100, 0)])
    assert first[0] < last[0]
    assert first[1] > last[1]
    assert curves(axes) == {"falling": [(0, 10), (50, 5), (100, 0)]}


def test_a_run_with_figures_gets_a_panel_for_loss_and_one_for_r1(tmp_path):
    history = [
        record(1, 3.0),
        record(2, 2.0, r1=10.0, video_to_text_r1=5.0),
        record(3, 1.0),
        record(4, 0.5, r1=30.0, video_to_text_r1=40.0),
    ]
    loss, found = axes_of(history_panels(history))
    assert (loss.get_title("left"), loss.get_xlabel()) == (
        "loss of each batch, and smoothed",
        "step",
    )
    assert curves(loss)["each batch"] == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]
    smoothed = [y for _, y in curves(loss)["smoothed"]]
    assert smoothed[:2] == pytest.approx([3.0, (0.95 * 3.0 + 2.0) / 1.95])
    assert found.get_title("left") == "R@1 on the validation videos, percent"
    assert curves(found) == {
        "text to video": [(2, 10.0), (4, 30.0)],
        "video to text": [(2, 5.0), (4, 40.0)],
    }
    draw_history(history, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (760, 600))
        assert len(picture.convert("RGB").getcolors(760 * 600) or []) > 10


def test_a_run_without_figures_has_the_loss_only(tmp_path):
    draw_history([record(1, 3.0)], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (760, 300)


def test_a_loss_that_is_no_number_leaves_a_gap_and_no_hole(tmp_path):
    [axes] = axes_of([Panel("t", "step", [Line("loss", [(1, 3.0), (2, np.nan), (3, 1.0)])])])
    assert curves(axes) == {"loss": [(1, 3.0), (3, 1.0)]}


def test_a_sweep_leaves_out_what_diverged_and_keeps_rates_apart_by_their_ratio(tmp_path):
    trials = [
        trial(1e-6, 3.0, 1.0),
        trial(1e-5, 2.0, 5.0),
        trial(1e-4, 1.0, 9.0),
        trial(1e-3, None, None),
    ]
    loss, found = axes_of(sweep_panels(trials, figure="r1", name="R@1"))
    assert curves(loss) == {"loss at the end": [(1e-6, 3.0), (1e-5, 2.0), (1e-4, 1.0)]}
    assert curves(found) == {"R@1, percent": [(1e-6, 1.0), (1e-5, 5.0), (1e-4, 9.0)]}
    assert [tick.get_text() for tick in loss.get_xticklabels()] == ["1.0e-06", "1.0e-05", "1.0e-04"]
    places = loss.transData.transform([(1e-6, 3.0), (1e-5, 2.0), (1e-4, 1.0)])
    assert np.diff(places[:, 0]) == pytest.approx([np.diff(places[:, 0])[0]] * 2)


def test_a_sweep_in_which_all_diverged_still_gives_a_picture(tmp_path):
    draw_sweep([trial(1.0, None, None)], tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").is_file()
    axes, _ = axes_of(sweep_panels([trial(1.0, None, None)], figure="r1", name="R@1"))
    assert [text.get_text() for text in axes.texts] == ["nothing to show"]


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path):
    file = tmp_path / "curves.png"
    file.write_bytes(b"the old one")
    with pytest.raises(OSError):
        draw_panels([Panel("t", "step", [])], tmp_path / "nowhere" / "curves.png")
    assert file.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [file]


def test_raw_losses_are_pale_and_thin_and_figures_have_dots():
    history = [record(1, 3.0), record(2, 2.0, top1=10.0, mean_per_class=5.0, map=7.0)]
    loss, labels, precision = axes_of(history_panels(history))
    raw, smooth = loss.lines
    assert (raw.get_alpha(), raw.get_linewidth(), raw.get_marker()) == (0.3, 0.72, "None")
    assert (smooth.get_alpha(), smooth.get_linewidth(), smooth.get_marker()) == (1, 1.44, "None")
    assert [line.get_marker() for line in labels.lines] == ["o", "o"]
    assert [line.get_markersize() for line in labels.lines] == [7 * 0.72] * 2
    assert [line.get_color() for line in labels.lines] == [BLUE, ORANGE]
    assert [axes.get_title("left").split(" on ")[0] for axes in (labels, precision)] == [
        "right labels",
        "mAP",
    ]
    assert curves(labels) == {"top-1": [(2, 10.0)], "mean per class": [(2, 5.0)]}


def test_only_several_lines_need_a_legend_and_a_single_point_a_dot():
    one = Line("one", [(1, 3.0)])
    alone, together = axes_of(
        [Panel("t", "step", [one]), Panel("t", "step", [one, Line("two", [(1, 2.0), (2, 3.0)])])]
    )
    assert alone.get_legend() is None
    assert [text.get_text() for text in together.get_legend().get_texts()] == ["one", "two"]
    assert [line.get_marker() for line in together.lines] == ["o", "None"]
    assert together.get_legend()._ncols == 2


def test_texts_are_of_a_size_that_can_be_read_and_steps_are_whole():
    [axes] = axes_of([Panel("t", "step", [Line("a", [(1, 3.0), (2, 2.0)])])])
    assert axes._left_title.get_fontsize() == 14 * 0.72
    assert axes.xaxis.label.get_fontsize() == 12 * 0.72
    assert axes.get_xticklabels()[0].get_fontsize() == 12 * 0.72
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    assert axes.get_xscale() == "linear"
    assert axes.xaxis.get_gridlines()[0].get_visible()
    [empty] = axes_of([Panel("t", "step", [])])
    assert (empty.axison, empty.texts[0].get_position()) == (False, (0, 0.5))
    assert empty.texts[0].get_fontsize() == 13 * 0.72


def test_a_third_line_has_the_colour_of_the_first():
    lines = [Line(name, [(1, 3.0), (2, 2.0)]) for name in "abc"]
    [axes] = axes_of([Panel("t", "step", lines)])
    assert [line.get_color() for line in axes.lines] == [BLUE, ORANGE, BLUE]


def test_only_learning_rates_are_apart_by_their_ratio():
    panels = [Panel("t", "rate", [Line("a", [(1, 3.0), (2, 2.0)])], logarithmic=True)]
    [axes] = axes_of(panels)
    assert axes.get_xscale() == "log"
    assert [one.logarithmic for one in history_panels([record(1, 3.0)])] == [False]
    assert [one.logarithmic for one in sweep_panels([], figure="r1", name="R@1")] == [True] * 2
