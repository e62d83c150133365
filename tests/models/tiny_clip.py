"""Small CLIPs with random weights, of every layout that heads may meet."""

from typing import Any

import open_clip
import torch
from open_clip.model import CLIPTextCfg, CLIPVisionCfg

VISION = {"image_size": 32, "patch_size": 16, "layers": 2, "width": 64, "head_width": 32}
TEXT = {"context_length": 16, "vocab_size": 40, "width": 64, "heads": 2, "layers": 4}


def tiny_clip(
    *, custom_text: bool = False, quick_gelu: bool = True, dim: int = 64, **text: Any
) -> torch.nn.Module:
    """An open_clip model that embeds into `dim` channels, the same one every time."""
    torch.manual_seed(4)
    make = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    return make(
        dim, CLIPVisionCfg(**VISION), CLIPTextCfg(**{**TEXT, **text}), quick_gelu=quick_gelu
    ).eval()
