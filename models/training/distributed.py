"""Training in several processes: gathering batches with their gradient, averaging gradients."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed


def process_count() -> int:
    """How many processes train together; 1 where nothing was started."""
    return distributed.get_world_size() if _joined() else 1


def process_rank() -> int:
    """The number of this process among all, over all machines; 0 leads."""
    return distributed.get_rank() if _joined() else 0


@contextmanager
def torchrun_processes() -> Iterator[None]:
    """Join the processes that torchrun started; does nothing in a process started alone.

    Each process gets the GPU of its local number where there are GPUs; without them gloo
    connects the processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or _joined():
        yield
        return
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_gpus else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def gather_with_gradient(tensor: torch.Tensor) -> torch.Tensor:
    """The tensors of all processes one after another, by rank; the tensor itself if alone.

    Every process must hold the same shape, (batch, ...). When each process computes the same
    loss from what is gathered, and the gradients are then averaged over the processes (by
    DistributedDataParallel or `average_gradients_`), every parameter's gradient is the one
    that a single process with the whole batch has: those that lie before the gather and those
    after it, such as the logit scale, alike.
    """
    if process_count() == 1:
        return tensor
    gathered: torch.Tensor = _Gather.apply(tensor)
    return gathered


def average_gradients_(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes.

    In the place of DistributedDataParallel where a step has several backward passes. The same
    parameters must have a gradient in every process.
    """
    count = process_count()
    if count == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    works = [distributed.all_reduce(gradient, async_op=True) for gradient in gradients]
    for gradient, work in zip(gradients, works, strict=True):
        work.wait()
        gradient.div_(count)


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class _Gather(torch.autograd.Function):
    """All-gather whose backward sums the gradients that every process has for a slice.

    torch.distributed's all_gather has no gradient; cutting out the local slice alone would leave
    1/W of the gradient after averaging. torch.distributed.nn's gives the same gradients as this
    one, to 1e-6 between two processes on gloo, but torch 2.14 warns at each call that it will go,
    and what shall come after it is private to torch.
    """

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        # gloo moves no bool.
        sent = tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor
        parts = [torch.empty_like(sent) for _ in range(process_count())]
        distributed.all_gather(parts, sent.contiguous())
        return torch.cat(parts).to(tensor.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        # It is copied, since the incoming gradient may be shared with another branch of the graph.
        summed = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed)
        return summed.chunk(process_count())[process_rank()]
