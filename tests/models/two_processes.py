"""Two processes that train together, and what each of them does in `test_distributed`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from models.training.cached_gradients import backward_in_chunks
from models.training.distributed import (
    average_gradients_,
    gather_with_gradient,
    process_count,
    process_rank,
    torchrun_processes,
)
from models.training.losses import contrastive_loss

PAIRS, WIDTH, PROCESSES = 8, 6, 2
Gradients = dict[str, torch.Tensor]


def in_two_processes(do: Callable[..., None], *arguments: object) -> None:
    """Call `do(rank, *arguments)` in each of two new processes. Raises what goes wrong in one."""
    torch.multiprocessing.spawn(_do_and_leave, (do, arguments), PROCESSES)


def _do_and_leave(rank: int, do: Callable[..., None], arguments: tuple[object, ...]) -> None:
    """On a busy machine, threads of gloo that are not over yet abort a process that ends by
    itself, although all is done: it leaves without waiting for them."""
    do(rank, *arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class Towers(nn.Module):
    """A text tower, a temporal video tower and the logit scale, in double precision."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.texts = nn.Linear(4, WIDTH)
        self.videos = nn.LSTM(3, WIDTH, batch_first=True)
        self.logit_scale = nn.Parameter(torch.tensor(1.2))
        self.double()

    def forward(self, texts: torch.Tensor, videos: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Unit embeddings of both and the scale."""
        fused = self.videos(videos)[0].mean(dim=1)
        return (
            F.normalize(self.texts(texts), dim=-1),
            F.normalize(fused, dim=-1),
            self.logit_scale.exp(),
        )

    def gradients(self) -> Gradients:
        """Of every parameter, by name."""
        return {name: parameter.grad for name, parameter in self.named_parameters()}


def whole_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Texts (pairs, 4) and videos (pairs, 5, 3)."""
    generator = torch.Generator().manual_seed(6)
    texts = torch.randn(PAIRS, 4, generator=generator, dtype=torch.float64)
    return texts, torch.randn(PAIRS, 5, 3, generator=generator, dtype=torch.float64)


def gathered_loss(texts: torch.Tensor, videos: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The loss over the pairs of all processes, the same in each."""
    return contrastive_loss(scale * gather_with_gradient(texts) @ gather_with_gradient(videos).T)


def train_step(rank: int, folder: Path, port: int) -> None:
    """Join the other process, take the step in three ways, and write down the gradients."""
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(PROCESSES),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "CUDA_VISIBLE_DEVICES": "",
    }
    with torchrun_processes():
        size = PAIRS // process_count()
        share = slice(process_rank() * size, (process_rank() + 1) * size)
        texts, videos = (side[share] for side in whole_batch())
        found = {
            "averaged by hand": _by_hand(texts, videos),
            "averaged by DistributedDataParallel": _by_torch(texts, videos),
            "in cached chunks": _in_chunks(texts, videos),
            "gathered": {
                "numbers": gather_with_gradient(torch.tensor([rank, 10 + rank])),
                "mask": gather_with_gradient(torch.tensor([[rank == 0, True]])),
            },
        }
        torch.save(found, folder / f"{rank}.pt")


def _by_hand(texts: torch.Tensor, videos: torch.Tensor) -> Gradients:
    model = Towers()
    gathered_loss(*model(texts, videos)).backward()
    average_gradients_(model.parameters())
    return model.gradients()


def _by_torch(texts: torch.Tensor, videos: torch.Tensor) -> Gradients:
    model = Towers()
    parallel = DistributedDataParallel(model)  # it averages only as long as it lives
    gathered_loss(*parallel(texts, videos)).backward()
    return model.gradients()


def _in_chunks(texts: torch.Tensor, videos: torch.Tensor) -> Gradients:
    model = Towers()
    encoders = [
        lambda rows=rows: model(texts[rows], videos[rows])[:2]
        for rows in (slice(0, 3), slice(3, None))
    ]
    backward_in_chunks(
        encoders, lambda *embeddings: gathered_loss(*embeddings, model.logit_scale.exp())
    )
    average_gradients_(model.parameters())
    return model.gradients()
