"""Backbones with random weights of each kind that a picture tower can be made of."""

from typing import Any

import open_clip
import timm
import torch
from open_clip.model import CLIPTextCfg, CLIPVisionCfg

from models.clip.backbone import Backbone
from models.clip.sources import LoadedModel
from models.identity import ModelChoice
from models.imagenet.joint import PictureTower as ClassifyingTower

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
    return Backbone.in_torch(ModelChoice(name), LoadedModel(model, tokenize), torch.device("cpu"))


_TIMM = {"image_size": 64, "timm_pool": "", "timm_proj": "linear"}
# What is neither CLIP's ResNet nor its ViT: how it is built and at which side.
OTHERS: dict[str, dict[str, Any]] = {
    "attention pool": {
        "image_size": 64, "timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear",
    },
    "class token": {**_TIMM, "timm_model_name": "test_vit", "timm_pool": "token"},
    "convnext": {**_TIMM, "timm_model_name": "test_convnext"},
    "fastvit": {**_TIMM, "timm_model_name": "fastvit_t8"},
    "coca": {**VIT, "attentional_pool": True, "attn_pooler_queries": 4, "attn_pooler_heads": 4,
             "output_tokens": True},
    "custom blocks": {**VIT, "block_type": "custom", "qk_norm": True},
}  # fmt: skip


def other_backbone(kind: str) -> Backbone:
    """One of OTHERS, "swin", or "classifier": for pictures of 64 pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        vision = CLIPVisionCfg(**OTHERS.get(kind, VIT))
        model = open_clip.CLIP(24, vision, CLIPTextCfg(**_TEXT)).eval()
        if hasattr(model.visual, "set_input_size"):
            model.visual.set_input_size(64)
        if kind == "swin":
            model.visual = _small_swin()
        if kind == "classifier":
            classifier = timm.create_model("test_efficientnet", num_classes=12)
            model.visual = ClassifyingTower(classifier, torch.eye(12))
        enliven(model.visual.eval())
    model.output_tokens = False
    return backbone_of(model, name=f"small {kind}", side=64)


def enliven(visual: torch.nn.Module, side: int = 64) -> None:
    """Weights with which each place matters; timm's first ones hardly let a picture through."""
    for name, parameter in visual.named_parameters():
        if parameter.ndim == 2 or "pos_embed" in name or "latent" in name:
            torch.nn.init.normal_(parameter, std=max(parameter.shape[-1], 16) ** -0.5)
        if name.endswith("gamma"):
            torch.nn.init.constant_(parameter, 0.3)
        if parameter.ndim == 4 and "pos_embed" not in name:
            torch.nn.init.kaiming_normal_(parameter)
    norms = [m for m in visual.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if norms:  # as after training, nothing grows from layer to layer
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            visual.train()(torch.randn(4, 3, side, side))
        visual.eval()


def _small_swin() -> torch.nn.Module:
    """timm's Swin, whose stages give channels last, with an embedding of 24 channels."""
    return timm.models.SwinTransformer(
        img_size=64, embed_dim=16, depths=(1, 1, 2, 1), num_heads=(1, 2, 2, 4), window_size=4,
        num_classes=24,
    )  # fmt: skip
