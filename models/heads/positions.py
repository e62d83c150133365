"""Where in a video a frame stands: tables of positions, and more frames than they know."""

import torch


def frame_positions(
    table: torch.Tensor, mask: torch.Tensor, *, learnt: int | None = None
) -> torch.Tensor:
    """The position of every frame slot: (frames, dim), or (videos, frames, dim) past the table.

    A video that reaches past the last row of the table has the whole table stretched over its
    frames, between neighbouring rows by linear interpolation. Shorter videos beside it, and the
    padding behind it, change nothing.

    table: (rows, dim); mask: bool (videos, frames)
    learnt: the table ends after so many rows, as no training has touched the others
    """
    table = table[:learnt]
    rows, frames = len(table), mask.shape[1]
    if frames <= rows:
        return table[:frames]
    slots = torch.arange(frames, device=mask.device)
    last = (slots * mask).amax(dim=1, keepdim=True)
    step = ((rows - 1) / last.clamp_min(1)).clamp_max(1.0)
    return _between(table, slots * step)


class FramePlaces:
    """What heads with a table of frame positions have in common.

    frames_learnt: how many frames the videos of its training had at most. A table has more rows
        (77, as CLIP's texts), but what stands in them then means nothing, so longer videos have
        the first rows stretched. None for a head that is new: all rows are there to be learnt.
    """

    frames_learnt: int | None = None

    def frame_table(self) -> torch.Tensor | None:
        """The rows for frames, (rows, dim), as a view of the weights; None for heads without."""
        return None

    def places(self, mask: torch.Tensor) -> torch.Tensor:
        """See `frame_positions`; for heads with a table."""
        table = self.frame_table()
        assert table is not None  # noqa: S101 - only heads with a table ask
        return frame_positions(table, mask, learnt=self.frames_learnt)

    def go_on_with(self, frames: int) -> None:
        """Begin another training, with videos of up to so many frames.

        Rows that no training has touched begin as those that one has, stretched.
        """
        table, learnt = self.frame_table(), self.frames_learnt
        self.frames_learnt = None
        if table is None or learnt is None or min(frames, len(table)) <= learnt:
            return
        rows = min(frames, len(table))
        steps = torch.arange(rows, device=table.device) * ((learnt - 1) / (rows - 1))
        with torch.no_grad():
            table[:rows] = _between(table[:learnt].clone(), steps)


def _between(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Rows at places that are no whole numbers, by linear interpolation."""
    last = len(table) - 1
    places = places.clamp_max(last)
    lower = places.long()
    share = (places - lower).unsqueeze(-1).to(table.dtype)
    return torch.lerp(table[lower], table[(lower + 1).clamp_max(last)], share)
