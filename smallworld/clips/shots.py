"""Shots: pictures that last, drawn frame by frame at any resolution."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from smallworld.clips.motions import STILL
from smallworld.clips.moving import Clip
from smallworld.stills.pictures import Picture
from smallworld.stills.render import compose
from smallworld.stills.scenes import draw_scene
from smallworld.stills.sprites import SpriteAtlas


@dataclass(frozen=True)
class Shot:
    """A picture that lasts `duration_s`.

    `drift` is the way that all things go, (right, down), and `pan` the way that the camera goes
    to the right, in heights of the picture per second; `grain` is the strength of the noise of
    each frame, as a share of white. With `clip`, what happens in the clip is shown instead of
    `picture`, see `shot_of`.
    """

    picture: Picture
    duration_s: float
    drift: tuple[float, float] = (0.0, 0.0)
    pan: float = 0.0
    grain: float = 0.0
    clip: Clip | None = None

    def picture_at(self, elapsed_s: float) -> Picture:
        """What the shot shows after `elapsed_s` seconds."""
        if self.clip:
            return self.clip.picture_at(elapsed_s)
        right, down = self.drift
        placements = tuple(
            replace(p, x=p.x + right * elapsed_s, y=p.y + down * elapsed_s)
            for p in self.picture.placements
        )
        return replace(self.picture, placements=placements)

    @property
    def is_still(self) -> bool:
        """Whether all frames are the same."""
        resting = self.clip is None or self.clip.course.motion == STILL
        return resting and self.drift == (0.0, 0.0) and self.pan == 0.0 and self.grain == 0.0


def shot_of(clip: Clip, *, grain: float = 0.0) -> Shot:
    """A shot in which happens what happens in `clip`; its picture is what it begins with."""
    pan = -clip.pan if clip.backwards else clip.pan
    return Shot(clip.picture_at(0.0), clip.duration_s, pan=pan, grain=grain, clip=clip)


class ShotPainter:
    """Draws shots at one resolution, their light fixed by each picture's scene seed."""

    def __init__(self, atlas: SpriteAtlas, *, width: int, height: int) -> None:
        self._atlas = atlas
        self._width = width
        self._height = height

    def frames(self, shot: Shot, times_s: list[float]) -> Iterator[np.ndarray]:
        """One frame for each time since the shot's start, uint8 RGB, (height, width, 3)."""
        scene = self._scene(shot)
        generator = torch.Generator().manual_seed(shot.picture.scene_seed)
        still = None
        for elapsed_s in times_s:
            if still is None:
                frame = self._frame(shot, scene, elapsed_s, generator)
                still = frame if shot.is_still else None
                yield frame
            else:
                yield still

    def _frame(
        self, shot: Shot, scene: torch.Tensor, elapsed_s: float, generator: torch.Generator
    ) -> np.ndarray:
        window = self._window(shot, scene, elapsed_s)
        frame = compose(window[None], [shot.picture_at(elapsed_s)], self._atlas)[0]
        if shot.grain:
            frame += shot.grain * torch.randn(frame.shape, generator=generator)
        pixels = frame.clamp_(0, 1).mul_(255).round_().to(torch.uint8)
        return pixels.permute(1, 2, 0).contiguous().numpy()

    def _scene(self, shot: Shot) -> torch.Tensor:
        """The scene, wide enough for the camera's whole way."""
        way_px = math.ceil(abs(shot.pan) * shot.duration_s * self._height) + 1
        pixels = draw_scene(
            shot.picture.scene,
            seed=shot.picture.scene_seed,
            width=self._width + (way_px if shot.pan else 0),
            height=self._height,
        )
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div_(255)

    def _window(self, shot: Shot, scene: torch.Tensor, elapsed_s: float) -> torch.Tensor:
        if not shot.pan:
            return scene
        way_px = abs(shot.pan) * elapsed_s * self._height
        spare_px = scene.shape[2] - self._width - 1
        left_px = min(spare_px, way_px) if shot.pan > 0 else max(0.0, spare_px - way_px)
        whole, part = int(left_px), left_px - int(left_px)
        here = scene[:, :, whole : whole + self._width]
        beside = scene[:, :, whole + 1 : whole + 1 + self._width]
        return torch.lerp(here, beside, part)
