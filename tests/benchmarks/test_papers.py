"""Stand-ins of published data sets, and the recipes that are run on them."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from benchmarks import papers
from benchmarks.inputs.published_forms import write_kinetics, write_msrvtt
from benchmarks.papers import RECIPES, Setting, chosen
from indexer.datasets.actions.loading import load_actions
from indexer.datasets.captions.loading import load_dataset


def test_msr_vtt_is_read_as_the_published_one_is(tmp_path: Path) -> None:
    write_msrvtt(tmp_path, training=3, validation=2, test=2)
    sizes = {}
    for split in ("train", "val", "test"):
        data = load_dataset(f"msrvtt-9k:{tmp_path}", videos=tmp_path / "videos", split=split)
        sizes[split] = len(data.video_ids), len(data.clips)
        assert all(clip.path.is_file() for clip in data.clips)
    assert sizes == {"train": (3, 6), "val": (2, 4), "test": (2, 2)}


def test_kinetics_is_read_as_the_published_one_is(tmp_path: Path) -> None:
    write_kinetics(tmp_path, clips=2)
    data = load_actions(f"kinetics:{tmp_path}", videos=tmp_path / "videos", split="val")
    assert data.labels == ("moving to the left", "moving to the right")
    assert [clip.labels for clip in data.clips] == [(0,), (1,)]
    assert all(clip.path.is_file() for clip in data.clips)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that are run; each answers with the figures of both kinds."""
    words: list[tuple[str, ...]] = []
    figures: dict[str, Any] = {"r1": 1.0, "r5": 5.0, "r10": 10.0, "direction": "text → video"}
    figures["by_average"] = {"probabilities": {"top1": 2.0, "top5": 6.0}}

    def answer(*command: str) -> list[dict[str, Any]]:
        words.append(command)
        return [figures] if "actions" in command else [figures, {"direction": "video → text"}]

    monkeypatch.setattr(Setting, "_asked", staticmethod(answer))
    return words


def test_a_recipe_that_trains_measures_what_has_trained(asked: list[tuple[str, ...]]) -> None:
    setting = Setting(Path("/d"), ("--model", "M", "--pretrained", "tag"), ("--epochs", "5"))
    rows = setting.rows(RECIPES[2])
    assert [(row.figure, row.ours, row.published) for row in rows] == [
        ("R@1", 1.0, 44.5),
        ("R@5", 5.0, 71.4),
        ("R@10", 10.0, 81.6),
    ]
    data = ("--data", "msrvtt-9k:/d/msrvtt", "--videos", "/d/msrvtt/videos", "--model", "M")
    run = "/d/runs/msrvtt-seqTransf"
    trains = ("--pretrained", "tag", "--head", "seqTransf", "--tune", "all", "--out", run)
    measures = ("--weights", f"{run}/backbone.safetensors", "--head", f"{run}/head.safetensors")
    assert asked == [
        ("train", "retrieval", *data, *trains, "--epochs", "5"),
        ("evaluate", "retrieval", *data, *measures),
    ]


def test_without_training_the_model_is_measured_as_it_is(asked: list[tuple[str, ...]]) -> None:
    setting = Setting(Path("/d"), ("--model", "M"), ())
    assert [row.published for row in setting.rows(RECIPES[0])] == [31.2, 53.7, 64.2]
    actions = setting.rows(RECIPES[3])
    assert [(row.figure, row.ours, row.published) for row in actions] == [
        ("top-1", 2.0, None),
        ("top-5", 6.0, None),
    ]
    assert [command[:2] for command in asked] == [
        ("evaluate", "retrieval"),
        ("evaluate", "actions"),
    ]


def test_a_recipe_without_data_is_told_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "msrvtt").mkdir()
    options = argparse.Namespace(data=tmp_path, only=[])
    parser = argparse.ArgumentParser()
    assert [one.data for one in chosen(parser, options)] == ["msrvtt"] * 3
    assert "kinetics-zero-shot is left out" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        chosen(parser, argparse.Namespace(data=tmp_path, only=["kinetics-zero-shot"]))


def test_a_stand_in_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    for name in ("write_msrvtt", "write_kinetics"):
        monkeypatch.setattr(
            papers, name, lambda place, **_: (place.mkdir(), made.append(place.name))
        )
    first, again = papers.stand_in(tmp_path), papers.stand_in(tmp_path)
    assert made == ["msrvtt", "kinetics"]
    assert first == again
    assert first.model == ("--model", "bundled")
