"""Curves of a training run as pictures."""

import numpy as np
from PIL import Image

from tasks.terminal.curves import Line, Panel, draw_history, draw_panels, draw_sweep

FIRST_COLOUR, SECOND_COLOUR = (31, 92, 160), (200, 80, 30)


def record(step: int, loss: float, **figures: float) -> dict:
    return {"step": step, "loss": loss, "figures": figures}


def places(file, colour) -> np.ndarray:
    """Rows (y, x) of the pixels of a colour, below the names of the lines."""
    with Image.open(file) as picture:
        found = np.argwhere((np.asarray(picture) == colour).all(axis=-1))
    return found[found[:, 0] % 300 > 32]


def test_a_falling_line_goes_from_top_left_to_bottom_right(tmp_path):
    file = tmp_path / "line.png"
    draw_panels([Panel("title", "step", [Line("falling", [(0, 10), (50, 5), (100, 0)])])], file)
    found = places(file, FIRST_COLOUR)
    left, right = found[found[:, 1].argmin()], found[found[:, 1].argmax()]
    assert abs(left - [34, 70]).max() <= 2
    assert abs(right - [260, 740]).max() <= 2


def test_a_run_with_figures_gets_a_panel_for_loss_and_one_for_r1(tmp_path):
    history = [record(1, 3.0), record(2, 2.0, r1=10.0, video_to_text_r1=5.0), record(3, 1.0)]
    file = tmp_path / "curves.png"
    draw_history([*history, record(4, 0.5, r1=30.0, video_to_text_r1=40.0)], file)
    with Image.open(file) as picture:
        assert picture.size == (760, 600)
    assert (places(file, SECOND_COLOUR)[:, 0] < 300).any()  # the smoothed loss
    assert (places(file, SECOND_COLOUR)[:, 0] > 300).any()  # video to text
    assert (places(file, FIRST_COLOUR)[:, 0] > 300).any()  # text to video


def test_a_run_without_figures_has_the_loss_only(tmp_path):
    draw_history([record(1, 3.0)], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (760, 300)


def test_a_sweep_leaves_out_what_diverged_and_keeps_rates_apart_by_their_ratio(tmp_path):
    file = tmp_path / "sweep.png"
    trials = [
        {"learning_rate": 1e-6, "loss": 3.0, "r1": 1.0},
        {"learning_rate": 1e-5, "loss": 2.0, "r1": 5.0},
        {"learning_rate": 1e-4, "loss": 1.0, "r1": 9.0},
        {"learning_rate": 1e-3, "loss": None, "r1": None},
    ]
    draw_sweep(trials, file)
    found = places(file, FIRST_COLOUR)
    middle = found[(found[:, 0] < 300) & (abs(found[:, 1] - 405) <= 3)]
    assert abs(middle[:, 0].mean() - 147) < 5  # the loss of 2.0 halfway up, 1e-5 halfway across


def test_a_sweep_in_which_all_diverged_still_gives_a_picture(tmp_path):
    draw_sweep([{"learning_rate": 1.0, "loss": None, "r1": None}], tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").is_file()
