"""Two processes, connected by gloo, train exactly as one with the whole batch."""

import socket
from pathlib import Path

import pytest
import torch

from models.training.distributed import (
    average_gradients_,
    gather_with_gradient,
    process_count,
    process_rank,
    torchrun_processes,
)
from models.training.losses import contrastive_loss
from tests.models.two_processes import PROCESSES, Towers, in_two_processes, train_step, whole_batch


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of the two processes wrote down."""
    folder: Path = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    in_two_processes(train_step, folder, port)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


@pytest.mark.parametrize(
    "way", ["averaged by hand", "averaged by DistributedDataParallel", "in cached chunks"]
)
def test_gradients_equal_those_of_one_process(found, way):
    model = Towers()
    texts, videos, scale = model(*whole_batch())
    contrastive_loss(scale * texts @ videos.T).backward()
    expected = model.gradients()
    assert {name.split(".")[0] for name in expected} == {"texts", "videos", "logit_scale"}
    for rank in range(PROCESSES):
        for name, gradient in expected.items():
            torch.testing.assert_close(found[rank][way][name], gradient, atol=1e-6, rtol=1e-6)
            assert gradient.abs().max() > 1e-3, name


def test_numbers_and_masks_are_gathered_by_rank(found):
    for one in found:
        assert one["gathered"]["numbers"].tolist() == [0, 10, 1, 11]
        assert one["gathered"]["mask"].tolist() == [[True, True], [False, True]]


def test_a_process_alone_gathers_and_averages_nothing():
    with torchrun_processes():
        assert (process_count(), process_rank()) == (1, 0)
        tensor = torch.ones(2, requires_grad=True)
        assert gather_with_gradient(tensor) is tensor
        tensor.sum().backward()
        average_gradients_([tensor])
        assert tensor.grad.tolist() == [1, 1]


def test_processes_of_torchrun_join_once_and_leave_however_it_ends(monkeypatch):
    heard = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.distributed, "init_process_group", heard.append)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: heard.append("left"))
    with pytest.raises(KeyError), torchrun_processes():
        assert heard == ["gloo"]
        raise KeyError
    assert heard == ["gloo", "left"]
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with torchrun_processes():
        pass
    assert heard == ["gloo", "left"]
