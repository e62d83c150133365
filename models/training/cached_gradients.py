"""Large batches in small memory: the gradient of the whole batch, chunk by chunk (GradCache).

A contrastive loss needs the embeddings of the whole batch at once, but not their graphs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

ChunkEncoder = Callable[[], tuple[torch.Tensor, ...]]


def backward_in_chunks(
    encoders: Sequence[ChunkEncoder], loss_of: Callable[..., torch.Tensor]
) -> torch.Tensor:
    """Add the gradient of the loss over the whole batch to the parameters; the loss, detached.

    Each encoder gives the embeddings of its chunk, for example (texts, videos), each of shape
    (chunk, ...). They are joined along the first axis and handed to `loss_of`. The gradients
    equal those of one backward pass through all chunks at once (arXiv 2101.06983). Memory is
    needed for the graph of one chunk only; every chunk is encoded twice, both times with the
    same random numbers.

    Encoders and loss enter autocast themselves where they want it; with a loss scaler, let
    `loss_of` give the scaled loss. Batch statistics (batch normalisation in training mode) are
    those of a chunk: put such layers in evaluation mode. Several processes: gather within
    `loss_of`, and average the gradients after this call.
    """
    if len(encoders) == 1:  # nothing is gained by encoding twice
        loss = loss_of(*encoders[0]())
        loss.backward()
        return loss.detach()
    cached = [_CachedChunk(encoder) for encoder in encoders]
    whole = [_joined(parts) for parts in zip(*(chunk.embeddings for chunk in cached), strict=True)]
    loss = loss_of(*whole)
    loss.backward()
    start = 0
    for chunk in cached:
        stop = start + len(chunk.embeddings[0])
        chunk.backward([None if one.grad is None else one.grad[start:stop] for one in whole])
        start = stop
    return loss.detach()


class _CachedChunk:
    """A chunk's embeddings without their graph, and the randomness they were made with."""

    def __init__(self, encoder: ChunkEncoder) -> None:
        self._encoder = encoder
        self._randomness = _Randomness.now()
        with torch.no_grad():
            self.embeddings = encoder()

    def backward(self, gradients: Sequence[torch.Tensor | None]) -> None:
        """Encode once more, now with the graph, and send the gradients through it."""
        with self._randomness.again():
            outputs = self._encoder()
        pairs = [
            (output, gradient)
            for output, gradient in zip(outputs, gradients, strict=True)
            if gradient is not None and output.requires_grad
        ]
        if pairs:
            torch.autograd.backward(
                [output for output, _ in pairs], [gradient for _, gradient in pairs]
            )


@dataclass(frozen=True)
class _Randomness:
    """The state of the generators that dropout may draw from."""

    cpu: torch.Tensor
    cuda: torch.Tensor | None  # of the current GPU
    mps: torch.Tensor | None

    @classmethod
    def now(cls) -> "_Randomness":
        return cls(
            torch.get_rng_state(),
            torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
            torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        )

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same numbers once more; afterwards go on as if nothing had been drawn."""
        present = _Randomness.now()
        self._restore()
        try:
            yield
        finally:
            present._restore()

    def _restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)
        if self.mps is not None:
            torch.mps.set_rng_state(self.mps)


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """One tensor for the whole batch that collects its own gradient."""
    whole = torch.cat(list(parts))
    return whole.requires_grad_(whole.is_floating_point())
