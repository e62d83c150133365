"""Batch norms folded into the convolutions before them: the same pictures in less time.

In evaluation a batch norm is a factor and an offset for each channel, which a convolution can take
over (Jacob et al., 2018, "Quantization and Training of Neural Networks", section 3.2). Folded
weights depend on how a processor rounds, so they are never stored, nor part of a model's identity.
"""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> None:
    """Fold every batch norm that follows a convolution in its module; in place.

    The network must be in evaluation mode. What stands behind a batch norm in the same module, as
    timm's activations do, stays.
    """
    for module in list(network.modules()):
        _fold_children(module)


def folded(network: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode that gives the same but for rounding."""
    lighter = copy.deepcopy(network).eval()
    fold_batch_norms(lighter)
    return lighter.requires_grad_(False).to(memory_format=torch.channels_last)


def _fold_children(module: nn.Module) -> None:
    for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, getattr(norm, "act", nn.Identity()))


class FoldedCopy:
    """The folded copy of a network, made when it is first asked for and again after a change.

    It is no module: what asks a network for its weights does not see it.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[tuple[int, int], ...], nn.Module] | None = None

    def of(self, network: nn.Module) -> nn.Module:
        """The copy that belongs to the network's weights as they are now."""
        weights = _versions(network)
        if self._made is None or self._made[0] != weights:
            self._made = weights, folded(network)
        return self._made[1]

    def __deepcopy__(self, memo: dict[int, object]) -> "FoldedCopy":
        return FoldedCopy()


def _versions(network: nn.Module) -> tuple[tuple[int, int], ...]:
    """Where each weight lies and how often it was written to."""
    return tuple(
        (weight.data_ptr(), weight._version)
        for weight in (*network.parameters(), *network.buffers())
    )
