"""A sentence encoder: all-MiniLM-L6-v2, which is BERT with six small layers (Devlin et al., 2019;
Wang et al., 2020), trained to bring sentences of one meaning together (Reimers and Gurevych, 2019).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from models.imagenet.packages import WORDS, sentence_weights
from models.token_ids import fitted

WIDTH = 384
# Sentences are cut after this number of tokens: those that it was trained on had no more.
CONTEXT = 128
_LAYERS, _HEADS, _HIDDEN, _POSITIONS, _TOKENS = 6, 12, 1536, 512, 30_522
PADDING = 0

# How BERT calls the parts of a layer, and how PyTorch does.
_PARTS = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}


class SentenceEncoder(nn.Module):
    """Token ids to unit embeddings of sentences.

    An embedding is the mean over the tokens of what the last layer says of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_TOKENS, WIDTH)
        self.positions = nn.Embedding(_POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            WIDTH, _HEADS, _HIDDEN, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(texts, tokens) ids, filled up with zeros → (texts, WIDTH), unit length."""
        longest = int((token_ids != PADDING).sum(dim=1).max())
        token_ids = token_ids[:, :longest]  # padding changes nothing and takes time
        is_token = token_ids != PADDING
        places = torch.arange(token_ids.shape[1], device=token_ids.device)
        hidden = self.norm(self.words(token_ids) + self.positions(places))
        hidden = self.layers(hidden, src_key_padding_mask=~is_token)
        weight = is_token[..., None].to(hidden.dtype)
        return F.normalize((hidden * weight).sum(dim=1) / weight.sum(dim=1), dim=-1)


def load_sentence_encoder() -> SentenceEncoder:
    """The encoder with its published weights. Raises PackageUnusable."""
    published = sentence_weights()
    encoder = SentenceEncoder()
    encoder.load_state_dict(dict(_renamed(published)))
    return encoder.eval()


def _renamed(published: dict[str, torch.Tensor]) -> Sequence[tuple[str, torch.Tensor]]:
    embeddings = "embeddings"
    # All of a text is the first of BERT's two sentences: that one's mark is added to each position.
    first_sentence = published[f"{embeddings}.token_type_embeddings.weight"][0]
    renamed = [
        ("words.weight", published[f"{embeddings}.word_embeddings.weight"]),
        (
            "positions.weight",
            published[f"{embeddings}.position_embeddings.weight"] + first_sentence,
        ),
        ("norm.weight", published[f"{embeddings}.LayerNorm.weight"]),
        ("norm.bias", published[f"{embeddings}.LayerNorm.bias"]),
    ]
    for number in range(_LAYERS):
        theirs, ours = f"encoder.layer.{number}", f"layers.layers.{number}"
        for kind in ("weight", "bias"):
            query, key, value = (
                published[f"{theirs}.attention.self.{part}.{kind}"]
                for part in ("query", "key", "value")
            )
            renamed.append((f"{ours}.self_attn.in_proj_{kind}", torch.cat([query, key, value])))
            renamed += [
                (f"{ours}.{new}.{kind}", published[f"{theirs}.{old}.{kind}"])
                for old, new in _PARTS.items()
            ]
    return renamed


class SentenceTokenizer:
    """Texts to token ids, in the manner of open_clip's tokenizers."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def kept(self) -> dict[str, Any]:
        """Plain values to make the same tokenizer of, without torch: see models/clip/tokens.py."""
        return {"kind": "sentences", "context": CONTEXT, "words": self._tokenizer.to_str()}

    def __call__(self, texts: str | Sequence[str], context_length: int = CONTEXT) -> torch.Tensor:
        """int64 ids (texts, context_length), zeros after the end; longer texts are cut off."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        read = [one.ids for one in self._tokenizer.encode_batch(texts)]
        return torch.from_numpy(fitted(read, context_length))


def load_tokenizer() -> SentenceTokenizer:
    """The encoder's own tokenizer. Raises PackageUnusable."""
    from tokenizers import Tokenizer  # the package with the sentence encoder asks for it

    return SentenceTokenizer(Tokenizer.from_file(str(WORDS.checked())))
