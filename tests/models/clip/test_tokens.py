"""Token ids without torch are those of open_clip's tokenizers, for any text."""

import json
import random
from typing import Any

import numpy as np
import pytest
import tokenizers
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from transformers import PreTrainedTokenizerFast

from models.clip.tokens import NotKeepable, kept_tokenizer, tokenizer_from
from models.imagenet.sentences import load_tokenizer

ODD_PARTS = [
    *("<start_of_text>", "<END_OF_TEXT>", "<end_of_text>", "'s", "'LL", "&amp;", "&lt;b&gt;", "&"),
    *(
        "!",
        "??",
        " ",
        "\n",
        "\t",
        "\x07",
        "\u3000",
        "\u200b",
        "\u00ad",
        "İ",
        "ß",
        "ﬁ",
        "é",
        "e\u0301",
    ),
    *("中", "한", "ا", "١", "½", "²", "😀", "👩‍👩‍👧", "schÃ¶n", "\x1b[31m", "_", "A", "a" * 40),
]


def odd_text(rng: random.Random) -> str:
    count = rng.choice([0, 1, 3, 10, 40, 120])
    kind = rng.randrange(4)
    if kind == 0:  # any letters that there are, but for halves of pairs
        ranges = [(32, 0x250), (0x20, 0xD800), (0xE000, 0x110000)]
        return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(count))
    if kind == 1:
        return "".join(rng.choice(ODD_PARTS) for _ in range(count))
    letters = "abcdefghijklmnopqrstuvwxyz'-.,0123456789&"
    words = ("".join(rng.choices(letters, k=rng.randrange(1, 12))) for _ in range(count))
    return " ".join(words if kind == 2 else (word.title() for word in words))


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
@pytest.mark.parametrize("context", [77, 16])
def test_any_text_is_read_as_open_clip_reads_it(clean, context):
    theirs = SimpleTokenizer(clean=clean, context_length=context)
    ours = tokenizer_from(kept_tokenizer(theirs))
    rng = random.Random(f"{clean} {context}")
    texts = [odd_text(rng) for _ in range(700)]
    wrong = [
        text
        for text, one, other in zip(texts, ours(texts), theirs(texts).numpy(), strict=True)
        if not np.array_equal(one, other)
    ]
    assert wrong == []


def test_what_is_too_long_is_cut_before_its_end():
    tokenize = tokenizer_from(kept_tokenizer(SimpleTokenizer(context_length=5)))
    assert tokenize(["a dog", "a dog on a sofa"]).tolist() == [
        [49406, 320, 1929, 49407, 0],
        [49406, 320, 1929, 525, 49407],
    ]
    assert tokenize(["a dog"], context_length=3).tolist() == [[49406, 320, 49407]]
    assert tokenize([]).shape == (0, 5)


def test_a_sentence_encoders_tokenizer_is_kept_too():
    theirs = load_tokenizer()
    ours = tokenizer_from(kept_tokenizer(theirs))
    texts = ["", "a dog", "Über den Wolken, 3 times!", "word " * 200]
    assert np.array_equal(ours(texts), theirs(texts).numpy())
    assert ours(texts).shape == (4, 128)


def _byte_level() -> Any:
    """One that reads any text, byte by byte, and joins some pairs; as large models have it."""
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

    made = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    made.train_from_iterator(["a dog on the beach with two people", *ODD_PARTS], trainer)
    made.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    return made


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("clean", ["whitespace", "canonicalize"])
@pytest.mark.parametrize("without_separators", [False, True])
def test_a_hugging_face_tokenizer_reads_the_same_without_its_library(
    side, clean, without_separators, tmp_path
):
    PreTrainedTokenizerFast(
        tokenizer_object=_byte_level(), pad_token="<pad>", eos_token="<eos>", unk_token="<unk>",
        sep_token="<eos>", padding_side=side, truncation_side=side,
    ).save_pretrained(tmp_path)  # fmt: skip
    theirs = HFTokenizer(
        str(tmp_path), context_length=24, clean=clean, strip_sep_token=without_separators
    )
    ours = tokenizer_from(json.loads(json.dumps(kept_tokenizer(theirs))))
    rng = random.Random(f"{side} {clean}")
    texts = [odd_text(rng) for _ in range(300)]
    for context in (None, 24, 7):
        assert np.array_equal(ours(texts, context), theirs(texts, context).numpy())
    assert ours([]).shape == (0, 24)


def test_tokenizers_of_other_kinds_stay_with_their_libraries():
    for other in (SimpleTokenizer(reduction_mask="simple"), lambda texts: texts):
        with pytest.raises(NotKeepable, match="a tokenizer of the kind"):
            kept_tokenizer(other)
