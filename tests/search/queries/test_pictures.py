import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.queries import pictures
from search.queries.pictures import PictureUnreadable, open_picture, read_picture
from sketch.canvas import on_canvas


def file_of(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def halves(mode: str, left: object, right: object, size: tuple[int, int] = (40, 20)) -> Image.Image:
    picture = Image.new(mode, size, left)  # type: ignore[arg-type]
    picture.paste(right, (size[0] // 2, 0, *size))  # type: ignore[call-overload]
    return picture


def colours(source: bytes) -> tuple[list[int], list[int]]:
    pixels = open_picture(source)
    return pixels[0, 0].tolist(), pixels[0, -1].tolist()


def test_transparent_parts_are_white() -> None:
    assert colours(file_of(halves("RGBA", (255, 0, 0, 255), (0, 0, 0, 0)))) == (
        [255, 0, 0],
        [255, 255, 255],
    )
    assert colours(file_of(halves("LA", (7, 255), (0, 0)))) == ([7, 7, 7], [255, 255, 255])


def test_a_palettes_transparent_colour_is_white() -> None:
    picture = halves("P", 0, 1)
    picture.putpalette([10, 20, 30, 200, 0, 0] + [0] * 762)
    assert colours(file_of(picture, transparency=1)) == ([10, 20, 30], [255, 255, 255])


def test_sixteen_bits_keep_their_shades() -> None:
    levels = np.full((20, 40), 65535, np.uint16)
    levels[:, :20] = 32768
    left, right = colours(file_of(Image.fromarray(levels)))
    assert abs(left[0] - 127) <= 1
    assert right == [255, 255, 255]


def grey(levels: np.ndarray) -> tuple[int, int]:
    """The shades of the first and last of some levels, kept in a TIFF file."""
    left, right = colours(file_of(Image.fromarray(levels), "TIFF"))
    return left[0], right[0]


def test_a_dark_picture_of_sixteen_bits_stays_dark() -> None:
    levels = np.full((20, 40), 2570, np.uint16)  # a shade of 10 of 255
    levels[:, 20:] = 25700
    assert grey(levels) == (10, 100)


def test_whole_numbers_of_32_bits_are_levels_of_16_where_one_is_above_255() -> None:
    levels = np.full((20, 40), 25700, np.int32)
    levels[:, :20] = 2570
    assert grey(levels) == (10, 100)


@pytest.mark.parametrize(
    ("low", "high", "shades"),
    [
        (0.2, 1.0, (51, 255)),  # shares of white
        (0.2, 0.4, (51, 102)),
        (51, 102, (127, 255)),  # the lightest of a few levels is white
        (-1.0, 1.0, (0, 255)),  # the darkest is black
        (np.nan, 1.0, (0, 255)),
    ],
)
def test_fractions_are_spread_between_black_and_white(low, high, shades) -> None:
    levels = np.full((20, 40), high, np.float32)
    levels[:, :20] = low
    assert grey(levels) == shades


def test_a_picture_without_any_number_is_black() -> None:
    assert grey(np.full((20, 40), np.nan, np.float32)) == (0, 0)


def test_cmyk_is_read() -> None:
    left, _ = colours(file_of(halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 0)), "JPEG", quality=95))
    assert left[0] > 200
    assert left[1] < 60


def test_a_turned_photograph_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_picture(file_of(Image.new("RGB", (40, 20)), "JPEG", exif=exif)).shape == (40, 20, 3)


def test_a_turned_photograph_of_sixteen_bits_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    levels = Image.fromarray(np.zeros((20, 40), np.uint16))
    assert open_picture(file_of(levels, exif=exif.tobytes())).shape == (40, 20, 3)


def test_of_an_animation_the_most_typical_picture_is_taken() -> None:
    shades = [Image.new("RGB", (16, 16), (v, v, v)) for v in (0, 120, 125, 130, 255)]
    animation = file_of(shades[0], "GIF", save_all=True, append_images=shades[1:])
    assert abs(int(open_picture(animation)[0, 0, 0]) - 125) < 8


def test_of_a_long_animation_twelve_pictures_from_all_over_it_are_looked_at() -> None:
    class Animation:
        n_frames, format = 100, "GIF"

        def __init__(self) -> None:
            self.sought: list[int] = []

        def seek(self, number: int) -> None:
            self.sought.append(number)

        def convert(self, _mode: str) -> Image.Image:
            return Image.new("RGBA", (8, 8), (self.sought[-1],) * 3)

    animation = Animation()
    assert pictures._typical(animation) is animation
    *looked_at, typical = animation.sought
    assert looked_at == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    assert typical in (45, 54)


def test_a_single_pixel_fills_the_canvas() -> None:
    picture, placed = on_canvas(open_picture(file_of(Image.new("RGB", (1, 1), (9, 9, 9)))))
    assert picture.shape == (224, 224, 3)
    assert (placed.width, placed.height) == (224, 224)


def test_a_wide_picture_is_padded_and_not_squashed() -> None:
    picture, placed = on_canvas(np.zeros((100, 200, 3), np.uint8))
    assert (placed.left, placed.top, placed.width, placed.height) == (0, 56, 224, 112)
    assert picture[:56].min() == 1
    assert picture[56:168].max() == 0


@pytest.mark.filterwarnings("error")
def test_a_hundred_megapixels_are_read_small_and_nobody_is_warned() -> None:
    large = file_of(Image.new("L", (10_000, 10_000), 90), "JPEG")
    assert max(open_picture(large).shape) <= 1024


def test_more_pixels_than_fit_into_memory_are_refused() -> None:
    with pytest.raises(PictureUnreadable, match="144 million pixels, more than the 45 million"):
        open_picture(file_of(Image.new("1", (12_000, 12_000))))
    with pytest.raises(PictureUnreadable, match="144 million pixels, more than the 120 million"):
        open_picture(file_of(Image.new("L", (12_000, 12_000)), "JPEG"))


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"<svg xmlns='x'/>"])
def test_what_is_no_picture_is_one_sentence(content: bytes) -> None:
    with pytest.raises(PictureUnreadable, match="no picture that can be read") as caught:
        open_picture(content, name="notes.png")
    assert "'notes.png'" in str(caught.value)


def test_a_picture_cut_short_is_one_sentence() -> None:
    whole = file_of(Image.effect_noise((200, 200), 90), "PNG")
    with pytest.raises(PictureUnreadable, match="cannot be read"):
        open_picture(whole[: len(whole) // 2])


def test_whatever_a_decoder_says_of_a_damaged_picture_is_one_sentence(monkeypatch) -> None:
    def fail(_picture: Image.Image) -> None:
        raise SyntaxError("broken PNG file")

    whole = file_of(halves("RGB", (255, 0, 0), (0, 0, 255)))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(PictureUnreadable, match=r"'a\.png' cannot be read: it is damaged$"):
        open_picture(whole, name="a.png")


def test_a_picture_is_read_from_an_open_file() -> None:
    content = file_of(halves("RGB", (255, 0, 0), (0, 0, 255)))
    assert np.array_equal(open_picture(io.BytesIO(content)), open_picture(content))


def test_a_missing_file_a_folder_and_a_pipe_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PictureUnreadable, match="No such file"):
        open_picture(tmp_path / "gone.png")
    with pytest.raises(PictureUnreadable, match=r"no regular file|directory"):
        open_picture(tmp_path)
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(PictureUnreadable, match="no regular file"):
        open_picture(pipe)


@pytest.mark.parametrize(
    "picture",
    [
        halves("RGB", (255, 0, 0), (0, 0, 255), (3000, 40)),
        halves("RGBA", (255, 0, 0, 255), (0, 0, 0, 0)),
        halves("L", 9, 200),
    ],
    ids=lambda picture: picture.mode,
)
def test_a_picture_in_memory_is_read_as_its_file_is(picture: Image.Image) -> None:
    size, mode = picture.size, picture.mode
    assert np.array_equal(read_picture(picture), open_picture(file_of(picture)))
    assert (picture.size, picture.mode) == (size, mode)


def test_a_picture_that_is_turned_by_its_exif_data_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = file_of(halves("RGB", (255, 0, 0), (0, 0, 255)), "JPEG", exif=exif)
    assert read_picture(Image.open(io.BytesIO(turned))).shape == (40, 20, 3)


def test_an_array_is_read_as_the_picture_that_it_is() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 40, 3), np.uint8)
    assert np.array_equal(read_picture(pixels), pixels)
    assert np.array_equal(read_picture(pixels[:, ::-1]), pixels[:, ::-1])


def test_a_picture_that_breaks_off_is_refused_when_it_is_read() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    half = file_of(Image.fromarray(noise))[:50_000]
    with pytest.raises(PictureUnreadable, match=r"cut short|damaged"):
        read_picture(Image.open(io.BytesIO(half)))


def test_no_array_of_another_kind_is_taken_for_a_picture() -> None:
    for pixels in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(PictureUnreadable, match="uint8 RGB"):
            read_picture(pixels)
    with pytest.raises(PictureUnreadable, match="no pixels"):
        read_picture(np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(PictureUnreadable, match="not 'str'"):
        read_picture("cat.jpg")  # type: ignore[arg-type]
