"""The heads' formulas written down once more, step by step and video by video, to compare with.

Weights come as a state dict; nothing of the package is used. Masks are additive as in the paper's
own experiments, the LSTM runs gate by gate over the valid frames only.
"""

import math

import torch

Weights = dict[str, torch.Tensor]


def unit(vector: torch.Tensor) -> torch.Tensor:
    return vector / vector.pow(2).sum(-1, keepdim=True).sqrt()


def loose(
    name: str, weights: Weights, frames: torch.Tensor, mask: torch.Tensor, *, heads: int
) -> torch.Tensor:
    temporal = {
        "meanP": lambda: torch.zeros_like(frames),
        "seqLSTM": lambda: lstm(weights, frames, mask),
        "seqTransf": lambda: placed_blocks(weights, frames, mask, heads),
    }[name]()
    return mean_direction(unit(temporal + frames), mask)


def action(
    name: str, weights: Weights, frames: torch.Tensor, mask: torch.Tensor, *, heads: int
) -> torch.Tensor:
    if name == "Transf_cls":
        return unit(gathered(weights, frames, mask, heads))
    temporal = {
        "MeanP": lambda: torch.zeros_like(frames),
        "Conv1D": lambda: convolution(weights, frames, mask),
        "LSTM": lambda: lstm(weights, frames, mask),
        "Transf": lambda: placed_blocks(weights, frames, mask, heads),
    }[name]()
    return mean_direction(temporal + frames, mask)


def mean_direction(frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    counted = mask.to(frames.dtype).unsqueeze(-1)
    return unit((frames * counted).sum(1) / counted.sum(1).clamp(min=1))


def placed_blocks(
    weights: Weights, frames: torch.Tensor, mask: torch.Tensor, heads: int
) -> torch.Tensor:
    placed = frames + weights["transformer.positions"][: frames.shape[1]]
    return blocks(weights, placed, mask, heads)


def convolution(weights: Weights, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Each channel of a valid frame from itself, the valid frame before, and the one after."""
    kernel = weights["convolution.weight"]
    mixed = torch.zeros_like(frames)
    for video, valid in enumerate(mask):
        slots = valid.nonzero().flatten().tolist()
        for number, slot in enumerate(slots):
            for step in (-1, 0, 1):
                if 0 <= number + step < len(slots):
                    beside = frames[video, slots[number + step]]
                    mixed[video, slot] += kernel[:, 0, step + 1] * beside
    return mixed


def gathered(
    weights: Weights, frames: torch.Tensor, mask: torch.Tensor, heads: int
) -> torch.Tensor:
    """The class token after post-norm layers and a last norm, (videos, dim)."""
    positions = weights["positions"]
    token = (weights["class_token"] + positions[0]).expand(len(frames), 1, -1)
    x = torch.cat([token, frames + positions[1 : frames.shape[1] + 1]], dim=1)
    keys = torch.cat([torch.ones(len(mask), 1, dtype=torch.bool), mask], dim=1)
    number = 0
    while f"layers.{number}.norm1.weight" in weights:
        prefix = f"layers.{number}."
        own = {
            key.removeprefix(prefix).replace("self_attn.", "attn."): value
            for key, value in weights.items()
        }
        x = x + attention(own, x, keys, heads)
        x = layer_norm(x, own["norm1.weight"], own["norm1.bias"], 1e-5)
        inner = (x @ own["linear1.weight"].T + own["linear1.bias"]).clamp(min=0)
        x = x + inner @ own["linear2.weight"].T + own["linear2.bias"]
        x = layer_norm(x, own["norm2.weight"], own["norm2.bias"], 1e-5)
        number += 1
    return layer_norm(x[:, 0], weights["norm.weight"], weights["norm.bias"], 1e-5)


def lstm(weights: Weights, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    states = torch.zeros_like(frames)
    for video, valid in enumerate(mask):
        hidden = cell = torch.zeros(frames.shape[-1], dtype=frames.dtype)
        for slot in valid.nonzero().flatten().tolist():
            gates = (
                weights["lstm.weight_ih_l0"] @ frames[video, slot]
                + weights["lstm.bias_ih_l0"]
                + weights["lstm.weight_hh_l0"] @ hidden
                + weights["lstm.bias_hh_l0"]
            )
            enter, forget, new, leave = gates.chunk(4)
            cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
            hidden = leave.sigmoid() * cell.tanh()
            states[video, slot] = hidden
    return states


def tight_transf(
    weights: Weights, texts: torch.Tensor, frames: torch.Tensor, mask: torch.Tensor, *, heads: int
) -> torch.Tensor:
    scores = torch.empty(len(texts), len(frames), dtype=frames.dtype)
    for row, text in enumerate(texts):
        for column, clip in enumerate(frames):
            sequence = torch.cat([text[None], clip])
            placed = sequence + weights["transformer.positions"][: len(sequence)]
            keys = torch.cat([torch.ones(1, dtype=torch.bool), mask[column]])
            last = blocks(weights, placed[None], keys[None], heads)[0]
            normal = layer_norm(last, weights["norm.weight"], weights["norm.bias"])[0]
            pooled = quick_gelu(weights["dense.weight"] @ normal + weights["dense.bias"])
            scores[row, column] = (weights["score.weight"] @ pooled + weights["score.bias"])[0]
    return scores


def blocks(weights: Weights, x: torch.Tensor, mask: torch.Tensor, heads: int) -> torch.Tensor:
    number = 0
    while f"transformer.blocks.{number}.ln_1.weight" in weights:
        prefix = f"transformer.blocks.{number}."
        own = {key.removeprefix(prefix): value for key, value in weights.items()}
        x = x + attention(own, layer_norm(x, own["ln_1.weight"], own["ln_1.bias"]), mask, heads)
        inner = layer_norm(x, own["ln_2.weight"], own["ln_2.bias"])
        inner = quick_gelu(inner @ own["mlp.c_fc.weight"].T + own["mlp.c_fc.bias"])
        x = x + inner @ own["mlp.c_proj.weight"].T + own["mlp.c_proj.bias"]
        number += 1
    return x


def attention(own: Weights, x: torch.Tensor, mask: torch.Tensor, heads: int) -> torch.Tensor:
    query, key, value = (x @ own["attn.in_proj_weight"].T + own["attn.in_proj_bias"]).chunk(3, -1)
    size = x.shape[-1] // heads
    mixed = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        logits = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(size)
        logits = logits - 1e6 * (1 - mask.to(x.dtype))[:, None, :]
        mixed.append(logits.softmax(-1) @ value[..., part])
    return torch.cat(mixed, -1) @ own["attn.out_proj.weight"].T + own["attn.out_proj.bias"]


def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, epsilon: float = 1e-12
) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True) + epsilon).sqrt() * weight + bias


def quick_gelu(x: torch.Tensor) -> torch.Tensor:
    return x / (1 + torch.exp(-1.702 * x))
