"""What can be measured of a GPU's benchmark without one."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.computing import gpu
from benchmarks.measuring.reporting import Report
from tests.tiny import tiny_backbone

CPU = torch.device("cpu")


def test_without_a_card_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu"])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == gpu.NO_GPU


def test_the_quickest_round_counts_after_two_that_do_not():
    done = []
    assert gpu.rate(lambda: done.append(1), CPU, rounds=3) > 0
    assert len(done) == 5


def test_the_peak_counts_all_products_and_sums(monkeypatch):
    monkeypatch.setattr(gpu, "rate", lambda work, device, rounds: work().shape[0] / 8)
    assert gpu.peak(CPU, torch.float32, rounds=1, side=8) == 2 * 8**3


def test_operations_are_those_of_one_picture():
    engine = tiny_backbone().engine
    shown = torch.zeros(4, 32, 32, 3, dtype=torch.uint8)
    one, four = (gpu.operations(engine, shown[:count]) for count in (1, 4))
    assert one == pytest.approx(four)
    # Sixteen patches of 8 × 8 × 3 to 32 numbers are a part of it.
    assert one > 2 * 16 * 8 * 8 * 3 * 32


def test_each_way_gives_what_the_engine_gives():
    backbone = tiny_backbone()
    pictures = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    ways = gpu.ways_of(backbone, pictures, compiled=False)
    assert list(ways) == ["engine", "forward"]
    [ours] = ways["engine"]()
    np.testing.assert_allclose(ours, ways["forward"]().numpy(), atol=1e-5)


def test_all_is_shown(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(gpu, "load_backbone", lambda *_, **__: tiny_backbone())
    options = argparse.Namespace(
        model="bundled", pretrained=None, weights=None, batch=3, rounds=1, side=16, compile=False
    )
    gpu.measure(options, Report("gpu"), CPU)
    told = capsys.readouterr().out
    assert "cpu" in told
    assert all(way in told for way in ("engine", "forward", "frames_per_s"))
