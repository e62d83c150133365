"""What an evaluation found, as a table, as JSON, and query by query."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from indexer.datasets.clips import Dataset
from indexer.datasets.frames.cache import FillReport
from models.errors import KinodexError
from models.metrics.retrieval import BestMatches, RetrievalMetrics, best_texts, best_videos
from models.metrics.scores import Scores
from search.wording import counted, printable
from tasks.terminal.printing import data_console, data_json, table_of

TEXT_TO_VIDEO, VIDEO_TO_TEXT = "text → video", "video → text"

_BEST_LISTED = 5
_HEADINGS = ("scores", "direction", "R@1", "R@5", "R@10", "R@50", "median", "mean", "queries")


@dataclass(frozen=True)
class RetrievalRow:
    """One line of the result; ``scores`` says what was done to them, "plain" for nothing."""

    scores: str
    direction: str
    metrics: RetrievalMetrics


@dataclass(frozen=True)
class Measured:
    """A dataset whose clips are all cached, with its scores."""

    dataset: Dataset
    scores: Scores
    ranks: dict[str, torch.Tensor]  # which the plain scores give, by direction


def print_recalls(
    rows: Sequence[RetrievalRow], dataset: Dataset, filled: FillReport, *, as_json: bool
) -> None:
    """The result on stdout: a table, or a JSON line for each row."""
    if as_json:
        for row in rows:
            names = {"scores": row.scores, "direction": row.direction}
            data_json(names | asdict(row.metrics) | {"videos_left_out": len(filled.failed)})
        return
    texts, videos = len(dataset.clips), len(dataset.video_ids)
    title = f"{dataset.name}, {dataset.split}: {texts} captions of {counted(videos, 'video')}"
    if filled.failed:
        title += f", {counted(len(filled.failed), 'video')} left out"
    cells = [_cells(row) for row in rows]
    data_console.print(table_of(_HEADINGS, cells, names=2, title=printable(title)))


def _cells(row: RetrievalRow) -> list[str]:
    found = row.metrics
    recalls = [f"{recall:.1f}" for recall in (found.r1, found.r5, found.r10, found.r50)]
    ranks = [f"{found.median_rank:g}", f"{found.mean_rank:.1f}", str(found.count)]
    return [row.scores, row.direction, *recalls, *ranks]


def write_queries(file: Path, measured: Measured) -> None:
    """A line for every query of the plain scores: its rank, and what was found instead."""
    try:
        with file.open("w", encoding="utf-8") as lines:
            for record in _queries(measured):
                lines.write(json.dumps(record) + "\n")
    except OSError as error:
        raise KinodexError(f"{str(file)!r} cannot be written ({error.strerror})") from error


def _queries(measured: Measured) -> Iterator[dict[str, Any]]:
    dataset, ids = measured.dataset, measured.dataset.video_ids
    ranks = measured.ranks[TEXT_TO_VIDEO].tolist()
    found = _pairs(best_videos(measured.scores, _BEST_LISTED))
    for clip, rank, best in zip(dataset.clips, ranks, found, strict=True):
        yield {
            "direction": TEXT_TO_VIDEO,
            "caption": clip.caption,
            "video_id": clip.video_id,
            "path": str(clip.path),
            "rank": rank,
            "best": [{"video_id": ids[video], "score": score} for video, score in best],
        }
    ranks = measured.ranks[VIDEO_TO_TEXT].tolist()
    found = _pairs(best_texts(measured.scores, _BEST_LISTED))
    for window, video_id, rank, best in zip(dataset.windows, ids, ranks, found, strict=True):
        yield {
            "direction": VIDEO_TO_TEXT,
            "video_id": video_id,
            "path": str(window.path),
            "rank": rank,
            "best": [
                {
                    "video_id": dataset.clips[text].video_id,
                    "caption": dataset.clips[text].caption,
                    "score": score,
                }
                for text, score in best
            ],
        }


def _pairs(found: BestMatches) -> Iterator[list[tuple[int, float]]]:
    for positions, scores in zip(found.positions.tolist(), found.scores.tolist(), strict=True):
        yield list(zip(positions, scores, strict=True))
