"""The scenes of the small world, drawn from a seed."""

from collections.abc import Callable

import numpy as np

from smallworld.stills.scenery import Canvas, Colour

_SKY: Colour = (120, 180, 235)
_PALE_SKY: Colour = (205, 225, 240)


def draw_scene(name: str, *, seed: int, width: int, height: int) -> np.ndarray:
    """The scene as uint8 RGB, shape: (height, width, 3). KeyError when there is no such scene."""
    canvas = Canvas(seed=seed, width=width, height=height)
    _PAINTERS[name](canvas)
    return canvas.pixels()


def _sky(canvas: Canvas, horizon: float) -> None:
    canvas.gradient(0, horizon, canvas.shade(_SKY), canvas.shade(_PALE_SKY))


def _clouds(canvas: Canvas, count: int, top: float, bottom: float, colour: Colour) -> None:
    for x, y in canvas.scattered(count, top, bottom):
        width = canvas.uniform(0.08, 0.2)
        for shift in (-0.6, 0.0, 0.6):
            canvas.ellipse(x + shift * width, y, width * 0.6, width * 0.3, colour)


def _paint_grass(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.15, 0.4)
    _sky(canvas, horizon)
    canvas.gradient(horizon, 1, canvas.shade((120, 185, 80)), canvas.shade((60, 130, 40)))
    canvas.grain(horizon, 1, strength=12, cells=24)
    for x, y in canvas.scattered(60, horizon, 1):
        lean = canvas.uniform(-0.02, 0.02)
        blade = canvas.shade((70, 145, 45), 25)
        canvas.line([(x, y), (x + lean, y - canvas.uniform(0.02, 0.06))], blade, 0.008)


def _paint_sea(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.2, 0.45)
    _sky(canvas, horizon)
    canvas.gradient(horizon, 1, canvas.shade((40, 120, 180)), canvas.shade((10, 60, 120)))
    for x, y in canvas.scattered(45, horizon, 1):
        length = canvas.uniform(0.03, 0.12) * (0.4 + y)
        canvas.line([(x - length, y), (x + length, y)], canvas.shade((130, 190, 225)), 0.008)


def _paint_sky(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((80, 155, 230)), canvas.shade((175, 215, 245)))
    _clouds(canvas, int(canvas.rng.integers(3, 8)), 0.05, 0.95, canvas.shade((240, 245, 250), 6))


def _paint_street(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.5, 0.65)
    _sky(canvas, horizon)
    _houses(canvas, horizon, walls=(170, 120, 95), windows=(90, 110, 130))
    canvas.gradient(horizon, 1, canvas.shade((125, 125, 128)), canvas.shade((75, 75, 78)))
    canvas.rectangle(0, horizon, canvas.aspect, horizon + 0.05, canvas.shade((180, 178, 170)))
    line_y = canvas.uniform(0.76, 0.86)
    for i in range(round(5 * canvas.aspect)):
        canvas.rectangle(i * 0.22, line_y, i * 0.22 + 0.12, line_y + 0.025, (235, 235, 225))


def _houses(canvas: Canvas, ground: float, *, walls: Colour, windows: Colour) -> None:
    left = -canvas.uniform(0, 0.2)
    while left < canvas.aspect:
        width, top = canvas.uniform(0.2, 0.36), canvas.uniform(0.05, ground - 0.25)
        canvas.rectangle(left, top, left + width, ground, canvas.shade(walls, 28))
        for column in (0.15, 0.6):
            for row in np.arange(top + 0.05, ground - 0.1, 0.14):
                x = left + column * width
                lit = canvas.shade(windows, 30)
                canvas.rectangle(x, float(row), x + 0.25 * width, float(row) + 0.07, lit)
        left += width + canvas.uniform(0, 0.03)


def _paint_night(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((12, 15, 45), 6), canvas.shade((45, 45, 90), 10))
    for x, y in canvas.scattered(35, 0, 0.7):
        canvas.ellipse(x, y, 0.006, 0.006, (230, 230, 200))
    moon_x, moon_y = canvas.uniform(0.1, canvas.aspect - 0.1), canvas.uniform(0.08, 0.25)
    canvas.ellipse(moon_x, moon_y, 0.055, 0.055, canvas.shade((235, 230, 200), 8))
    canvas.ridge(canvas.uniform(0.72, 0.85), 0.04, 6, canvas.shade((14, 20, 26), 5))
    for x, y in canvas.scattered(9, 0.86, 0.97):
        canvas.rectangle(x, y, x + 0.02, y + 0.02, (250, 205, 95))


def _paint_room(canvas: Canvas) -> None:
    floor = canvas.uniform(0.62, 0.78)
    wall = canvas.shade((215, 190, 160), 28)
    canvas.gradient(0, floor, wall, canvas.shade(wall, 8))
    canvas.gradient(floor, 1, canvas.shade((150, 100, 60)), canvas.shade((120, 75, 42)))
    for i in range(1, 5):
        y = floor + (1 - floor) * i / 5
        canvas.line([(0, y), (canvas.aspect, y)], (95, 60, 35), 0.008)
    canvas.rectangle(0, floor - 0.025, canvas.aspect, floor, (245, 240, 230))
    left = canvas.uniform(0, canvas.aspect - 0.35)
    top = canvas.uniform(0.06, 0.16)
    canvas.rectangle(left, top, left + 0.32, top + 0.34, (245, 245, 240))
    canvas.rectangle(left + 0.025, top + 0.025, left + 0.295, top + 0.315, canvas.shade(_SKY))
    canvas.rectangle(left + 0.15, top, left + 0.17, top + 0.34, (245, 245, 240))


def _paint_desert(canvas: Canvas) -> None:
    canvas.gradient(0, 0.6, canvas.shade((150, 195, 225)), canvas.shade((245, 225, 185)))
    level = canvas.uniform(0.3, 0.5)
    for i, colour in enumerate([(225, 180, 110), (235, 190, 115), (215, 165, 95)]):
        canvas.ridge(level + 0.17 * i, 0.07, 3, canvas.shade(colour, 10))
    canvas.grain(level, 1, strength=5, cells=40)


def _paint_snow(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((165, 185, 205)), canvas.shade((215, 225, 235)))
    canvas.ridge(canvas.uniform(0.35, 0.55), 0.05, 4, canvas.shade((240, 244, 250), 4))
    canvas.ridge(canvas.uniform(0.65, 0.8), 0.04, 4, canvas.shade((225, 233, 244), 4))
    for x, y in canvas.scattered(60, 0, 1):
        canvas.ellipse(x, y, 0.009, 0.009, (255, 255, 255))


def _paint_forest(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((70, 110, 70)), canvas.shade((45, 65, 30)))
    canvas.grain(0, 0.7, strength=14, cells=10)
    canvas.gradient(0.82, 1, canvas.shade((75, 65, 35)), canvas.shade((55, 48, 25)))
    for x, y in sorted(canvas.scattered(9, 0.75, 0.95), key=lambda point: point[1]):
        width = canvas.uniform(0.02, 0.05) * (y + 0.2)
        canvas.rectangle(x - width, 0, x + width, y, canvas.shade((85, 60, 38), 14))
        for _ in range(3):
            leaf_x, leaf_y = x + canvas.uniform(-0.12, 0.12), canvas.uniform(-0.05, 0.3)
            canvas.ellipse(leaf_x, leaf_y, 0.13, 0.09, canvas.shade((35, 95, 40), 16))


def _paint_beach(canvas: Canvas) -> None:
    water, sand = canvas.uniform(0.22, 0.34), canvas.uniform(0.45, 0.58)
    _sky(canvas, water)
    canvas.gradient(water, sand, canvas.shade((35, 145, 190)), canvas.shade((95, 200, 205)))
    canvas.gradient(sand, 1, canvas.shade((240, 220, 165), 8), canvas.shade((225, 195, 135), 8))
    canvas.rectangle(0, sand - 0.012, canvas.aspect, sand + 0.015, (250, 250, 245))
    canvas.grain(sand + 0.03, 1, strength=6, cells=40)
    x = canvas.uniform(0.1, canvas.aspect - 0.1)
    for i, colour in enumerate([(225, 70, 60), (250, 245, 235), (225, 70, 60)]):
        left = x - 0.12 + 0.08 * i
        canvas.polygon([(x, sand - 0.2), (left, sand - 0.1), (left + 0.08, sand - 0.1)], colour)
    canvas.line([(x, sand - 0.2), (x, sand + 0.06)], (120, 90, 60), 0.012)


def _paint_mountains(canvas: Canvas) -> None:
    _sky(canvas, 1)
    canvas.ridge(canvas.uniform(0.3, 0.4), 0.2, 4, canvas.shade((150, 160, 185), 12))
    for x, _ in canvas.scattered(3, 0, 1):
        top, base = canvas.uniform(0.12, 0.3), 0.8
        half = canvas.uniform(0.25, 0.45)
        canvas.polygon(
            [(x, top), (x - half, base), (x + half, base)], canvas.shade((105, 110, 125))
        )
        tip = 0.25
        snow = [(x, top), (x - half * tip, top + 0.14), (x + half * tip, top + 0.14)]
        canvas.polygon(snow, (240, 244, 250))
    canvas.ridge(canvas.uniform(0.72, 0.82), 0.05, 4, canvas.shade((70, 105, 70), 12))


def _paint_sunset(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.6, 0.75)
    canvas.gradient(0, horizon, canvas.shade((110, 60, 120)), canvas.shade((255, 150, 70)))
    x = canvas.uniform(0.15, canvas.aspect - 0.15)
    canvas.ellipse(x, horizon, 0.14, 0.14, canvas.shade((255, 225, 130), 6))
    _clouds(canvas, 3, 0.1, horizon - 0.15, canvas.shade((215, 105, 105), 12))
    canvas.gradient(horizon, 1, canvas.shade((90, 45, 60), 10), canvas.shade((35, 20, 35), 8))


def _paint_space(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((8, 5, 18), 3), canvas.shade((20, 10, 35), 5))
    for x, y in canvas.scattered(2, 0, 1):
        tint = canvas.shade((75, 30, 100), 25)
        for shrink in (1.0, 0.7, 0.4):
            faded = tuple(value * (0.45 + 0.5 * (1 - shrink)) for value in tint)
            canvas.ellipse(x, y, 0.35 * shrink, 0.2 * shrink, (faded[0], faded[1], faded[2]))
    for x, y in canvas.scattered(90, 0, 1):
        radius = canvas.uniform(0.003, 0.009)
        canvas.ellipse(x, y, radius, radius, canvas.shade((235, 235, 250), 15))


def _paint_underwater(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((40, 170, 190)), canvas.shade((5, 50, 95)))
    for x, _ in canvas.scattered(3, 0, 1):
        ray = canvas.shade((85, 195, 205), 8)
        canvas.polygon([(x, 0), (x + 0.08, 0), (x - 0.05, 0.5), (x - 0.2, 0.5)], ray)
    canvas.ridge(canvas.uniform(0.86, 0.92), 0.03, 5, canvas.shade((150, 140, 100), 12))
    for x, y in canvas.scattered(8, 0.92, 1):
        top, weed = y - canvas.uniform(0.12, 0.3), canvas.shade((25, 110, 70), 15)
        canvas.line([(x, y), (x + 0.03, (y + top) / 2), (x - 0.02, top)], weed, 0.02)
    for x, y in canvas.scattered(14, 0, 0.9):
        canvas.ellipse(x, y, 0.014, 0.014, (170, 225, 235))


def _paint_stage(canvas: Canvas) -> None:
    canvas.gradient(0, 1, canvas.shade((95, 15, 30), 10), canvas.shade((60, 8, 20), 8))
    for i in range(round(12 * canvas.aspect)):
        x = i / 12 + canvas.uniform(-0.01, 0.01)
        canvas.rectangle(x, 0, x + 0.035, 0.8, canvas.shade((150, 25, 40), 12))
    x = canvas.uniform(0.35, canvas.aspect - 0.35)
    canvas.gradient(0.78, 1, canvas.shade((175, 125, 75)), canvas.shade((130, 85, 45)))
    canvas.ellipse(x, 0.89, 0.35, 0.09, canvas.shade((235, 205, 150), 8))


_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "grass": _paint_grass,
    "sea": _paint_sea,
    "sky": _paint_sky,
    "street": _paint_street,
    "night": _paint_night,
    "room": _paint_room,
    "desert": _paint_desert,
    "snow": _paint_snow,
    "forest": _paint_forest,
    "beach": _paint_beach,
    "mountains": _paint_mountains,
    "sunset": _paint_sunset,
    "space": _paint_space,
    "underwater": _paint_underwater,
    "stage": _paint_stage,
}

SCENES: tuple[str, ...] = tuple(_PAINTERS)
