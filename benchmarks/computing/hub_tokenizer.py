"""A small tokenizer in the place where a hub's lies: no hub is needed to see that a model runs."""

from collections.abc import Sequence
from pathlib import Path

_REVISION = "0" * 40


def put_tokenizer(cache: Path, models: Sequence[str]) -> None:
    """For those of these open_clip models that read words by a tokenizer of the hub."""
    import open_clip

    for model in models:
        text = (open_clip.get_model_config(model) or {}).get("text_cfg", {})
        if repository := text.get("hf_tokenizer_name"):
            place = cache / f"models--{repository.replace('/', '--')}"
            (place / "refs").mkdir(parents=True)
            (place / "refs" / "main").write_text(_REVISION)
            _write(place / "snapshots" / _REVISION)


def _write(folder: Path) -> None:
    """Byte by byte, with an end after each text, as the large ones have it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: number for number, sign in enumerate(["<pad>", "<eos>", *signs])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<eos>"
    ).save_pretrained(folder)
    (folder / "config.json").write_text("{}")
