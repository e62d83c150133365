"""3D patches: a ViT that cuts each frame into patches together with the frames beside it.

CLIP4Clip (arXiv 2104.08860, section 3.2) has two ways of cutting frames into patches. The 2D one
is the tower's own. The 3D one is a convolution over frames, height and width, which starts out
equal to the 2D one, so that it does not disturb what the tower has learnt. All that follows it in
the tower is per frame, as before.
"""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn import functional

from models.errors import KinodexError

_PROJECTION = "visual.conv1.weight"
_DIMENSIONS_3D = 5


class NoPatches(KinodexError, ValueError):
    """A picture tower that does not cut its pictures into patches in the way of CLIP's ViT."""


class FramesOfClips(NamedTuple):
    """What a tower with 3D patches takes for frames that are no pictures by themselves.

    pixels: (frames, 3, height, width), the frames of all clips one after another
    places: (frames,) int64, rising: frames whose numbers differ by 1 are neighbours
    """

    pixels: torch.Tensor
    places: torch.Tensor


class PatchProjection3D(nn.Conv3d):
    """A patch projection that sees each frame together with its neighbours in time.

    The slice of the kernel that lies on the frame itself begins as the 2D kernel, the others as
    zeros. After training a frame sees `reach` frames to each side. What lies beyond the ends of a
    clip counts as zeros, and so does padding.
    """

    def __init__(self, projection: nn.Conv2d, *, kernel_frames: int = 3) -> None:
        if kernel_frames < 1 or kernel_frames % 2 == 0:
            raise ValueError(f"kernel_frames must be odd, such as 3, not {kernel_frames}")
        if projection.bias is not None:
            raise NoPatches("only a patch projection without bias can be made 3D")
        self.reach = kernel_frames // 2
        height, width = projection.kernel_size
        down, right = projection.stride
        super().__init__(
            projection.in_channels,
            projection.out_channels,
            (kernel_frames, height, width),
            stride=(1, down, right),
            padding=(self.reach, 0, 0),
            bias=False,
            device="meta",
        )
        kernel = projection.weight.new_zeros(self.weight.shape)
        kernel[:, :, self.reach] = projection.weight.detach()
        self.weight = nn.Parameter(kernel, requires_grad=projection.weight.requires_grad)

    @property
    def picture_kernel(self) -> torch.Tensor:
        """What a frame without neighbours is seen with: (channels, 3, patch, patch)."""
        return self.weight[:, :, self.reach]

    def forward(self, pictures: torch.Tensor | FramesOfClips) -> torch.Tensor:
        """Patches of frames, or of pictures, each as a clip of one frame.

        pictures: (pictures, 3, height, width), or `FramesOfClips`
        returns: (pictures or frames, channels, rows, columns)
        """
        stride = self.stride[1:]
        if isinstance(pictures, torch.Tensor):
            return functional.conv2d(pictures, self.picture_kernel, stride=stride)
        slices = self.weight.transpose(1, 2).transpose(0, 1)  # (kernel frames, channels, 3, …)
        projected = functional.conv2d(pictures.pixels, slices.flatten(0, 1), stride=stride)
        projected = projected.unflatten(1, slices.shape[:2])
        patches = projected[:, self.reach]
        for offset in range(-self.reach, self.reach + 1):
            if offset:
                beside, is_there = _beside(pictures.places, offset)
                slice_of_it = projected[beside, self.reach + offset]
                patches = patches + slice_of_it * is_there[:, None, None, None]
        return patches


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
            f"ViT-B-32; this one is {_told(visual)}: choose another model or 2D patches"
        )
    visual.conv1 = PatchProjection3D(projection, kernel_frames=kernel_frames)


def reach_of(visual: Any) -> int:
    """How many frames to each side a frame's embedding depends on; 0 without 3D patches."""
    projection = getattr(visual, "conv1", None)
    return projection.reach if isinstance(projection, PatchProjection3D) else 0


def kernel_frames_in(weights: Path | None) -> int | None:
    """How many frames the 3D patch projection in a file of ours sees at once.

    None for a file without one, and for what is no such file.
    """
    if weights is None or weights.suffix != ".safetensors":
        return None
    try:
        with safe_open(weights, framework="pt") as opened:
            shape = opened.get_slice(_PROJECTION).get_shape()
    except (SafetensorError, OSError):
        return None
    return int(shape[2]) if len(shape) == _DIMENSIONS_3D else None


def _beside(places: torch.Tensor, offset: int) -> tuple[torch.Tensor, torch.Tensor]:
    """For each frame the row of the one at an offset, and whether there is one."""
    wanted = places + offset
    rows = torch.searchsorted(places, wanted).clamp_max(len(places) - 1)
    return rows, places[rows] == wanted


def _told(visual: Any) -> str:
    return "3D already" if reach_of(visual) else type(visual).__name__
