"""Backbones with random weights of each kind that a picture tower can be made of."""

import open_clip
import torch
from open_clip.model import CLIPTextCfg, CLIPVisionCfg

from models.clip.backbone import Backbone
from models.clip.sources import LoadedModel
from models.identity import ModelChoice

RESNET = {"image_size": 64, "layers": (1, 2, 2, 1), "width": 16, "patch_size": None}
VIT = {"image_size": 64, "patch_size": 16, "layers": 4, "width": 64, "head_width": 16}
KINDS = {"resnet": RESNET, "vit": VIT}
_TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}


def small_backbone(kind: str) -> Backbone:
    """ "resnet" or "vit", for pictures of 64 pixels, embedding into 24 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = open_clip.CLIP(24, CLIPVisionCfg(**KINDS[kind]), CLIPTextCfg(**_TEXT)).eval()
        stir(model)
    return backbone_of(model, name=f"small {kind}", side=64)


def real_backbone(name: str) -> Backbone:
    """One of open_clip's architectures, from scratch."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = open_clip.create_model(name, pretrained=None, pretrained_text=False).eval()
        stir(model)
    return backbone_of(model, name=name, side=224)


def stir(model: torch.nn.Module) -> None:
    """Make features differ from picture to picture, as those of a trained ResNet do.

    With the usual first weights residual branches are zero, batch norms do nothing, and signals
    fade from layer to layer.
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, torch.nn.BatchNorm2d):
            last = name.endswith("bn3")  # of a residual branch: dozens of them are summed
            torch.nn.init.uniform_(module.weight, *((0.2, 0.4) if last else (0.7, 1.3)))
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)


def backbone_of(model: torch.nn.Module, *, name: str, side: int) -> Backbone:
    """A model as a backbone on the CPU, for square pictures."""
    open_clip.factory.set_model_preprocess_cfg(
        model, {**vars(open_clip.transform.PreprocessCfg()), "size": side}
    )
    tokenize = open_clip.tokenizer.SimpleTokenizer(context_length=16)
    return Backbone(ModelChoice(name), LoadedModel(model, tokenize), torch.device("cpu"))
