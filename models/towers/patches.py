"""Encoding clips with a picture tower: each frame for itself, or with its neighbours in time.

CLIP4Clip (arXiv 2104.08860, section 3.2) has two ways of cutting frames into patches. The 2D
one is the tower's own. The 3D one is a convolution over frames, height and width, which starts
out equal to the 2D one, so that it does not disturb what the tower has learnt.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from models.errors import KinodexError
from models.frame_sets import check_mask
from models.towers.temporal_shift import TemporalShift


class NoPatches(KinodexError, ValueError):
    """A picture tower that does not cut its pictures into patches in the way of CLIP's ViT."""


class Clips(NamedTuple):
    """What a tower with 3D patches takes for several clips at once; see `encode_clips`."""

    pixels: torch.Tensor
    mask: torch.Tensor


class PatchProjection3D(nn.Conv3d):
    """A patch projection that sees each frame together with its neighbours in time.

    The slice of the kernel that lies on the frame itself begins as the 2D kernel, the others as
    zeros. After training a frame sees `kernel_frames // 2` frames to each side. What lies
    beyond the ends of a clip counts as zeros, and so does padding.
    """

    def __init__(self, projection: nn.Conv2d, *, kernel_frames: int = 3) -> None:
        if kernel_frames < 1 or kernel_frames % 2 == 0:
            raise ValueError(f"kernel_frames must be odd, such as 3, not {kernel_frames}")
        if projection.bias is not None:
            raise NoPatches("only a patch projection without bias can be made 3D")
        reach = kernel_frames // 2
        height, width = projection.kernel_size
        down, right = projection.stride
        super().__init__(
            projection.in_channels,
            projection.out_channels,
            (kernel_frames, height, width),
            stride=(1, down, right),
            padding=(reach, 0, 0),
            bias=False,
            device="meta",
        )
        kernel = projection.weight.new_zeros(self.weight.shape)
        kernel[:, :, reach] = projection.weight.detach()
        self.weight = nn.Parameter(kernel, requires_grad=projection.weight.requires_grad)

    def forward(self, pictures: torch.Tensor | Clips) -> torch.Tensor:
        """Patches of the valid frames of clips, or of pictures, each as a clip of one frame.

        pictures: (pictures, 3, height, width), or `Clips`
        returns: (pictures or valid frames, channels, rows, columns)
        """
        if isinstance(pictures, torch.Tensor):
            return super().forward(pictures.unsqueeze(2)).squeeze(2)
        padding = ~pictures.mask[:, :, None, None, None]
        frames = pictures.pixels.masked_fill(padding, 0.0).transpose(1, 2)
        return super().forward(frames).transpose(1, 2)[pictures.mask]


def use_3d_patches(visual: Any, *, kernel_frames: int = 3) -> None:
    """Puts a 3D patch projection into the place of a ViT's own; nothing is kept of the latter.

    visual: the picture tower of an open_clip model. Its state then has `conv1.weight` of shape
        (channels, 3, kernel_frames, patch, patch). It still takes single pictures.

    Raises NoPatches for any other kind of tower.
    """
    from open_clip.transformer import VisionTransformer

    projection = getattr(visual, "conv1", None)
    if not isinstance(visual, VisionTransformer) or not isinstance(projection, nn.Conv2d):
        raise NoPatches(
            f"3D patches need a model whose picture tower is CLIP's ViT with 2D patches, such as "
            f"ViT-B-32; this one is {type(visual).__name__}: choose another model or 2D patches"
        )
    visual.conv1 = PatchProjection3D(projection, kernel_frames=kernel_frames)


def encode_clips(visual: Any, pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Frame embeddings of clips, (clips, frames, dim), un-normalised, with zeros for padding.

    Only valid frames are worked out. Any picture tower will do; one that went through
    `use_3d_patches` or `temporal_shift.use_temporal_shift` sees each frame with its neighbours.

    pixels: (clips, frames, 3, height, width), normalised as the model wants; padding may hold
        anything
    mask: bool (clips, frames)

    Raises EmptyVideo.
    """
    check_mask(pixels, mask)
    in_3d = isinstance(getattr(visual, "conv1", None), PatchProjection3D)
    # A ViT hands its input to the patch projection as it is, so clips get there in one piece.
    pictures = Clips(pixels, mask) if in_3d else pixels[mask]
    shift: TemporalShift | None = getattr(visual, "temporal_shift", None)
    encoded = visual(pictures) if shift is None else shift.encode(visual, pictures, mask)
    embeddings: torch.Tensor = encoded.new_zeros(*mask.shape, encoded.shape[1])
    embeddings[mask] = encoded
    return embeddings
