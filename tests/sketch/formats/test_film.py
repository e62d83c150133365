import io
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from sketch.canvas import Target
from sketch.formats.film import FilmForm, making_of, morphing_film
from sketch.strokes import Drawing, Strokes
from tests.sketch.sketches import line, sketch_of, strokes_of

RED = Target(
    np.broadcast_to(np.float32([1, 0, 0]), (224, 224, 3)).copy(), np.ones((224, 224), np.float32)
)


def at(y: float, opacity: float = 1) -> Strokes:
    """One wide horizontal line."""
    return Strokes(line(y=y)[None], np.float32([8]), np.float32([opacity]))


def shown(film: bytes) -> tuple[Any, list[np.ndarray]]:
    with av.open(io.BytesIO(film)) as container:
        stream = container.streams.video[0]
        return stream.codec_context, [
            frame.to_ndarray(format="rgb24") for frame in container.decode(stream)
        ]


def middle_of_ink(picture: np.ndarray) -> float:
    """Height of the ink's middle, as a share of the picture's height."""
    ink = 255.0 - picture[..., 0].astype(float)
    rows = np.arange(len(ink)) + 0.5
    return float((ink.sum(axis=1) * rows).sum() / ink.sum() / len(ink))


def test_the_making_of_shows_the_strokes_on_their_way_beside_the_picture() -> None:
    history = tuple(at(y) for y in (40, 60, 180))
    film = making_of(Drawing(sketch_of(at(200)), history), RED, size=112)
    assert film.index(b"moov") < film.index(b"mdat")  # it plays while it is still loading
    codec, pictures = shown(film)
    assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 224, 112)
    # Half a second before, six seconds of drawing, two seconds of the finished sketch.
    assert len(pictures) == 12 + 150 + 50
    photograph = pictures[100][:, :112]
    assert np.abs(photograph.mean(axis=(0, 1)) - [255, 0, 0]).max() < 8
    heights = [middle_of_ink(picture[:, 112:]) * 224 for picture in pictures]
    assert heights[0] == pytest.approx(40, abs=2)
    assert heights[12 + 75] == pytest.approx(60, abs=2)
    assert heights[12 + 149] == pytest.approx(180, abs=2)
    assert heights[-1] == pytest.approx(200, abs=2)
    # The encoder's threads may leave another trace of the last motion.
    assert heights[-1] == pytest.approx(heights[12 + 150 + 10], abs=0.1)


def test_a_making_of_whose_strokes_become_more_shows_each_number_of_them() -> None:
    whole = Strokes.plain(np.stack([line(y=40.0 * (i + 1)) for i in range(4)]))
    history = tuple(whole.take(slice(count)) for count in (1, 2, 4))
    _, pictures = shown(making_of(Drawing(sketch_of(whole), history), RED, size=56))
    ink = [float((255 - picture[:, 56:].astype(float)).mean()) for picture in pictures]
    assert ink[100] == pytest.approx(2 * ink[0], rel=0.1)
    assert ink[-1] == pytest.approx(4 * ink[0], rel=0.1)


def test_a_single_moment_of_history_is_enough() -> None:
    _, pictures = shown(making_of(Drawing(sketch_of(at(100)), (at(30),)), RED, size=56))
    assert len(pictures) == 12 + 50


def test_without_a_history_there_is_no_making_of() -> None:
    with pytest.raises(ValueError, match="history"):
        making_of(Drawing(sketch_of(at(100))), RED)


@pytest.mark.parametrize("form", ["mp4", "webp"])
def test_strokes_move_evenly_there_and_back(form: FilmForm) -> None:
    film = morphing_film([at(40), at(60), at(200)], [3.0, 3.4, 3.8], form=form, size=111)
    if form == "mp4":
        pictures = shown(film)[1]
    else:
        with Image.open(io.BytesIO(film)) as animation:
            assert animation.info["loop"] == 0
            pictures = []
            for number in range(animation.n_frames):
                animation.seek(number)
                pictures.append(np.asarray(animation.convert("RGB")))
    assert {picture.shape for picture in pictures} == {(112, 112, 3)}
    heights = [middle_of_ink(picture) * 224 for picture in pictures]
    # The first moment is not shown again at the end: the film begins with it.
    assert len(heights) == 21 + 19
    for number, height in ((0, 40), (5, 50), (10, 60), (15, 130), (20, 200), (25, 130), (35, 50)):
        assert heights[number] == pytest.approx(height, abs=1.5)


def test_a_stroke_fades_between_moments() -> None:
    _, pictures = shown(morphing_film([at(112, 1), at(112, 0)], [0, 1]))
    assert pictures[0].shape == (448, 448, 3)
    darkness = [255 - int(pictures[number][224, 224, 0]) for number in (0, 12, 25)]
    assert darkness == pytest.approx([255, 133, 0], abs=8)


def test_one_moment_is_a_film_too() -> None:
    assert len(shown(morphing_film([at(112)], [5.0]))[1]) >= 1


def test_moments_that_cannot_be_shown_are_refused() -> None:
    with pytest.raises(ValueError, match="must be the same"):
        morphing_film([strokes_of(2), strokes_of(3)], [0.0, 1.0])
