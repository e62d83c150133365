"""How a sketch is drawn: the paper's way, and our own, which takes seconds."""

from dataclasses import dataclass
from typing import Literal

from models.errors import KinodexError


@dataclass(frozen=True)
class Preset:
    """Everything that decides how strokes are optimised.

    iterations: the most steps that are taken; with a warm start `warm_iterations`
    learning_rate: Adam's, in canvas pixels; it falls to `last_rate` along a cosine
    views_per_step: random views beside or instead of the clean one
    clean_view: whether every step sees the clean view too
    bank: how many random views there are to choose from
    render_size: the most pixels a side that are drawn; None for the canvas's 224
    embedding_every: steps between those that see the final embedding too
    seeds: how many sketches are begun, of which the best is kept
    initial: where strokes begin: "saliency" is the paper's, "edges" fits them to edges first
    evaluate_every: steps between looks at the clean view, which choose the best
    settled: a sketch is done when its loss fell by less than this share in `patience` looks
    edge_weight: how strongly strokes are held to the edges, beside a model's loss of 1 for the
        empty canvas
    adam_epsilon: gradients much smaller than this do not move a stroke
    fill: what lies beyond the picture in a view: 0 is the paper's black
    always_guided: whether strokes are moved by models too of which nobody knows that it helps
    """

    name: str
    iterations: int
    warm_iterations: int
    learning_rate: float
    last_rate: float
    views_per_step: int
    clean_view: bool
    bank: int
    render_size: int | None
    embedding_every: int
    seeds: int
    initial: Literal["saliency", "edges"]
    evaluate_every: int
    settled: float
    edge_weight: float
    adam_epsilon: float
    patience: int = 2
    fill: float = 1.0
    always_guided: bool = False


# Vinker et al. 2022, section 4 and their settings, but for two things. Views are filled with white:
# black edges are in no sketch. And they are chosen from a bank, so that what the model sees of the
# picture is found once for each, not in every step.
PAPER = Preset(
    name="paper",
    iterations=2001,
    warm_iterations=101,
    learning_rate=1.0,
    last_rate=1.0,
    views_per_step=4,
    clean_view=True,
    bank=64,
    render_size=None,
    embedding_every=1,
    seeds=3,
    initial="saliency",
    evaluate_every=10,
    settled=0.0,
    edge_weight=0.0,
    adam_epsilon=1e-8,
    always_guided=True,
)
QUICK = Preset(
    name="quick",
    iterations=40,
    warm_iterations=16,
    learning_rate=0.8,
    last_rate=0.1,
    views_per_step=1,
    clean_view=False,
    bank=8,
    render_size=112,
    embedding_every=4,
    seeds=1,
    initial="edges",
    evaluate_every=8,
    settled=0.005,
    edge_weight=3.0,
    adam_epsilon=1e-5,
)
PRESETS = {preset.name: preset for preset in (QUICK, PAPER)}


def preset_named(name: str) -> Preset:
    """The preset of that name. Raises KinodexError for another."""
    if name not in PRESETS:
        raise KinodexError(f"there is no preset {name!r}: choose from {', '.join(PRESETS)}")
    return PRESETS[name]
