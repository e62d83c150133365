"""Checkpoints and the history of a run, as they lie in its folder."""

import json
import os
from pathlib import Path

import pytest
import torch

from models.errors import KinodexError
from models.training.files import (
    CHECKPOINT_FILE,
    HISTORY_FILE,
    History,
    load_checkpoint,
    read_history,
    save_checkpoint,
)

CPU = torch.device("cpu")


def test_a_checkpoint_is_read_as_it_was_saved(tmp_path):
    file = tmp_path / CHECKPOINT_FILE
    assert load_checkpoint(file, {"steps": 4}, CPU) is None
    save_checkpoint(file, {"meant": {"steps": 4}, "weights": torch.arange(3)})
    found = load_checkpoint(file, {"steps": 4}, CPU)
    assert found is not None
    assert found["weights"].tolist() == [0, 1, 2]
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_is_on_the_disk_before_it_counts_and_clears_away_what_a_kill_left(
    tmp_path, monkeypatch
):
    synced, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(number), real(number)))
    (tmp_path / "checkpoint.pt.tmp").write_bytes(b"half of it")
    save_checkpoint(tmp_path / CHECKPOINT_FILE, {"meant": {}})
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert len(synced) == 2


def test_what_is_meant_otherwise_is_told_by_name_but_for_how_often_it_is_saved(tmp_path):
    file = tmp_path / CHECKPOINT_FILE
    save_checkpoint(file, {"meant": {"steps": 4, "rate": 0.1, "save_every": 2, "gone": 1}})
    with pytest.raises(KinodexError) as told:
        load_checkpoint(file, {"steps": 5, "rate": 0.1, "save_every": 9, "new": 2}, CPU)
    assert str(told.value) == (
        f"{str(tmp_path)!r} holds another run (gone was 1, now None; new was None, now 2; "
        "steps was 4, now 5): take another output folder, or give the same options to go on"
    )
    assert load_checkpoint(file, {"steps": 4, "rate": 0.1, "save_every": 9, "gone": 1}, CPU)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    file = tmp_path / CHECKPOINT_FILE
    torch.save({"meant": {}, "x": Bomb()}, file)
    with pytest.raises(KinodexError, match="is not a readable checkpoint: delete it"):
        load_checkpoint(file, {}, CPU)
    assert not (tmp_path / "owned").exists()


def written(folder: Path, text: str) -> Path:
    (folder / HISTORY_FILE).write_text(text, encoding="utf-8")
    return folder


def test_a_line_that_was_cut_short_ends_the_history(tmp_path):
    assert read_history(tmp_path) == []
    folder = written(tmp_path, '{"step": 1}\n{"step": 2}\n{"st\n{"step": 4}\n')
    assert read_history(folder) == [{"step": 1}, {"step": 2}]


def test_steps_are_added_and_those_after_a_step_forgotten(tmp_path):
    history = History(tmp_path)
    history.cut_after(0)
    assert not (tmp_path / HISTORY_FILE).exists()
    for step in (1, 2, 3):
        history.add({"step": step, "loss": 0.5})
    assert len(read_history(tmp_path)) == 3
    history.cut_after(2)
    lines = (tmp_path / HISTORY_FILE).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": 0.5},
        {"step": 2, "loss": 0.5},
    ]
