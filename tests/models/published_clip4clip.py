"""A checkpoint in CLIP4Clip's published layout with random weights, and its formulas.

The keys are written by hand and the formulas in plain functional torch, in double precision:
nothing of the program under test is used.
"""

import json
from pathlib import Path

import open_clip
import torch
from torch.nn import functional as F

ARCHITECTURE = "tiny-published-quickgelu"
WIDTH, PATCH, IMAGE, LAYERS, HEAD_BLOCKS = 128, 16, 32, 2, 3
CONTEXT, VOCABULARY = 77, 49408
HEADS = ("meanP", "seqLSTM", "seqTransf", "tightTransf")

State = dict[str, torch.Tensor]


def register_architecture(folder: Path) -> None:
    """Tell open_clip of the tiny architecture, as if it were one of its own."""
    config = {
        "embed_dim": WIDTH,
        "quick_gelu": True,
        "vision_cfg": {"image_size": IMAGE, "layers": LAYERS, "width": WIDTH, "patch_size": PATCH},
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": VOCABULARY,
            "width": WIDTH,
            "heads": WIDTH // 64,
            "layers": LAYERS,
        },
    }
    file = folder / f"{ARCHITECTURE}.json"
    file.write_text(json.dumps(config))
    open_clip.add_model_config(file)


def published_state(head: str, *, patches_3d: bool = False) -> State:
    """The flat state dict that a training run of this head saves."""
    torch.manual_seed(HEADS.index(head))
    state = _clip_state()
    if patches_3d:
        state["clip.visual.conv2.weight"] = 0.05 * torch.randn(WIDTH, 3, 3, PATCH, PATCH)
    if head in ("seqLSTM", "seqTransf"):
        state["frame_position_embeddings.weight"] = torch.randn(77, WIDTH)
    if head == "seqLSTM":
        for name in ("weight_ih_l0", "weight_hh_l0"):
            state[f"lstm_visual.{name}"] = 0.1 * torch.randn(4 * WIDTH, WIDTH)
        for name in ("bias_ih_l0", "bias_hh_l0"):
            state[f"lstm_visual.{name}"] = 0.1 * torch.randn(4 * WIDTH)
    if head == "seqTransf":
        state |= blocks("transformerClip.resblocks.", HEAD_BLOCKS)
    if head == "tightTransf":
        state["cross.embeddings.position_embeddings.weight"] = torch.randn(77, WIDTH)
        state |= blocks("cross.transformer.resblocks.", HEAD_BLOCKS)
        state |= _norm("cross.pooler.ln_pool.") | linear("cross.pooler.dense.", WIDTH, WIDTH)
        state |= linear("similarity_dense.", WIDTH, 1)
    return state


def _clip_state() -> State:
    cells = (IMAGE // PATCH) ** 2
    state = {
        "clip.positional_embedding": 0.1 * torch.randn(CONTEXT, WIDTH),
        "clip.text_projection": 0.3 * torch.randn(WIDTH, WIDTH),
        "clip.logit_scale": torch.tensor(4.2),
        "clip.token_embedding.weight": 0.3 * torch.randn(VOCABULARY, WIDTH),
        "clip.visual.class_embedding": torch.randn(WIDTH),
        "clip.visual.positional_embedding": 0.3 * torch.randn(cells + 1, WIDTH),
        "clip.visual.proj": 0.3 * torch.randn(WIDTH, WIDTH),
        "clip.visual.conv1.weight": 0.05 * torch.randn(WIDTH, 3, PATCH, PATCH),
    }
    state |= _norm("clip.visual.ln_pre.") | _norm("clip.visual.ln_post.") | _norm("clip.ln_final.")
    state |= blocks("clip.visual.transformer.resblocks.", LAYERS)
    state |= blocks("clip.transformer.resblocks.", LAYERS)
    # The published files hold CLIP's matrices in half precision.
    return {key: value.half() if value.ndim > 1 else value for key, value in state.items()}


def blocks(prefix: str, count: int) -> State:
    state: State = {}
    for i in range(count):
        block = f"{prefix}{i}."
        state |= _norm(f"{block}ln_1.") | _norm(f"{block}ln_2.")
        state[f"{block}attn.in_proj_weight"] = 0.15 * torch.randn(3 * WIDTH, WIDTH)
        state[f"{block}attn.in_proj_bias"] = 0.1 * torch.randn(3 * WIDTH)
        state |= linear(f"{block}attn.out_proj.", WIDTH, WIDTH)
        state |= linear(f"{block}mlp.c_fc.", WIDTH, 4 * WIDTH)
        state |= linear(f"{block}mlp.c_proj.", 4 * WIDTH, WIDTH)
    return state


def _norm(prefix: str) -> State:
    return {
        f"{prefix}weight": 1 + 0.1 * torch.randn(WIDTH),
        f"{prefix}bias": 0.1 * torch.randn(WIDTH),
    }


def linear(prefix: str, inputs: int, outputs: int) -> State:
    return {
        f"{prefix}weight": torch.randn(outputs, inputs) / inputs**0.5,
        f"{prefix}bias": 0.1 * torch.randn(outputs),
    }


def logits(
    state: State, head: str, token_ids: torch.Tensor, pixels: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Scores of texts (T, 77) and videos (V, F, 3, h, w) with a mask (V, F): (T, V), float64."""
    state = {key: value.double() for key, value in state.items()}
    texts = embed_texts(state, token_ids)
    frames = embed_frames(state, pixels.double(), mask)
    if head == "tightTransf":
        return _tight_scores(state, texts, frames, mask)
    fused = {"meanP": _unchanged, "seqLSTM": _lstm, "seqTransf": _transformer}[head]
    unit = F.normalize(fused(state, frames, mask), dim=-1)
    weights = mask.double().unsqueeze(-1)
    videos = F.normalize((unit * weights).sum(dim=1) / weights.sum(dim=1), dim=-1)
    return state["clip.logit_scale"].exp() * F.normalize(texts, dim=-1) @ videos.T


def embed_texts(state: State, token_ids: torch.Tensor) -> torch.Tensor:
    """(T, 77) token ids → (T, D)."""
    hidden = state["clip.token_embedding.weight"][token_ids] + state["clip.positional_embedding"]
    causal = torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).tril()
    for i in range(LAYERS):
        hidden = _block(state, f"clip.transformer.resblocks.{i}.", hidden, causal, 1e-5)
    last = hidden[torch.arange(len(hidden)), token_ids.argmax(dim=-1)]
    return _apply_norm(state, "clip.ln_final.", last, 1e-5) @ state["clip.text_projection"]


def embed_frames(state: State, pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(V, F, 3, h, w) pixels → (V, F, D)."""
    pixels = pixels * mask[:, :, None, None, None]
    videos, frames = mask.shape
    hidden = _patches(state, pixels).flatten(0, 1).flatten(2).transpose(1, 2)
    first = state["clip.visual.class_embedding"].expand(len(hidden), 1, WIDTH)
    hidden = torch.cat([first, hidden], dim=1) + state["clip.visual.positional_embedding"]
    hidden = _apply_norm(state, "clip.visual.ln_pre.", hidden, 1e-5)
    everything = torch.ones(hidden.shape[1], hidden.shape[1], dtype=torch.bool)
    for i in range(LAYERS):
        hidden = _block(state, f"clip.visual.transformer.resblocks.{i}.", hidden, everything, 1e-5)
    first = _apply_norm(state, "clip.visual.ln_post.", hidden[:, 0], 1e-5)
    return (first @ state["clip.visual.proj"]).unflatten(0, (videos, frames))


def _patches(state: State, pixels: torch.Tensor) -> torch.Tensor:
    """(V, F, 3, h, w) → (V, F, D, rows, columns); in 3D the sum over a frame and its neighbours."""

    def projected(kernel: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        flat = F.conv2d(frames.flatten(0, 1), kernel, stride=PATCH)
        return flat.unflatten(0, frames.shape[:2])

    kernel = state.get("clip.visual.conv2.weight")
    if kernel is None:
        return projected(state["clip.visual.conv1.weight"], pixels)
    nothing = torch.zeros_like(pixels[:, :1])
    before = torch.cat([nothing, pixels[:, :-1]], dim=1)
    after = torch.cat([pixels[:, 1:], nothing], dim=1)
    return sum(projected(kernel[:, :, t], x) for t, x in enumerate((before, pixels, after)))


def _unchanged(state: State, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return frames


def _lstm(state: State, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    hidden, cell = torch.zeros(2, len(frames), WIDTH, dtype=torch.float64)
    outputs = []
    for frame in frames.unbind(dim=1):
        gates = (
            frame @ state["lstm_visual.weight_ih_l0"].T
            + hidden @ state["lstm_visual.weight_hh_l0"].T
            + state["lstm_visual.bias_ih_l0"]
            + state["lstm_visual.bias_hh_l0"]
        )
        enter, forget, new, leave = gates.chunk(4, dim=-1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        outputs.append(hidden)
    return torch.stack(outputs, dim=1) + frames


def _transformer(state: State, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    hidden = frames + state["frame_position_embeddings.weight"][: frames.shape[1]]
    for i in range(HEAD_BLOCKS):
        hidden = _block(state, f"transformerClip.resblocks.{i}.", hidden, mask[:, None, :], 1e-12)
    return hidden + frames


def _tight_scores(
    state: State, texts: torch.Tensor, frames: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    rows = []
    for text in texts:
        first = text.expand(len(frames), 1, WIDTH)
        hidden = torch.cat([first, frames], dim=1)
        table = state["cross.embeddings.position_embeddings.weight"]
        hidden = hidden + table[: hidden.shape[1]]
        keys = torch.cat([torch.ones(len(mask), 1, dtype=torch.bool), mask], dim=1)[:, None, :]
        for i in range(HEAD_BLOCKS):
            hidden = _block(state, f"cross.transformer.resblocks.{i}.", hidden, keys, 1e-12)
        pooled = _apply_norm(state, "cross.pooler.ln_pool.", hidden, 1e-12)[:, 0]
        pooled = _quick_gelu(_apply_linear(state, "cross.pooler.dense.", pooled))
        rows.append(_apply_linear(state, "similarity_dense.", pooled).squeeze(-1))
    return torch.stack(rows)


def _block(
    state: State, prefix: str, hidden: torch.Tensor, allowed: torch.Tensor, epsilon: float
) -> torch.Tensor:
    """One CLIP block; `allowed` broadcasts to (batch, queries, keys)."""
    normed = _apply_norm(state, f"{prefix}ln_1.", hidden, epsilon)
    weight, bias = (state[f"{prefix}attn.in_proj_{name}"] for name in ("weight", "bias"))
    query, key, value = (normed @ weight.T + bias).split(WIDTH, dim=-1)
    mixed = []
    for head in range(WIDTH // 64):
        part = slice(64 * head, 64 * head + 64)
        scores = query[..., part] @ key[..., part].transpose(1, 2) / 8
        shares = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)
        mixed.append(shares @ value[..., part])
    hidden = hidden + _apply_linear(state, f"{prefix}attn.out_proj.", torch.cat(mixed, dim=-1))
    normed = _apply_norm(state, f"{prefix}ln_2.", hidden, epsilon)
    inner = _quick_gelu(_apply_linear(state, f"{prefix}mlp.c_fc.", normed))
    return hidden + _apply_linear(state, f"{prefix}mlp.c_proj.", inner)


def _apply_norm(state: State, prefix: str, hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
    centred = hidden - hidden.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    unit = centred / (variance + epsilon).sqrt()
    return unit * state[f"{prefix}weight"] + state[f"{prefix}bias"]


def _apply_linear(state: State, prefix: str, hidden: torch.Tensor) -> torch.Tensor:
    return hidden @ state[f"{prefix}weight"].T + state[f"{prefix}bias"]


def _quick_gelu(values: torch.Tensor) -> torch.Tensor:
    return values * torch.sigmoid(1.702 * values)
