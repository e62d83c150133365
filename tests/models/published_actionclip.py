"""A checkpoint in ActionCLIP's published layout with random weights, and its formulas.

The keys are written by hand; the formulas are those of the other tests, in double precision.
"""

from typing import Any

import torch

from tests.models import head_formulas, vision_formulas
from tests.models.published_clip4clip import LAYERS, WIDTH, State, blocks, linear, published_state

HEADS = ("MeanP", "LSTM", "Transf", "Transf_cls")
FRAMES, HEAD_BLOCKS, FEED_FORWARD = 4, 3, 96
ATTENTION_HEADS = {"Transf": WIDTH // 64, "Transf_cls": 8}
_WRAPPED = [f"visual.transformer.resblocks.{number}." for number in range(LAYERS)]


def published_file(head: str, *, shift: bool = False) -> dict[str, Any]:
    """What a training run of this head saves."""
    clip = published_state("meanP")
    model = {key.removeprefix("clip."): value for key, value in clip.items()}
    if shift:
        for block in _WRAPPED:
            inside = [key for key in model if key.startswith(block)]
            model |= {key.replace(block, f"{block}net."): model.pop(key) for key in inside}
    return {
        "epoch": 49,
        "model_state_dict": model,
        "fusion_model_state_dict": {f"module.{k}": v for k, v in fusion(head).items()},
        "optimizer_state_dict": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 5e-6}]},
    }


def fusion(head: str) -> State:
    """The keys of the head, without the prefix of parallel training."""
    torch.manual_seed(HEADS.index(head))
    if head == "Transf":
        table = {"frame_position_embeddings.weight": torch.randn(77, WIDTH)}
        return table | blocks("transformer.resblocks.", HEAD_BLOCKS)
    if head == "Transf_cls":
        return _class_token_transformer()
    if head == "LSTM":
        shapes = {"weight_ih_l0": WIDTH, "weight_hh_l0": WIDTH, "bias_ih_l0": 0, "bias_hh_l0": 0}
        return {"frame_position_embeddings.weight": torch.randn(77, WIDTH)} | {
            f"lstm_visual.{name}": 0.1 * torch.randn(4 * WIDTH, *([size] if size else []))
            for name, size in shapes.items()
        }
    return {}


def _class_token_transformer() -> State:
    state = {
        "transformer.cls_token": torch.randn(1, 1, WIDTH),
        "transformer.pos_embed": torch.randn(1, FRAMES + 1, WIDTH),
    }
    for number in range(HEAD_BLOCKS):
        layer = f"transformer.transformer_enc.layers.{number}."
        state[f"{layer}self_attn.in_proj_weight"] = 0.15 * torch.randn(3 * WIDTH, WIDTH)
        state[f"{layer}self_attn.in_proj_bias"] = 0.1 * torch.randn(3 * WIDTH)
        state |= linear(f"{layer}self_attn.out_proj.", WIDTH, WIDTH)
        state |= linear(f"{layer}linear1.", WIDTH, FEED_FORWARD)
        state |= linear(f"{layer}linear2.", FEED_FORWARD, WIDTH)
        state |= _norm(f"{layer}norm1.") | _norm(f"{layer}norm2.")
    return state | _norm("transformer.transformer_enc.norm.")


def _norm(prefix: str) -> State:
    return {
        f"{prefix}weight": 1 + 0.3 * torch.randn(WIDTH),
        f"{prefix}bias": 0.3 * torch.randn(WIDTH),
    }


def embed_videos(head: str, pixels: torch.Tensor, *, shift: bool) -> torch.Tensor:
    """Unit embeddings (videos, WIDTH) in double precision; every frame is valid."""
    clip = {key: value.double() for key, value in published_state("meanP").items()}
    visual = {key.removeprefix("clip.visual."): v for key, v in clip.items() if ".visual." in key}
    frames = torch.stack(
        [
            vision_formulas.frame_embeddings(
                visual,
                video.double(),
                heads=WIDTH // 64,
                channels=WIDTH // 8 if shift else 0,
                placement="residual",
            )
            for video in pixels
        ]
    )
    weights = {_formula_name(key): value.double() for key, value in fusion(head).items()}
    if head == "Transf_cls":
        weights["positions"] = weights["positions"][0]
    whole = torch.ones(frames.shape[:2], dtype=torch.bool)
    heads = ATTENTION_HEADS.get(head, 1)
    return head_formulas.action(head, weights, frames, whole, heads=heads)


def _formula_name(key: str) -> str:
    for theirs, ours in (
        ("frame_position_embeddings.weight", "transformer.positions"),
        ("transformer.resblocks.", "transformer.blocks."),
        ("lstm_visual.", "lstm."),
        ("transformer.cls_token", "class_token"),
        ("transformer.pos_embed", "positions"),
        ("transformer.transformer_enc.", ""),
    ):
        if key.startswith(theirs):
            return key.replace(theirs, ours, 1)
    raise AssertionError(key)
