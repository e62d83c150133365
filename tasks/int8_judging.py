"""How well a picture tower in int8 does beside the model that it was made of."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.clip.backbone import Backbone
from models.clip.engines.agreement import cosines
from models.identity import BUNDLED
from search.catalog.embeddings import normalised
from search.tags.vocabulary import default_name, read_vocabulary
from smallworld.exam import exam

LEAST_COSINE = 0.99
MAY_FALL = 1.0  # percentage points
# Of neighbouring frames, which differ by less than two engines do, any may come first.
_AMONG = 10
_ROUNDS = 2


@dataclass(frozen=True)
class Judgement:
    """A tower in int8 on frames that it was not made by, beside the model as it is.

    cosine: the mean; asked: what is looked for; before, now: percent of that which is found
    speed_before, speed: frames a second
    """

    cosine: float
    asked: str
    before: float
    now: float
    speed_before: float
    speed: float

    @property
    def is_good(self) -> bool:
        """Whether it may encode a library."""
        return self.cosine >= LEAST_COSINE and self.before - self.now <= MAY_FALL

    def __str__(self) -> str:
        gain = "" if self.speed > self.speed_before else ", so this processor gains nothing by it"
        return (
            f"mean cosine {self.cosine:.4f} (at least {LEAST_COSINE}), {self.asked} "
            f"{self.now:.1f} % (before {self.before:.1f}, and at most {MAY_FALL:g} less), "
            f"{self.speed:.0f} frames/s here (before {self.speed_before:.0f}){gain}"
        )


def judge(plain: Backbone, other: Backbone, frames: np.ndarray) -> Judgement:
    """The model as it is and in int8, on uint8 frames (n, height, width, 3) of the user's."""
    embedded, speeds = _timed([plain, other], frames)
    ours, theirs = embedded
    if plain.choice.words == BUNDLED:
        asked, (before, now) = "found in the small world", _found_in_small_world(plain, other)
    else:
        asked, before = f"of labels whose first frame is among the first {_AMONG}", 100.0
        now = _kept_first(plain, normalised(ours), normalised(theirs))
    cosine = float(cosines(theirs, ours).mean())
    return Judgement(cosine, asked, before, now, *speeds)


def _timed(
    backbones: Sequence[Backbone], frames: np.ndarray
) -> tuple[list[np.ndarray], list[float]]:
    """What each makes of the frames, and how many a second at its best; in turn."""
    embedded = [backbone.clip_arrays([frames])[0] for backbone in backbones]  # and warm
    took_s = [[_seconds(one, frames) for one in backbones] for _ in range(_ROUNDS)]
    return embedded, [len(frames) / min(column) for column in zip(*took_s, strict=True)]


def _seconds(backbone: Backbone, frames: np.ndarray) -> float:
    started = time.perf_counter()
    backbone.clip_arrays([frames])
    return time.perf_counter() - started


def _found_in_small_world(*backbones: Backbone) -> list[float]:
    """Percent of the sentences in the small world whose first picture shows what they say."""
    asked = exam()
    texts = normalised(backbones[0].text_arrays(asked.texts))
    pictures = (normalised(one.clip_arrays([asked.pictures])[0]) for one in backbones)
    return [asked.first_right(texts, shown) for shown in pictures]


def _kept_first(backbone: Backbone, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Percent of the labels whose first frame as it is, is among the first in int8 too.

    ours, theirs: unit embeddings of the same frames, (n, dim)
    """
    labels = read_vocabulary(default_name(backbone.choice)).labels
    texts = normalised(backbone.text_arrays(labels))
    first = (texts @ ours.T).argmax(axis=1)
    scores = texts @ theirs.T
    better = (scores > scores[np.arange(len(first)), first][:, None]).sum(axis=1)
    return float(100 * (better < _AMONG).mean())
