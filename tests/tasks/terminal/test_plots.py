"""What happens where the extra that draws is not installed."""

import subprocess
import sys

import pytest

from tasks.terminal.plots import PlotsMissing, check_plots, house_style, new_figure, save_png


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
