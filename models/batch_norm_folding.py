"""Batch normalisation folded into the convolutions before it: the same features, less work."""

from typing import Any

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(visual: Any) -> None:
    """Fold every batch norm of open_clip's ResNet, in place; it must be in evaluation mode."""
    from open_clip.modified_resnet import Bottleneck

    for module in list(visual.modules()):
        if module is visual or isinstance(module, Bottleneck):
            for number in (1, 2, 3):
                _fold(module, f"conv{number}", f"bn{number}")
        if isinstance(module, Bottleneck) and module.downsample is not None:
            _fold(module.downsample, "0", "1")


def _fold(parent: Any, convolution: str, norm: str) -> None:
    folded = fuse_conv_bn_eval(getattr(parent, convolution), getattr(parent, norm))
    setattr(parent, convolution, folded)
    setattr(parent, norm, nn.Identity())
