"""What happens where the extra that draws is not installed."""

import subprocess
import sys

import pytest

from tasks.terminal.plots import (
    PlotsMissing,
    check_plots,
    house_style,
    new_figure,
    points,
    save_png,
)


def test_without_matplotlib_a_sentence_names_the_command_that_brings_it(no_matplotlib):
    with pytest.raises(PlotsMissing, match=r"pip install 'kinodex\[plots\]'"):
        check_plots()
    with pytest.raises(PlotsMissing), house_style():
        pass


def test_no_window_and_no_figure_that_others_share_is_involved(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tasks.terminal.curves import draw_history\n"
        "record = {'step': 1, 'loss': 3.0, 'figures': {}}\n"
        f"draw_history([record], Path({str(tmp_path / 'curves.png')!r}))\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "curves.png").is_file()


def test_a_name_is_no_formula_and_a_users_own_settings_change_nothing(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True}), house_style():
        figure = new_figure(200, 100)
        figure.text(0, 0.5, r"$\frac{ is no formula $x_1$")
        save_png(figure, tmp_path / "names.png")
    assert (tmp_path / "names.png").stat().st_size > 500


def test_sizes_are_pixels_and_a_picture_may_grow_by_what_stands_around_it(tmp_path):
    from PIL import Image

    def size(*, grows: bool) -> tuple[int, int]:
        with house_style():
            figure = new_figure(200, 100)
            figure.add_axes((0, 0, 1, 1)).text(0, 1.5, "above")
            save_png(figure, tmp_path / "a.png", grows=grows)
        with Image.open(tmp_path / "a.png") as picture:
            assert picture.format == "PNG"
            return picture.size

    assert size(grows=False) == (200, 100)
    width, height = size(grows=True)
    assert width > 200
    assert height > 150
    assert (points(100), points(1)) == (72, 0.72)


def test_the_style_of_the_house_holds_within_it_alone():
    import matplotlib

    wanted = {
        "text.usetex": False,
        "text.parse_math": False,
        "axes.axisbelow": True,
        "grid.color": "#e1e1e1",
        "font.family": ["sans-serif"],
        "savefig.dpi": "figure",
        "agg.path.chunksize": 20_000,
    }
    with house_style():
        assert {name: matplotlib.rcParams[name] for name in wanted} == wanted
    assert matplotlib.rcParams["agg.path.chunksize"] != 20_000


def test_texts_are_measured_in_one_picture():
    with house_style():
        figure = new_figure(200, 100)
        assert figure._get_renderer() is figure._get_renderer()
