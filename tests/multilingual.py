"""A multilingual model as open_clip's own are made: words through a Hugging Face tower. Tiny."""

import json
from pathlib import Path

import open_clip

NAME = "tiny-multilingual"
# Each stands for itself in the tokenizer's vocabulary, whatever its script.
WORDS = ["hund", "strand", "собака", "пляж", "犬", "海", "كلب", "शाम", "dog", "beach", "a", "the"]
_CONTEXT = 16


def make_model(folder: Path) -> None:
    """Write the tower's configuration and tokenizer to a folder, and tell open_clip of the model.

    What open_clip's lists name is a place on a hub; here it is the folder.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    ).save_pretrained(folder)
    XLMRobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=_CONTEXT + 2,
    ).save_pretrained(folder)
    described = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 32,
            "patch_size": 8,
            "head_width": 16,
        },
        "text_cfg": {
            "context_length": _CONTEXT,
            "hf_model_name": str(folder),
            "hf_tokenizer_name": str(folder),
            "hf_pooler_type": "mean_pooler",
        },
    }
    file = folder / f"{NAME}.json"
    file.write_text(json.dumps(described))
    open_clip.add_model_config(file)
