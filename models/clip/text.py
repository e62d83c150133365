"""Token ids to embeddings in PyTorch, running each batch only as far as its longest text."""

from typing import Any

import torch


def can_shorten(model: Any) -> bool:
    """True for a causal text tower whose embedding is read at the end-of-text token.

    In a causal tower a position sees only those before it, so what follows that token cannot
    change the embedding and can be cut off. Other towers run at full length.
    """
    tower = _tower(model)
    return (
        getattr(tower, "attn_mask", None) is not None
        and getattr(tower, "cls_emb", None) is None
        and _pooling(tower) in ("argmax", "eos")
    )


def encode_tokens(model: Any, token_ids: torch.Tensor) -> torch.Tensor:
    """Embeddings of (texts, context) token ids, (texts, dim), not normalised."""
    shortened = token_ids[:, : int(lengths_of(model, token_ids).max())]
    if can_shorten(model):
        return _encode_shortened(model, shortened)
    embeddings: torch.Tensor = model.encode_text(shortened)
    return embeddings


def lengths_of(model: Any, token_ids: torch.Tensor) -> torch.Tensor:
    """How many ids of each text matter, (texts,): those up to its end, or all (see `cut_of`)."""
    if can_shorten(model):
        return _end_of_text(_tower(model), token_ids) + 1
    padding = _padding(model)
    if padding is not None:
        return (token_ids != padding).sum(dim=1).clamp(min=1)
    return torch.full((len(token_ids),), token_ids.shape[1])


def _encode_shortened(model: Any, token_ids: torch.Tensor) -> torch.Tensor:
    """The same of ids that are cut after the batch's last end of text, for a causal tower."""
    tower = _tower(model)
    length = token_ids.shape[1]
    hidden = tower.token_embedding(token_ids) + tower.positional_embedding[:length]
    hidden = hidden.to(tower.transformer.get_cast_dtype())
    hidden = tower.transformer(hidden, attn_mask=tower.attn_mask[:length, :length])
    end = _end_of_text(tower, token_ids)
    pooled = hidden[torch.arange(token_ids.shape[0], device=end.device), end]
    return _project(tower, tower.ln_final(pooled))


def encode_forest(
    model: Any,
    token_ids: torch.Tensor,
    positions: torch.Tensor,
    mask: torch.Tensor,
    ends: torch.Tensor,
) -> torch.Tensor:
    """The same of texts whose common beginnings stand once, for a causal tower, (texts, dim).

    Arguments as in `models.clip.engines.text_batches.Forest`.
    """
    tower = _tower(model)
    hidden = tower.token_embedding(token_ids) + tower.positional_embedding[positions]
    hidden = hidden.to(tower.transformer.get_cast_dtype())
    hidden = tower.transformer(hidden[None], attn_mask=mask)[0]
    return _project(tower, tower.ln_final(hidden[ends]))


def cut_of(model: Any) -> dict[str, int] | None:
    """By what the end of a text is found, after which ids can be cut off; None if by nothing.

    {} for the highest id, {"end": id} for the first end-of-text token, {"padding": id} for all
    that is no padding, where padding is masked and so changes nothing.
    """
    padding = _padding(model)
    if padding is not None:
        return {"padding": padding}
    if not can_shorten(model):
        return None
    tower = _tower(model)
    return {} if _pooling(tower) == "argmax" else {"end": _eos(tower)}


def _padding(model: Any) -> int | None:
    """The id of padding that a model masks, None where padding is read like any token.

    open_clip's adapter of Hugging Face's text models masks it, and so does a model that says so by
    its `padding_id`. Towers that see all positions and mask nothing (MobileCLIP, SigLIP, CLIPA)
    were trained with their padding, and give something else without it.
    """
    padding = getattr(model, "padding_id", None)
    if padding is None and type(_tower(model)).__name__ == "HFTextEncoder":
        padding = _tower(model).config.pad_token_id
    return None if padding is None else int(padding)


def _tower(model: Any) -> Any:
    # open_clip's CLIP class carries its text tower's attributes itself, under longer names.
    return getattr(model, "text", model)


def _pooling(tower: Any) -> str | None:
    return getattr(tower, "text_pool_type", getattr(tower, "pool_type", None))


def _eos(tower: Any) -> int:
    return int(getattr(tower, "text_eos_id", None) or tower.eos_id)


def _end_of_text(tower: Any, token_ids: torch.Tensor) -> torch.Tensor:
    if _pooling(tower) == "argmax":
        return token_ids.argmax(dim=1)
    return torch.eq(token_ids, _eos(tower)).int().argmax(dim=1)


def _project(tower: Any, pooled: torch.Tensor) -> torch.Tensor:
    projection = tower.text_projection
    if projection is None:
        return pooled
    if isinstance(projection, torch.nn.Linear):
        return projection(pooled)
    return pooled @ projection
