"""CLIP's vision transformer written down once more, video by video, with Shift and with Joint.

Weights come as the state dict of a picture tower in double precision.
"""

import torch

from tests.models.head_formulas import Weights, attention, layer_norm, quick_gelu

EPSILON = 1e-5


def frame_embeddings(
    weights: Weights, frames: torch.Tensor, *, heads: int, channels: int = 0, placement: str = ""
) -> torch.Tensor:
    """Of the frames of one video, (frames, 3, h, w) → (frames, dim)."""
    x = torch.stack([tokens(weights, frame) for frame in frames])
    x = layer_norm(x, weights["ln_pre.weight"], weights["ln_pre.bias"], EPSILON)
    for own in blocks(weights):
        moved = shifted(x, channels)
        x = moved if placement == "residual" else x
        x = block(own, x, moved, heads)
    return project(weights, x[:, 0])


def joint_embedding(
    weights: Weights, frames: torch.Tensor, table: torch.Tensor, *, heads: int
) -> torch.Tensor:
    """Of one video, (dim,): a class token for each frame, all of them alike, and all patches."""
    first = weights["class_embedding"] + weights["positional_embedding"][0]
    patches = [tokens(weights, frame)[1:] + table[time] for time, frame in enumerate(frames)]
    x = torch.cat([first.expand(len(frames), -1), *patches])[None]
    x = layer_norm(x, weights["ln_pre.weight"], weights["ln_pre.bias"], EPSILON)
    for own in blocks(weights):
        x = block(own, x, x, heads)
    return project(weights, x[0, 0])


def tokens(weights: Weights, frame: torch.Tensor) -> torch.Tensor:
    """The class token and the patches of a picture, row by row, with their places."""
    kernel = weights["conv1.weight"]
    size = kernel.shape[-1]
    corners = [
        (y, x) for y in range(0, frame.shape[1], size) for x in range(0, frame.shape[2], size)
    ]
    cut = [frame[:, y : y + size, x : x + size] for y, x in corners]
    patches = [(kernel * part).sum((1, 2, 3)) for part in cut]
    return torch.stack([weights["class_embedding"], *patches]) + weights["positional_embedding"]


def shifted(x: torch.Tensor, channels: int) -> torch.Tensor:
    """(frames, tokens, width): from the frame after, from the one before, and the rest."""
    if len(x) == 1:
        return x
    result = x.clone()
    for time in range(len(x)):
        after = x[time + 1] if time + 1 < len(x) else torch.zeros_like(x[0])
        before = x[time - 1] if time > 0 else torch.zeros_like(x[0])
        result[time, 1:, :channels] = after[1:, :channels]
        result[time, 1:, channels : 2 * channels] = before[1:, channels : 2 * channels]
    return result


def blocks(weights: Weights) -> list[Weights]:
    count = 1 + max(int(key.split(".")[2]) for key in weights if "resblocks" in key)
    prefixes = [f"transformer.resblocks.{number}." for number in range(count)]
    return [
        {key.removeprefix(prefix): value for key, value in weights.items() if prefix in key}
        for prefix in prefixes
    ]


def block(own: Weights, x: torch.Tensor, attended: torch.Tensor, heads: int) -> torch.Tensor:
    everything = torch.ones(x.shape[:2], dtype=torch.bool)
    normal = layer_norm(attended, own["ln_1.weight"], own["ln_1.bias"], EPSILON)
    x = x + attention(own, normal, everything, heads)
    inner = layer_norm(x, own["ln_2.weight"], own["ln_2.bias"], EPSILON)
    inner = quick_gelu(inner @ own["mlp.c_fc.weight"].T + own["mlp.c_fc.bias"])
    return x + inner @ own["mlp.c_proj.weight"].T + own["mlp.c_proj.bias"]


def project(weights: Weights, x: torch.Tensor) -> torch.Tensor:
    return (
        layer_norm(x, weights["ln_post.weight"], weights["ln_post.bias"], EPSILON)
        @ (weights["proj"])
    )
