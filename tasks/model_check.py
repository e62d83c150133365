"""`kinodex models check`: whether a model can be trusted, by photographs of known content."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from models.clip.engines import speed
from models.clip.engines.agreement import LEAST_AGREEMENT, agreement
from models.clip.engines.choice import TORCH
from models.clip.usual import hours_an_hour
from models.errors import KinodexError
from search.wording import printable
from tasks.demo.photographs import are_at_hand, photographs
from tasks.terminal.model_flags import ModelFlags, load_talking
from tasks.terminal.outcomes import Exit
from tasks.terminal.printing import data, data_json, talk

if TYPE_CHECKING:
    from models.clip.backbone import Backbone

# What is seen on each. A model that was trained as CLIP knows all of them; one whose weights,
# pictures or words are read wrongly finds one of twelve by chance.
_CAPTIONS = {
    "astronaut": "a photo of an astronaut",
    "bricks": "a photo of a brick wall",
    "cat": "a photo of a cat",
    "coffee": "a photo of a cup of coffee",
    "coins": "a photo of old coins",
    "flower": "a photo of a flower",
    "moon": "a photo of the surface of the moon",
    "motorcycle": "a photo of a motorcycle",
    "page": "a scanned page of a book",
    "photographer": "a photo of a man with a camera on a tripod",
    "rocket": "a photo of a rocket on its launch pad",
    "temple": "a photo of a Chinese temple",
}
_ENOUGH = 9  # of twelve: by chance it is one in a million


@dataclass(frozen=True)
class Checked:
    """What a model said of the photographs.

    found: photographs that score highest of all for their own words; named: those for which their
    own words score highest; agreement: the least cosine with PyTorch's embeddings of the same
    pictures and words; text_ms: to read one new text
    """

    model: str
    engine: str
    precision: str
    photographs: int
    found: int
    named: int
    agreement: float | None
    frames_per_s: float
    text_ms: float

    @property
    def trusted(self) -> bool:
        """Whether libraries can be indexed with it."""
        agrees = self.agreement is None or self.agreement >= LEAST_AGREEMENT
        return agrees and min(self.found, self.named) >= _ENOUGH

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **asdict(self),
            "hours_an_hour": hours_an_hour(self.frames_per_s),
            "trusted": self.trusted,
        }


def check_model(flags: ModelFlags, *, as_json: bool) -> Exit:
    """Load a model, ask it about a dozen photographs, and say whether it can be trusted."""
    if not are_at_hand():
        raise KinodexError(
            "the photographs are not installed: pip install 'kinodex[imagenet,photographs]'"
        )
    pictures = _pictures()
    checked = _check(load_talking(flags.or_usual(), flags), flags, pictures)
    if as_json:
        data_json(checked.as_json())
    else:
        data(_sentence(checked))
    return Exit.DONE if checked.trusted else Exit.ERROR


def _pictures() -> Mapping[str, np.ndarray]:
    """uint8 RGB (height, width, 3), by the names of the captions."""
    from skimage import data as packaged

    grey = {name: getattr(packaged, name)() for name in ("brick", "coins", "moon", "page")}
    more = {name: np.stack([picture] * 3, axis=-1) for name, picture in grey.items()}
    found = {**photographs(), **more, "bricks": more["brick"]}
    return {name: found[name] for name in _CAPTIONS}


def _check(backbone: "Backbone", flags: ModelFlags, pictures: Mapping[str, np.ndarray]) -> Checked:
    shown = [picture[None] for picture in pictures.values()]
    captions = list(_CAPTIONS.values())
    texts = backbone.text_arrays(captions)
    seen = np.concatenate(backbone.clip_arrays(shown))
    found, named = _right(seen, texts)
    timed = speed.timed(backbone.engine.pictures, backbone.preprocessing.size)
    if timed.alone:
        speed.remember(backbone.choice.name, flags.engine_choice, backbone.device_type, timed)
    return Checked(
        str(backbone.choice),
        backbone.engine.name,
        backbone.engine.precision,
        len(shown),
        found,
        named,
        _agreement(backbone, shown, captions, seen, texts),
        timed.frames_per_s,
        _text_ms(backbone, captions),
    )


def _text_ms(backbone: "Backbone", captions: Sequence[str]) -> float:
    """For a new text by itself, as a query is one, in milliseconds: the median of a dozen."""
    took_s = []
    for caption in captions:
        began_s = perf_counter()
        backbone.text_arrays([f"{caption}, seen once more"])
        took_s.append(perf_counter() - began_s)
    return 1e3 * median(took_s)


def _right(seen: np.ndarray, texts: np.ndarray) -> tuple[int, int]:
    """How many pictures are first for their text, and texts for their picture; in pairs."""
    scores = _units(seen) @ _units(texts).T
    own = np.arange(len(scores))
    return int((scores.argmax(0) == own).sum()), int((scores.argmax(1) == own).sum())


def _agreement(
    backbone: "Backbone",
    shown: Sequence[np.ndarray],
    captions: Sequence[str],
    seen: np.ndarray,
    texts: np.ndarray,
) -> float | None:
    if backbone.engine.name == TORCH:
        return None
    from models.clip.backbone import Backbone
    from models.clip.sources import load_model

    loaded = load_model(backbone.choice, talk=talk)
    other = Backbone.in_torch(backbone.choice, loaded, backbone.device)
    pictures = agreement(seen, np.concatenate(other.clip_arrays(shown)))
    return min(pictures, agreement(texts, other.text_arrays(captions)))


def _units(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)


def _sentence(checked: Checked) -> str:
    of = f"of {checked.photographs}"
    agreement = checked.agreement
    agrees = "" if agreement is None else f", agrees with PyTorch to {agreement:.5f}"
    return (
        f"{printable(checked.model)} {'can' if checked.trusted else 'cannot'} be trusted: it finds "
        f"{checked.found} {of} photographs by their words and names {checked.named} {of}; "
        f"{checked.engine} in {checked.precision}{agrees}; {checked.frames_per_s:.0f} frames a "
        f"second, {hours_an_hour(checked.frames_per_s):g} hours of video an hour; a text takes "
        f"{checked.text_ms:.1f} ms"
    )
