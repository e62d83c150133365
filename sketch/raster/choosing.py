"""A rasteriser by its name."""

from models.errors import KinodexError
from sketch.raster.interface import Rasteriser
from sketch.raster.narrow_band import NarrowBand


def rasteriser(name: str = NarrowBand.name) -> Rasteriser:
    """The rasteriser of that name, "narrow-band" or "diffvg".

    Raises KinodexError for another name, or when diffvg is not installed.
    """
    if name == NarrowBand.name:
        return NarrowBand()
    if name == "diffvg":
        from sketch.raster.diffvg import Diffvg

        return Diffvg()
    raise KinodexError(f"there is no rasteriser {name!r}: choose 'narrow-band' or 'diffvg'")
