"""A map of a library: like segments lie side by side, on a grid that has a place for each.

The two directions in which the embeddings differ most (their principal components) are the map's
axes. Segments are dealt out evenly: the first direction divides them into columns, the second each
column into cells. So no two lie on each other, and no part of the map is empty. A cell that holds
several is a map of its own, with axes of its own.
"""

from dataclasses import dataclass

import numpy as np

_SAMPLED = 4_096  # embeddings that the axes are computed from


@dataclass(frozen=True)
class Cell:
    """A place on the map: its number, the segment that stands for it, and all that it holds."""

    number: int
    segment: int
    members: np.ndarray


@dataclass(frozen=True)
class SimilarityMap:
    """Segments and their embeddings: ids (n,), vectors (n, dim)."""

    ids: np.ndarray
    vectors: np.ndarray

    def cells(self, columns: int, rows: int) -> list[Cell]:
        """The cells of the whole, row by row; fewer where there are fewer segments."""
        if not len(self.ids):
            return []
        columns = min(columns, int(np.ceil(len(self.ids) ** 0.5)))
        across, down = self._axes()
        found = {}
        by_column = np.array_split(np.lexsort((self.ids, across)), columns)
        for column, places in enumerate(by_column):
            ordered = places[np.lexsort((self.ids[places], down[places]))]
            for row, members in enumerate(np.array_split(ordered, min(rows, len(ordered)))):
                found[row, column] = members
        return [
            Cell(number, self._typical(members), self.ids[members])
            for number, (_, members) in enumerate(sorted(found.items()))
        ]

    def within(self, cell: Cell) -> "SimilarityMap":
        """The map of one cell."""
        chosen = np.isin(self.ids, cell.members)
        return SimilarityMap(self.ids[chosen], self.vectors[chosen])

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each segment lies from left to right, and from top to bottom, (n,) each."""
        count = len(self.ids)
        sample = self.vectors[np.linspace(0, count - 1, min(count, _SAMPLED)).astype(np.int64)]
        centred = sample.astype(np.float32) - sample.mean(axis=0, dtype=np.float32)
        values, directions = np.linalg.eigh(centred.T @ centred)
        axes = directions[:, np.argsort(-values)[:2]]
        # A direction and its opposite are the same axis: the largest entry decides.
        largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
        axes = axes * np.where(largest < 0, -1, 1)
        places = self.vectors.astype(np.float32) @ axes
        return places[:, 0], places[:, -1]

    def _typical(self, members: np.ndarray) -> int:
        """The one of the members that is nearest to their mean."""
        vectors = self.vectors[members].astype(np.float32)
        return int(self.ids[members[int((vectors @ vectors.mean(axis=0)).argmax())]])
