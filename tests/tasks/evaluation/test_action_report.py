"""What is made of the scores of labelled clips, figure by figure and word by word."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.action_scoring import ActionScores
from indexer.datasets.labelled import LabelledClip, LabelledDataset
from models.errors import KinodexError
from models.metrics.actions import NOTHING_SAID
from tasks.evaluation import action_report
from tasks.evaluation.action_report import (
    ActionFigures,
    MeasuredActions,
    draw_measured,
    print_figures,
    write_clips,
)

LABELS = ("run", "walk", "jump", "sit", "lie", "swim", "fly")
DESCRIBED = {
    "head": "meanP",
    "visual": "plain",
    "frames": 1,
    "views": "1",
    "crop": "whole",
    "templates": 2,
}
SILENT = [NOTHING_SAID] * 7
# What is said of each label; the first is the likeliest one in the first row, and so on.
ROWS = [
    [0.9, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
    [0.8, 0.7, 0.1, 0.2, 0.0, 0.3, 0.6],
    [0.6, 0.5, 0.1, 0.4, 0.3, 0.2, 0.0],
]


def clip(name: str, *labels: int) -> LabelledClip:
    return LabelledClip(name, Path(f"/{name}.mp4"), labels, start_s=1.0, end_s=2.5)


def measured(
    *clips: LabelledClip,
    rows: list[list[float]] = ROWS,
    undecoded: dict[ClipWindow, str] | None = None,
    labels: tuple[str, ...] = LABELS,
) -> MeasuredActions:
    table = torch.tensor(rows)
    scores = ActionScores({"probabilities": table, "embeddings": table.flip(1)}, table, table)
    return MeasuredActions(
        LabelledDataset("some clips", "test", labels, clips), scores, undecoded or {}, 0.5
    )


SINGLE = measured(clip("a", 0), clip("b", 1), clip("c", 2))
SEVERAL = measured(clip("a", 0, 1), clip("b"), clip("c", 2))


def test_clips_of_one_label_each_have_accuracies_and_no_average_precision():
    figures = ActionFigures.of(SINGLE)
    first, second = figures.classes
    assert (first.average, first.top1, first.top5) == (
        "probabilities",
        pytest.approx(100 / 3),
        pytest.approx(200 / 3),
    )
    assert first.mean_per_class == pytest.approx(100 / 3)
    assert (second.average, second.top1, second.top5) == ("embeddings", 0, pytest.approx(200 / 3))
    assert figures.average_precision is None
    assert figures.labels_without_clips == 4
    # Said are 0 and 1 of the first, 0, 1 and 6 of the second, 0 and 1 of the third.
    assert figures.tags.precision == pytest.approx(100 * 2 / 7)
    assert figures.tags.recall == pytest.approx(100 * 2 / 3)
    assert figures.tags.silent is None


def test_clips_of_several_labels_have_average_precision_and_no_mean_per_class():
    figures = ActionFigures.of(SEVERAL)
    # The clip without a label is no question which label it has, but may be left in silence.
    assert figures.classes[0].top1 == 50
    assert figures.classes[0].mean_per_class is None
    assert figures.average_precision.mean == pytest.approx(100 * (1 + 0.5 + 0.5) / 3)
    assert figures.tags.silent == 0


def test_clips_of_which_none_has_a_label_measure_nothing():
    with pytest.raises(KinodexError, match="no clip of some clips has a label"):
        ActionFigures.of(measured(clip("a"), clip("b"), clip("c")))


def test_one_line_for_programs(capsys):
    gone = {SEVERAL.dataset.windows[1]: "why", ClipWindow(Path("/d.mp4")): "why"}
    found = replace(SEVERAL, undecoded=gone)
    print_figures(ActionFigures.of(found), found, DESCRIBED, as_json=True)
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "data": "some clips",
        "split": "test",
        **DESCRIBED,
        "clips": 3,
        "undecoded": 1,
        "left_out": 1,
        "labels": 7,
        "labels_without_clips": 4,
        "by_average": {
            "probabilities": {"top1": 50.0, "top5": 50.0, "mean_per_class": None},
            "embeddings": {"top1": 0.0, "top5": 50.0, "mean_per_class": None},
        },
        "map": pytest.approx(200 / 3),
        "tags": {
            "threshold": 0.5,
            "precision": pytest.approx(100 * 2 / 7),
            "recall": pytest.approx(100 * 2 / 3),
            "silent_without_label": 0.0,
        },
    }


def lines_of(found: MeasuredActions, capsys, **described: str | int) -> list[list[str]]:
    print_figures(ActionFigures.of(found), found, DESCRIBED | described, as_json=False)
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_two_tables_for_people(capsys):
    title, how, headings, first, second, gap, tag_headings, tags = lines_of(SEVERAL, capsys)
    assert " ".join(title) == "some clips, test: 3 clips, 7 labels (4 without clips)"
    assert " ".join(how) == "meanP, 1 frame, 2 templates"
    assert headings[-5:] == ["top-1", "top-5", "mean", "per", "class", "clips"][-5:]
    assert first == ["probabilities", "50.0", "50.0", "–", "2"]
    assert second == ["embeddings", "0.0", "50.0", "–", "2"]
    assert gap == []
    assert tag_headings[-5:] == ["mAP", "precision", "recall", "silent", "clips"]
    assert " ".join(tags) == "tags from probability 0.5 on 66.7 28.6 66.7 0.0 3"


@pytest.mark.parametrize(
    ("undecoded", "told"),
    [
        ({}, ""),
        ({SINGLE.dataset.windows[0]: "why"}, ", 1 not decoded and counted as wrong"),
        ({ClipWindow(Path("/d.mp4")): "why"}, ", 1 not decoded and left out"),
    ],
)
def test_the_title_tells_what_was_not_decoded(undecoded, told, capsys):
    found = replace(SINGLE, undecoded=undecoded)
    shown = " ".join(word for line in lines_of(found, capsys) for word in line)
    clips = "some clips, test: 3 clips, 7 labels (4 without clips)"
    assert shown.startswith(f"{clips}{told} meanP, 1 frame")


def test_the_title_tells_of_views_and_of_a_picture_tower_that_sees_several_frames(capsys):
    how = lines_of(SINGLE, capsys, visual="shift", views="10x3", frames=8, templates=1)[1]
    assert " ".join(how) == "meanP with shift, 8 frames in 10x3 views, 1 template"
    how = lines_of(SINGLE, capsys, frames=8, crop="centre", templates=1)[1]
    assert " ".join(how) == "meanP, 8 frames cut to the centre, 1 template"


def test_labels_that_all_have_clips_are_not_counted_twice(capsys):
    rows = [[0.9, 0.1], [0.2, 0.8]]
    found = measured(clip("a", 0), clip("b", 1), rows=rows, labels=("run", "walk"))
    assert " ".join(lines_of(found, capsys)[0]) == "some clips, test: 2 clips, 2 labels"


def test_a_line_of_every_clip_tells_its_rank_its_five_best_and_its_tags(tmp_path):
    clips = (clip("a", 0), clip("b", 1, 3), clip("c"), clip("d", 2))
    rows = [*ROWS, SILENT]
    found = measured(*clips, rows=rows, undecoded={clips[3].window: "it is a text"})
    write_clips(tmp_path / "clips.jsonl", found)
    first, second, third, last = map(json.loads, (tmp_path / "clips.jsonl").open())
    assert first == {
        "video_id": "a",
        "path": "/a.mp4",
        "start_s": 1.0,
        "end_s": 2.5,
        "labels": ["run"],
        "rank": 1,
        "best": [
            {"label": label, "probability": pytest.approx(probability)}
            for label, probability in zip(LABELS[:5], ROWS[0][:5], strict=True)
        ],
        "tags": [
            {"label": "run", "probability": pytest.approx(0.9)},
            {"label": "walk", "probability": 0.5},
        ],
    }
    assert (second["labels"], second["rank"]) == (["walk", "sit"], 2)
    assert [one["label"] for one in second["best"]] == ["run", "walk", "fly", "swim", "sit"]
    assert [one["label"] for one in second["tags"]] == ["run", "walk", "fly"]
    assert (third["labels"], third["rank"]) == ([], None)
    assert last == {
        "video_id": "d",
        "path": "/d.mp4",
        "start_s": 1.0,
        "end_s": 2.5,
        "labels": ["jump"],
        "undecoded": "it is a text",
    }


def test_the_picture_is_of_the_first_way_of_averaging(monkeypatch):
    drawn: list[tuple] = []

    def draw(counts: np.ndarray, labels: tuple[str, ...], file: Path, *, title: str) -> None:
        drawn.append((counts.argmax(axis=1).tolist()[:3], labels, file, title))

    monkeypatch.setattr(action_report, "draw_confusion", draw)
    draw_measured(Path("c.png"), SINGLE)
    title = "some clips, test: 3 clips, top-1 33.3 %. Rows: what it is. Columns: what it was taken"
    assert drawn == [([0, 0, 0], LABELS, Path("c.png"), f"{title} for.")]
