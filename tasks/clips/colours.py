"""Pictures of any kind as a clip holds them: 4:2:0 in 8 bits, in colours that the clip names."""

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from indexer.reading.pictures.colours import Colours, mend_matrix

_FORMAT = "yuv420p"
# Matrices by their number in files (ITU-T H.273), as the scaler calls them.
_MATRICES: dict[int | None, int] = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_TABLE_LEVEL = 8  # colours to a side: its square
_TABLE_FORMAT = "rgb48le"


class ClipPictures:
    """Fits pictures into a clip's stream, and names their colours there.

    What a player showed of the file it shows of the clip: matrix, transfer and primaries are
    carried over, all codes are put into the range of television, and high dynamic range becomes
    what an ordinary screen shows.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._matrix: int | None = None
        self._tables: dict[Colours, _Table] = {}

    def fitted(self, picture: Any) -> Any:
        """A picture of the stream's size and form; the first one decides on the colours."""
        mend_matrix(picture)
        if self._matrix is None:
            self._matrix = self._name_colours(picture)
        colours = Colours.of(picture)
        if colours is not None and colours.is_hdr:
            return self._form(self._tone_mapped(picture, colours))
        return self._form(picture)

    def _name_colours(self, picture: Any) -> int:
        """Write down in the stream how its codes are meant; → the matrix."""
        colours, context = Colours.of(picture), self._stream.codec_context
        hdr = colours is not None and colours.is_hdr
        matrix = Colorspace.ITU709 if hdr or picture.format.is_rgb else picture.colorspace
        context.colorspace = int(matrix)
        context.color_primaries = ColorPrimaries.BT709 if hdr else picture.color_primaries
        context.color_trc = ColorTrc.BT709 if hdr else picture.color_trc
        context.color_range = ColorRange.MPEG
        return int(matrix)

    def _form(self, picture: Any) -> Any:
        other = picture.colorspace != self._matrix
        return picture.reformat(
            width=self._stream.width,
            height=self._stream.height,
            format=_FORMAT,
            dst_colorspace=_MATRICES.get(self._matrix) if other else None,
            src_color_range=ColorRange.JPEG if picture.format.is_rgb else None,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR,
        )

    def _tone_mapped(self, picture: Any, colours: Colours) -> Any:
        coded = picture.reformat(
            width=self._stream.width,
            height=self._stream.height,
            format=_TABLE_FORMAT,
            interpolation=Interpolation.BILINEAR,
        )
        if colours not in self._tables:
            self._tables[colours] = _Table(colours, coded)
        return self._tables[colours].shown(coded)


class _Table:
    """What colours of high dynamic range are on a screen, looked up by the filter library.

    A picture of 720p takes it 18 ms, where the formulas take 90.
    """

    def __init__(self, colours: Colours, like: Any) -> None:
        self._graph = av.filter.Graph()
        self._pictures = self._source(like)
        table = _table(colours)
        table.pts, table.time_base = 0, like.time_base
        source = self._source(table)
        lookup = self._graph.add("haldclut", "clut=first")
        self._shown = self._graph.add("buffersink")
        self._pictures.link_to(lookup, 0, 0)
        source.link_to(lookup, 0, 1)
        lookup.link_to(self._shown)
        self._graph.configure()
        source.push(table)
        source.push(None)

    def _source(self, like: Any) -> Any:
        return self._graph.add_buffer(
            width=like.width, height=like.height, format=_TABLE_FORMAT, time_base=like.time_base
        )

    def shown(self, coded: Any) -> Any:
        """The picture in sRGB, in 16 bits."""
        self._pictures.push(coded)
        return self._shown.pull()


def _table(colours: Colours) -> Any:
    """A picture that holds the screen's colour for each on a grid: red changes fastest."""
    count = _TABLE_LEVEL**2
    codes = (np.arange(count) * 65_535 // (count - 1)).astype(np.uint16)
    blue, green, red = np.meshgrid(codes, codes, codes, indexing="ij")
    shown = colours.shown(np.stack([red, green, blue], axis=-1)).astype(np.uint16) * 257
    side = _TABLE_LEVEL**3
    return av.VideoFrame.from_ndarray(shown.reshape(side, side, 3), format=_TABLE_FORMAT)
