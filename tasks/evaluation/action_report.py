"""What an evaluation of actions found: as a table, as JSON, clip by clip, and as a picture."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.action_scoring import ActionScores
from indexer.datasets.labelled import LabelledDataset
from models.errors import KinodexError
from models.heads.card import CENTRE
from models.labels.tagging import best_labels
from models.metrics.actions import (
    ClassMean,
    Detection,
    confusion_matrix,
    detection,
    label_ranks,
    mean_average_precision,
    mean_per_class,
    top_k,
)
from search.wording import counted, printable
from tasks.evaluation.confusion import draw_confusion
from tasks.terminal.printing import data_console, data_json, table_of

_FEW = 5  # labels of top-5, and those that are listed for each clip


@dataclass(frozen=True)
class MeasuredActions:
    """How likely each label is for each clip of a dataset.

    undecoded: the clips that have no scores, and why
    """

    dataset: LabelledDataset
    scores: ActionScores
    undecoded: Mapping[ClipWindow, str]
    threshold: float

    @cached_property
    def holds(self) -> torch.Tensor:
        """Which labels hold; bool (clips, labels)."""
        return torch.from_numpy(self.dataset.targets)

    @property
    def is_single(self) -> bool:
        """Whether every clip has exactly one label."""
        return bool((self.holds.sum(dim=1) == 1).all())

    @property
    def undecoded_clips(self) -> int:
        """How many of the clips that count could not be decoded."""
        return sum(window in self.undecoded for window in self.dataset.windows)


@dataclass(frozen=True)
class OfOneLabel:
    """How well one label was chosen, over the clips that have any; in percent.

    mean_per_class: None where clips have several labels
    """

    average: str
    top1: float
    top5: float
    mean_per_class: float | None


@dataclass(frozen=True)
class ActionFigures:
    """All figures; None where there is nothing to measure them on.

    average_precision: the mean over labels, where clips have several labels, or none
    """

    classes: list[OfOneLabel]
    tags: Detection
    average_precision: ClassMean | None
    labels_without_clips: int

    @classmethod
    def of(cls, measured: MeasuredActions) -> "ActionFigures":
        """Measured over every clip of the dataset."""
        holds, scores = measured.holds, measured.scores
        labelled = holds.any(dim=1)
        if not labelled.any():
            raise KinodexError(
                f"no clip of {measured.dataset.name} has a label: there is nothing to measure"
            )
        classes = [
            _of_one_label(average, probabilities[labelled], holds[labelled], measured.is_single)
            for average, probabilities in scores.probabilities.items()
        ]
        return cls(
            classes,
            tags=detection(scores.tag_probabilities, holds, threshold=measured.threshold),
            average_precision=None
            if measured.is_single
            else mean_average_precision(scores.tag_scores, holds),
            labels_without_clips=int((~holds.any(dim=0)).sum()),
        )


def _of_one_label(
    average: str, probabilities: torch.Tensor, holds: torch.Tensor, is_single: bool
) -> OfOneLabel:
    truth = holds.byte().argmax(dim=1)
    return OfOneLabel(
        average,
        top1=top_k(probabilities, holds, 1),
        top5=top_k(probabilities, holds, _FEW),
        mean_per_class=mean_per_class(probabilities, truth).mean if is_single else None,
    )


def print_figures(
    figures: ActionFigures,
    measured: MeasuredActions,
    described: Mapping[str, str | int],
    *,
    as_json: bool,
) -> None:
    """The result on stdout: two small tables, or one JSON line."""
    if as_json:
        data_json(_as_json(figures, measured, described))
        return
    data_console.print(_classes_table(figures, measured, described))
    data_console.print()
    data_console.print(_tags_table(figures, measured))


def _as_json(
    figures: ActionFigures, measured: MeasuredActions, described: Mapping[str, str | int]
) -> dict[str, Any]:
    found = figures.average_precision
    return {
        "data": measured.dataset.name,
        "split": measured.dataset.split,
        **described,
        "clips": len(measured.dataset),
        "undecoded": measured.undecoded_clips,
        "left_out": len(measured.undecoded) - measured.undecoded_clips,
        "labels": len(measured.dataset.labels),
        "labels_without_clips": figures.labels_without_clips,
        "by_average": {
            row.average: {"top1": row.top1, "top5": row.top5, "mean_per_class": row.mean_per_class}
            for row in figures.classes
        },
        "map": None if found is None else found.mean,
        "tags": {
            "threshold": measured.threshold,
            "precision": figures.tags.precision,
            "recall": figures.tags.recall,
            "silent_without_label": figures.tags.silent,
        },
    }


def _classes_table(
    figures: ActionFigures, measured: MeasuredActions, described: Mapping[str, str | int]
) -> Table:
    count = str(int(measured.holds.any(dim=1).sum()))
    rows = [
        [
            row.average,
            *(_percent(figure) for figure in (row.top1, row.top5, row.mean_per_class)),
            count,
        ]
        for row in figures.classes
    ]
    headings = ("one label, averaged over templates", "top-1", "top-5", "mean per class", "clips")
    return table_of(headings, rows, title=_title(figures, measured, described))


def _tags_table(figures: ActionFigures, measured: MeasuredActions) -> Table:
    found, tags = figures.average_precision, figures.tags
    shown = (found.mean if found else None, tags.precision, tags.recall, tags.silent)
    name = f"tags from probability {measured.threshold:g} on"
    row = [name, *(_percent(figure) for figure in shown), str(len(measured.dataset))]
    headings = ("any number of labels", "mAP", "precision", "recall", "silent", "clips")
    return table_of(headings, [row])


def _title(
    figures: ActionFigures, measured: MeasuredActions, described: Mapping[str, str | int]
) -> str:
    dataset = measured.dataset
    clips = f"{counted(len(dataset), 'clip')}, {counted(len(dataset.labels), 'label')}"
    lines = [f"{printable(dataset.name)}, {dataset.split}: {clips}"]
    if figures.labels_without_clips:
        lines[0] += f" ({figures.labels_without_clips} without clips)"
    if measured.undecoded_clips:
        lines[0] += f", {measured.undecoded_clips} not decoded and counted as wrong"
    elif measured.undecoded:
        lines[0] += f", {len(measured.undecoded)} not decoded and left out"
    visual = "" if described["visual"] == "plain" else f" with {described['visual']}"
    views = counted(int(described["frames"]), "frame")
    views += "" if described["views"] == "1" else f" in {described['views']} views"
    views += " cut to the centre" if described.get("crop") == CENTRE else ""
    templates = counted(int(described["templates"]), "template")
    lines.append(f"{described['head']}{visual}, {views}, {templates}")
    return "\n".join(lines)


def _percent(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.1f}"


def draw_measured(file: Path, measured: MeasuredActions) -> None:
    """The confusion matrix of the first way of averaging; clips must have one label each."""
    probabilities = next(iter(measured.scores.probabilities.values()))
    truth = measured.holds.byte().argmax(dim=1)
    dataset = measured.dataset
    title = (
        f"{printable(dataset.name)}, {dataset.split}: {counted(len(dataset), 'clip')}, top-1 "
        f"{top_k(probabilities, truth, 1):.1f} %. Rows: what it is. Columns: what it was taken for."
    )
    counts = confusion_matrix(probabilities, truth).numpy()
    draw_confusion(counts, dataset.labels, file, title=title)


def write_clips(file: Path, measured: MeasuredActions) -> None:
    """A line for every clip: its labels, and those that the model finds likely.

    Raises KinodexError when the file cannot be written.
    """
    try:
        with file.open("w", encoding="utf-8") as lines:
            for record in _clips(measured):
                lines.write(json.dumps(record) + "\n")
    except OSError as error:
        raise KinodexError(f"{str(file)!r} cannot be written ({error.strerror})") from error


def _clips(measured: MeasuredActions) -> Iterator[dict[str, Any]]:
    dataset, scores = measured.dataset, measured.scores
    probabilities = next(iter(scores.probabilities.values()))
    ranks = label_ranks(probabilities, measured.holds).tolist()
    best = best_labels(probabilities, most=_FEW)
    tags = best_labels(scores.tag_probabilities, most=_FEW)
    for row, clip in enumerate(dataset.clips):
        record: dict[str, Any] = {
            "video_id": clip.video_id,
            "path": str(clip.path),
            "start_s": clip.start_s,
            "end_s": clip.end_s,
            "labels": [dataset.labels[label] for label in clip.labels],
        }
        if clip.window in measured.undecoded:
            yield record | {"undecoded": measured.undecoded[clip.window]}
            continue
        given = [found for found in _named(tags, row, dataset) if found[1] >= measured.threshold]
        yield record | {
            "rank": ranks[row] if clip.labels else None,
            "best": [_likely(*found) for found in _named(best, row, dataset)],
            "tags": [_likely(*found) for found in given],
        }


def _named(
    found: tuple[torch.Tensor, torch.Tensor], row: int, dataset: LabelledDataset
) -> list[tuple[str, float]]:
    numbers, probabilities = (part[row].tolist() for part in found)
    return [
        (dataset.labels[number], probability)
        for number, probability in zip(numbers, probabilities, strict=True)
    ]


def _likely(label: str, probability: float) -> dict[str, Any]:
    return {"label": label, "probability": probability}
