"""The backbone of a published model, built to be compared with formulas."""

import torch

from models.clip.patches import use_3d_patches
from models.published.files import PublishedModel
from models.towers.temporal_shift import use_temporal_shift


def build_backbone(model: PublishedModel) -> torch.nn.Module:
    """The published backbone as an open_clip model in evaluation mode.

    With its 3D patch projection or its shift, if it has one: `patches.encode_clips` then encodes
    frames as in training.
    """
    import open_clip

    clip = open_clip.create_model(model.architecture, pretrained=None)
    if model.patches_3d:
        use_3d_patches(clip.visual)
    clip.load_state_dict(model.backbone)
    if model.shifted:
        use_temporal_shift(clip.visual, placement="residual")
    return clip.eval()
