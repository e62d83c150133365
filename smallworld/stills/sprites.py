"""Pictures of the things: from the emoji font for training, from shipped files for the demo."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from models.errors import KinodexError
from smallworld.stills.things import THINGS_FILE, Thing, load_things, things_by_name

DEBIAN_FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
SPRITE_FOLDER = Path(__file__).with_name("sprites")
SPRITE_SIZE = 128

# The font holds its pictures in this one size only; Pillow refuses any other.
_FONT_SIZE = 109
_GLYPH_BOX = (136, 128)
_LEVELS = (128, 64, 32, 16)


class FontMissing(KinodexError):
    """The emoji font is not where it was looked for."""


@dataclass(frozen=True)
class SpriteAtlas:
    """Sprites of several things at halving sizes.

    `levels` maps a side length in pixels to a uint8 tensor of premultiplied RGBA,
    shape: (things, 4, side, side). `index` maps a thing's name to its row.
    """

    index: dict[str, int]
    levels: dict[int, torch.Tensor]

    @property
    def things(self) -> list[Thing]:
        """The things that it has sprites of, in the order of `things.csv`."""
        return [thing for thing in load_things() if thing.name in self.index]

    def side_for(self, side_px: float) -> int:
        """The smallest stored side that is at least `side_px`, else the largest."""
        fitting = [side for side in self.levels if side >= side_px]
        return min(fitting) if fitting else max(self.levels)


def font_atlas(font_file: Path, things: Sequence[Thing] | None = None) -> SpriteAtlas:
    """Sprites of `things` (all by default) drawn with the emoji font.

    Raises FontMissing when `font_file` does not exist.
    """
    font = _open_font(font_file)
    chosen = load_things() if things is None else things
    return _atlas({thing.name: draw_sprite(thing, font) for thing in chosen})


def font_atlas_or_exit(font_file: Path) -> SpriteAtlas:
    """Like `font_atlas`, for commands: a missing font ends them with a sentence."""
    try:
        return font_atlas(font_file)
    except FontMissing as error:
        sys.exit(str(error))


def shipped_things() -> tuple[Thing, ...]:
    """The things whose sprites come with the program, in the order of `things.csv`."""
    return tuple(thing for thing in load_things() if sprite_file(thing).is_file())


def shipped_atlas() -> SpriteAtlas:
    """Sprites of the things that come with the program; needs no font."""
    return _atlas({thing.name: Image.open(sprite_file(thing)) for thing in shipped_things()})


def sprite_file(thing: Thing) -> Path:
    """Where the thing's sprite lies if it is shipped."""
    return SPRITE_FOLDER / f"{thing.file_stem}.webp"


def draw_sprite(thing: Thing, font: ImageFont.FreeTypeFont) -> Image.Image:
    """The thing's emoji, cut to its outline and centred in a square RGBA picture."""
    glyph = Image.new("RGBA", _GLYPH_BOX)
    ImageDraw.Draw(glyph).text((0, 0), thing.emoji, font=font, embedded_color=True)
    outline = glyph.crop(glyph.getbbox())
    scale = SPRITE_SIZE / max(outline.size)
    width, height = (max(1, round(side * scale)) for side in outline.size)
    square = Image.new("RGBA", (SPRITE_SIZE, SPRITE_SIZE))
    corner = ((SPRITE_SIZE - width) // 2, (SPRITE_SIZE - height) // 2)
    square.paste(outline.resize((width, height), Image.Resampling.BICUBIC), corner)
    return square


def _atlas(pictures: dict[str, Image.Image]) -> SpriteAtlas:
    stacked = np.stack([_premultiplied(picture) for picture in pictures.values()])
    full = torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()
    levels = {side: _resized(full, side) for side in _LEVELS}
    return SpriteAtlas(index={name: row for row, name in enumerate(pictures)}, levels=levels)


def _premultiplied(picture: Image.Image) -> np.ndarray:
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32)
    rgba = np.concatenate([rgba[..., :3] * rgba[..., 3:] / 255, rgba[..., 3:]], axis=-1)
    return np.round(rgba).astype(np.uint8)


def _resized(sprites: torch.Tensor, side: int) -> torch.Tensor:
    pooled = torch.nn.functional.adaptive_avg_pool2d(sprites.float(), side)
    return pooled.round().to(torch.uint8)


def ship_sprites(font_file: Path, names: Sequence[str]) -> list[Path]:
    """Draw the named things with the emoji font into the folder of shipped sprites."""
    font = _open_font(font_file)
    SPRITE_FOLDER.mkdir(exist_ok=True)
    files = []
    for name in names:
        thing = things_by_name()[name]
        draw_sprite(thing, font).save(sprite_file(thing), quality=90, method=6)
        files.append(sprite_file(thing))
    return files


def _open_font(font_file: Path) -> ImageFont.FreeTypeFont:
    if not font_file.is_file():
        raise FontMissing(
            f"There is no emoji font at {font_file}. "
            "Install fonts-noto-color-emoji or name the file with --font."
        )
    return ImageFont.truetype(str(font_file), _FONT_SIZE)


def main() -> None:
    """Draw shipped sprites anew, or some more: `python -m smallworld.stills.sprites cat`."""
    parser = argparse.ArgumentParser(description="Draw the sprites that come with the program.")
    parser.add_argument("names", nargs="*", help="things to draw (default: those shipped already)")
    parser.add_argument("--font", type=Path, default=DEBIAN_FONT, help="Noto Color Emoji font")
    options = parser.parse_args()
    names = options.names or [thing.name for thing in shipped_things()]
    if unknown := [name for name in names if name not in things_by_name()]:
        parser.error(f"no such thing in {THINGS_FILE.name}: {', '.join(unknown)}")
    try:
        files = ship_sprites(options.font, names)
    except FontMissing as error:
        sys.exit(str(error))
    sys.stderr.write(f"{len(files)} sprites in {SPRITE_FOLDER}\n")


if __name__ == "__main__":
    main()
