"""Questions to a model that knows the small world: pictures, sentences, and which tell of which."""

from dataclasses import dataclass

import numpy as np

from smallworld.clips.shots import Shot, ShotPainter
from smallworld.stills.pictures import PictureSampler
from smallworld.stills.sprites import shipped_atlas, shipped_things
from smallworld.words.captions import CaptionWriter
from smallworld.words.claims import truth_table

_SEED = 29
_PICTURES, _TEXTS = 400, 200
_WIDTH, _HEIGHT = 128, 96  # the model's own pictures are of 64 pixels


@dataclass(frozen=True)
class Exam:
    """pictures: uint8, (pictures, height, width, 3); texts: sentences;
    shows: whether a picture shows what a text says, bool (texts, pictures), at least one for each
    """

    pictures: np.ndarray
    texts: list[str]
    shows: np.ndarray

    def first_right(self, texts: np.ndarray, pictures: np.ndarray) -> float:
        """Percent of the texts whose best picture is right; unit embeddings, (n, dim) each."""
        best = (texts @ pictures.T).argmax(axis=1)
        return float(100 * self.shows[np.arange(len(best)), best].mean())


def exam() -> Exam:
    """Things in scenes and words for them that the bundled model was not trained with.

    The same each time.
    """
    rng = np.random.default_rng(_SEED)
    sampler, writer = PictureSampler(shipped_things(), rng), CaptionWriter(rng, held_out=True)
    painter = ShotPainter(shipped_atlas(), width=_WIDTH, height=_HEIGHT)
    pictures = [sampler.picture(held_out=True) for _ in range(_PICTURES)]
    captions = [writer.caption(picture) for picture in pictures[:_TEXTS]]
    drawn = [frame for one in pictures for frame in painter.frames(Shot(one, 1.0), [0.0])]
    return Exam(
        np.stack(drawn),
        [caption.text for caption in captions],
        truth_table([caption.claim for caption in captions], pictures),
    )
