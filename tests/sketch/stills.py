"""Pictures of the small world on the canvas, and the model that knows it."""

from functools import lru_cache

import numpy as np

from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from models.towers.hidden_maps import PictureTower, picture_tower
from sketch.canvas import Target, on_canvas
from sketch.strokes import CANVAS
from smallworld.clips.moving import resting
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import shipped_atlas


@lru_cache(maxsize=1)
def bundled() -> Backbone:
    return load_backbone(choose_model("bundled"))


@lru_cache(maxsize=1)
def bundled_tower() -> PictureTower:
    return picture_tower(bundled())


def still(
    thing: str, scene: str, *, size: float = 0.6, at: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    """uint8 RGB (224, 224, 3)."""
    picture = Picture(scene, 3, (Placement(thing, *at, size),))
    painter = ShotPainter(shipped_atlas(), width=CANVAS, height=CANVAS)
    return next(painter.frames(shot_of(resting(picture, duration_s=1.0)), [0.0]))


def target(thing: str, scene: str = "room", *, size: float = 0.6) -> Target:
    picture, placed = on_canvas(still(thing, scene, size=size))
    return Target(picture, np.ones((CANVAS, CANVAS), np.float32), placed)


def blank() -> Target:
    white = np.ones((CANVAS, CANVAS, 3), np.float32)
    return Target(white, np.ones((CANVAS, CANVAS), np.float32))
