"""What is made of ranks: a table, lines for programs, and a line of every query."""

import json
from pathlib import Path

import torch

from indexer.datasets.clips import CaptionedClip, ClipWindow, Dataset
from indexer.datasets.frames.cache import FillReport
from models.metrics.retrieval import RetrievalMetrics
from models.metrics.scores import StoredScores
from tasks.evaluation.retrieval_report import (
    TEXT_TO_VIDEO,
    VIDEO_TO_TEXT,
    Measured,
    RetrievalRow,
    print_recalls,
    write_queries,
)

CLIPS = tuple(
    CaptionedClip(name, Path(f"/{name}.mp4"), caption)
    for name, caption in (("a", "one"), ("a", "two"), ("b", "three"))
)
DATASET = Dataset("pairs", "test", CLIPS)
ROWS = [
    RetrievalRow("plain", TEXT_TO_VIDEO, RetrievalMetrics(12.34, 50, 75, 100, 2.5, 7.06, 3)),
    RetrievalRow("plain", VIDEO_TO_TEXT, RetrievalMetrics(50, 60, 70, 80, 1, 1.5, 2)),
]
NOTHING_FAILED, ONE_FAILED = (
    FillReport(2, 0, {}),
    FillReport(2, 0, {ClipWindow(Path("/c.mp4")): "why"}),
)


def test_a_table_of_both_directions(capsys):
    print_recalls(ROWS, DATASET, NOTHING_FAILED, as_json=False)
    title, _, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert " ".join(title) == "pairs, test: 3 captions of 2 videos"
    assert " ".join(first) == "plain text → video 12.3 50.0 75.0 100.0 2.5 7.1 3"
    assert " ".join(second) == "plain video → text 50.0 60.0 70.0 80.0 1 1.5 2"


def test_what_was_left_out_stands_in_the_title_and_in_each_line_for_programs(capsys):
    print_recalls(ROWS, DATASET, ONE_FAILED, as_json=False)
    title = capsys.readouterr().out.splitlines()[0].strip()
    assert title == "pairs, test: 3 captions of 2 videos, 1 video left out"
    print_recalls(ROWS, DATASET, ONE_FAILED, as_json=True)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "scores": "plain",
        "direction": "text → video",
        "r1": 12.34,
        "r5": 50,
        "r10": 75,
        "r50": 100,
        "median_rank": 2.5,
        "mean_rank": 7.06,
        "count": 3,
        "videos_left_out": 1,
    }
    assert (second["direction"], second["r1"]) == ("video → text", 50)


def test_every_query_has_a_line_with_its_rank_and_what_was_found(tmp_path):
    scores = StoredScores(torch.tensor([[0.5, 0.75], [0.25, 0.0], [0.125, 0.25]]))
    ranks = {TEXT_TO_VIDEO: torch.tensor([2, 1, 1]), VIDEO_TO_TEXT: torch.tensor([1, 2])}
    write_queries(tmp_path / "q.jsonl", Measured(DATASET, scores, ranks))
    records = list(map(json.loads, (tmp_path / "q.jsonl").open()))
    assert len(records) == 5
    assert records[0] == {
        "direction": "text → video",
        "caption": "one",
        "video_id": "a",
        "path": "/a.mp4",
        "rank": 2,
        "best": [{"video_id": "b", "score": 0.75}, {"video_id": "a", "score": 0.5}],
    }
    assert records[4] == {
        "direction": "video → text",
        "video_id": "b",
        "path": "/b.mp4",
        "rank": 2,
        "best": [
            {"video_id": "a", "caption": "one", "score": 0.75},
            {"video_id": "b", "caption": "three", "score": 0.25},
            {"video_id": "a", "caption": "two", "score": 0.0},
        ],
    }


def test_five_answers_are_listed_for_each_query(tmp_path):
    clips = tuple(CaptionedClip(str(n), Path(f"/{n}.mp4"), f"text {n}") for n in range(6))
    ranks = {way: torch.ones(6, dtype=torch.int64) for way in (TEXT_TO_VIDEO, VIDEO_TO_TEXT)}
    measured = Measured(Dataset("pairs", "test", clips), StoredScores(torch.eye(6)), ranks)
    write_queries(tmp_path / "q.jsonl", measured)
    assert {len(json.loads(line)["best"]) for line in (tmp_path / "q.jsonl").open()} == {5}
