"""Confusion matrices as pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from models.errors import KinodexError
from tasks.evaluation.confusion import confusion_figure, confusion_table, draw_confusion
from tasks.terminal.plots import house_style

BLUE, ORANGE, PAPER = [31, 92, 160], [200, 80, 30], [255, 255, 255]


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with house_style():
        yield


class Drawn:
    """What stands in a picture of a matrix."""

    def __init__(self, counts: np.ndarray, labels: list[str]) -> None:
        self.figure = confusion_figure(confusion_table(counts, labels), title="some clips")
        [axes] = self.figure.axes
        [image] = axes.images
        self.cells = np.asarray(image.get_array())
        self.texts = [text for text in axes.texts if text.get_text()]

    @property
    def rows(self) -> list[str]:
        """The names at the left, from top to bottom."""
        return [text.get_text() for text in self.row_texts]

    @property
    def row_texts(self) -> list[Text]:
        return [text for text in self.texts if text.get_ha() == "right"]

    @property
    def columns(self) -> list[str]:
        """The names above, from left to right."""
        return [text.get_text() for text in self.texts if text.get_rotation() == 90]

    def number(self, row: int, column: int) -> str:
        """What is written into a cell."""
        [found] = [t.get_text() for t in self.texts if t.get_position() == (column, row)]
        return found

    @property
    def below(self) -> list[str]:
        """What is confused most, line by line."""
        [found] = [t.get_text() for t in self.texts if "aken for another" in t.get_text()]
        return found.split("\n")

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the whole picture in pixels."""
        box = self.figure.get_tightbbox()
        return box.width * self.figure.dpi, box.height * self.figure.dpi


def test_what_is_right_is_blue_and_what_is_wrong_is_orange_in_its_row_and_column():
    counts = np.array([[3, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]])
    drawn = Drawn(counts, ["walk", "run", "jump"])
    assert drawn.rows == ["walk", "run", "jump"]
    assert drawn.columns == ["walk", "run", "jump", "(not decoded)"]
    assert drawn.cells.tolist() == [
        [BLUE, PAPER, PAPER, PAPER],
        [PAPER, PAPER, ORANGE, PAPER],
        [PAPER, PAPER, PAPER, PAPER],
    ]


def test_cells_say_the_percentage_of_their_row_and_the_worst_stand_below_with_their_counts():
    drawn = Drawn(np.array([[3, 1, 0], [2, 6, 0]]), ["walk", "run"])
    assert (drawn.number(0, 0), drawn.number(0, 1)) == ("75", "25")
    assert (drawn.number(1, 0), drawn.number(1, 1)) == ("25", "75")
    assert drawn.below == [
        "Taken for another most often:",
        "run: 2 of 8 as walk",
        "walk: 1 of 4 as run",
    ]
    paler, darker = drawn.cells[0, 1].astype(int), drawn.cells[0, 0].astype(int)
    # Half of the way to orange, for a quarter of the row.
    assert paler.tolist() == pytest.approx([228, 168, 142], abs=1)
    assert darker.sum() < paler.sum()


def test_clips_that_were_not_decoded_have_a_column_behind_all_labels():
    drawn = Drawn(np.array([[3, 0, 0], [0, 0, 4]]), ["walk", "run"])
    assert drawn.columns[-1] == "(not decoded)"
    assert drawn.cells[1].tolist() == [PAPER, PAPER, ORANGE]
    assert drawn.below[1:] == ["run: 4 of 4 as (not decoded)"]


def test_labels_that_take_no_part_are_left_out():
    counts = np.zeros((30, 31), int)
    counts[3, 3] = counts[20, 7] = 5
    drawn = Drawn(counts, [f"label {n}" for n in range(30)])
    assert drawn.rows == ["label 3", "label 7", "label 20"]
    assert drawn.cells[0, 0].tolist() == BLUE
    assert drawn.cells[2, 1].tolist() == ORANGE


@pytest.mark.parametrize("count", [18, 400])
def test_a_row_is_high_enough_for_its_name(count):
    counts = np.eye(count, count + 1, dtype=int)
    drawn = Drawn(counts, [f"pouring tea, number {n}" for n in range(count)])
    [axes] = drawn.figure.axes
    assert axes.get_window_extent().height / count >= 10
    first, second, *_ = drawn.row_texts
    assert first.get_window_extent().y0 >= second.get_window_extent().y1 - 2
    assert max(drawn.size) < 6000


def test_a_very_long_name_leaves_room_for_the_cells():
    assert Drawn(np.array([[1, 0]]), ["walking " * 500]).size[0] < 1000


def test_names_are_shown_as_they_are_and_hide_nothing():
    labels = [r"$\frac{x", "two\nlines", "plain"]
    drawn = Drawn(np.eye(3, 4, dtype=int), labels)
    assert drawn.rows == [r"$\frac{x", r"two\nlines", "plain"]


def test_two_thousand_labels_give_a_picture_of_bounded_size():
    drawn = Drawn(np.eye(2000, 2001, dtype=int), [str(n) for n in range(2000)])
    assert len(drawn.rows) == 750
    assert max(drawn.size) < 9000


def test_the_file_is_a_png_of_the_whole_picture(tmp_path):
    counts = np.array([[3, 1, 0], [2, 6, 0]])
    draw_confusion(counts, ["walk", "run"], tmp_path / "c.png", title="some clips")
    width, height = Drawn(counts, ["walk", "run"]).size
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG"
        assert width < picture.size[0] < width + 60
        assert height < picture.size[1] < height + 60
        assert (picture.convert("RGB").getcolors(1 << 20) or []) != []


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(KinodexError, match=r"nowhere.+cannot be written"):
        draw_confusion(np.array([[1, 0]]), ["a"], tmp_path / "nowhere" / "c.png", title="")


@pytest.mark.parametrize(("count", "pixels"), [(1, 40), (35, 40), (36, 38), (100, 14), (200, 11)])
def test_cells_shrink_as_labels_become_more(count, pixels):
    table = confusion_table(np.eye(count, count + 1), [str(n) for n in range(count)])
    assert table.cell == pixels


def test_names_stand_a_little_left_of_and_above_the_cells_in_a_size_that_fits():
    drawn = Drawn(np.array([[3, 1, 0], [2, 6, 0]]), ["walk", "run"])
    first, second = drawn.row_texts
    # Half of the gap of 12 pixels, in cells of 40.
    assert (first.get_position(), second.get_position()) == ((-0.65, 0), (-0.65, 1))
    heads = [text for text in drawn.texts if text.get_rotation() == 90]
    assert [text.get_position() for text in heads] == [(0, -0.65), (1, -0.65), (2, -0.65)]
    # 13 pixels; in rows of 11 two less than these.
    assert first.get_size() == pytest.approx(9.36)
    small = Drawn(np.eye(200, 201, dtype=int), [str(n) for n in range(200)])
    assert small.row_texts[0].get_size() == pytest.approx(9 * 0.72)


def test_the_title_stands_above_the_names_and_the_list_below_the_cells():
    drawn = Drawn(np.array([[3, 1, 0], [2, 6, 0]]), ["walk", "run"])
    title, listed = (
        next(text for text in drawn.texts if words in text.get_text())
        for words in ("some clips", "Taken for another")
    )
    height = max(t.get_window_extent().height for t in drawn.texts if t.get_rotation() == 90)
    assert (title.get_va(), listed.get_va()) == ("bottom", "top")
    assert (title.xy, listed.xy) == ((0, 1), (0, 0))  # the corners of the cells
    assert title.xyann == (0, pytest.approx(0.72 * (18 + height)))
    assert listed.xyann == (0, pytest.approx(-0.72 * 12))
    assert (title.get_size(), listed.get_size()) == (pytest.approx(10.8), pytest.approx(9.36))
    assert [text.get_size() for text in drawn.texts if text.get_text() == "75"] == [7.92, 7.92]


def test_a_line_of_one_pixel_runs_around_every_cell_and_is_not_cut_at_the_border():
    drawn = Drawn(np.array([[3, 1, 0], [2, 6, 0]]), ["walk", "run"])
    [axes] = drawn.figure.axes
    down, across = axes.collections
    assert [line.tolist() for line in down.get_segments()] == [
        [[x, -0.5], [x, 1.5]] for x in (-0.5, 0.5, 1.5, 2.5)
    ]
    assert [line.tolist() for line in across.get_segments()] == [
        [[-0.5, y], [2.5, y]] for y in (-0.5, 0.5, 1.5)
    ]
    for lines in (down, across):
        assert (lines.get_clip_on(), list(lines.get_linewidths())) == (False, [0.72])


@pytest.mark.parametrize(("count", "is_numbered"), [(53, True), (54, False)])
def test_numbers_are_written_into_cells_that_have_room_for_them(count, is_numbered):
    drawn = Drawn(np.eye(count, count + 1, dtype=int), [f"label {n}" for n in range(count)])
    assert any(text.get_text() == "100" for text in drawn.texts) is is_numbered


def test_numbers_are_white_on_dark_cells_alone():
    drawn = Drawn(np.array([[5, 5, 0], [4, 6, 0]]), ["walk", "run"])
    colours = {text.get_text(): text.get_color() for text in drawn.texts}
    assert (colours["50"], colours["60"], colours["40"]) == ("white", "white", "black")


def test_of_too_many_labels_those_with_the_most_clips_are_drawn_in_their_order():
    counts = np.zeros((800, 801), int)
    counts[np.arange(800), np.arange(800)] = np.where(np.arange(800) % 16, 2, 1)
    table = confusion_table(counts, [str(n) for n in range(800)])
    assert table.names == [str(n) for n in range(800) if n % 16]
    assert table.counts.shape == (750, 751)


def test_the_twenty_worst_confusions_are_listed():
    counts = np.zeros((7, 8), int)
    counts[:, :7] = np.arange(1, 50).reshape(7, 7)
    drawn = Drawn(counts, list("abcdefg"))
    assert len(drawn.below) == 21
    assert drawn.below[1] == "g: 48 of 322 as f"
    assert Drawn(np.eye(2, 3, dtype=int), ["a", "b"]).below == ["No clip was taken for another."]


def test_names_of_forty_characters_are_whole_and_longer_ones_cut_to_forty():
    names = confusion_table(np.eye(2, 3, dtype=int), ["a" * 40, "b" * 41]).names
    assert names == ["a" * 40, "b" * 37 + "..."]


def test_a_label_without_clips_that_others_were_taken_for_has_a_row_of_nothing():
    table = confusion_table(np.array([[1, 3, 0], [0, 0, 0]]), ["a", "b"])
    assert table.shares.tolist() == [[0.25, 0.75, 0], [0, 0, 0]]
    assert table.columns == ["a", "b", "(not decoded)"]
