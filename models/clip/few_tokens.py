"""A transformer over few tokens on a CPU, where reading the weights is nearly the whole cost.

For a dozen rows PyTorch's own matrix product first copies every weight matrix into another
layout; oneDNN's reads it once as it lies. That takes about two fifths off the time of ViT-B-32's
text tower. The results are those of the plain modules but for rounding.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

# Queries are shorter than this. Larger batches stay with PyTorch's own product: which of the two is
# quicker for them depends on the processor, and has not been measured on enough of them.
_FEW = 64


def run_transformer(transformer: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What open_clip's text transformer gives for (texts, tokens, width) under an additive mask."""
    if not _is_served(transformer, hidden):
        result: torch.Tensor = transformer(hidden, attn_mask=mask)
        return result
    for block in transformer.resblocks:
        hidden = hidden + block.ls_1(_attention(block.attn, block.ln_1(hidden), mask))
        hidden = hidden + block.ls_2(_mlp(block.mlp, block.ln_2(hidden)))
    return hidden


def _is_served(transformer: Any, hidden: torch.Tensor) -> bool:
    from open_clip.transformer import ResidualAttentionBlock

    return (
        hidden.device.type == "cpu"
        and hidden.dtype == torch.float32
        and not torch.is_grad_enabled()
        and hidden.shape[0] * hidden.shape[1] <= _FEW
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and all(
            type(block) is ResidualAttentionBlock
            and type(block.attn) is nn.MultiheadAttention
            and block.attn.batch_first
            and block.get_weight_dtype() == torch.float32
            for block in getattr(transformer, "resblocks", [None])
        )
    )


def _linear(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    # The operation that torch.compile puts in the place of a linear layer.
    result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return result


def _attention(attention: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    texts, tokens, width = hidden.shape
    joined = _linear(hidden, attention.in_proj_weight, attention.in_proj_bias)
    split = joined.view(texts, tokens, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = split.unbind(0)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    rows = mixed.transpose(1, 2).reshape(texts, tokens, width)
    return _linear(rows, attention.out_proj.weight, attention.out_proj.bias)


def _mlp(mlp: Any, hidden: torch.Tensor) -> torch.Tensor:
    inner = mlp.gelu(_linear(hidden, mlp.c_fc.weight, mlp.c_fc.bias))
    return _linear(inner, mlp.c_proj.weight, mlp.c_proj.bias)
