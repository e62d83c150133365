"""Token ids without torch are those of open_clip's tokenizers, for any text."""

import random

import numpy as np
import pytest
from open_clip.tokenizer import SimpleTokenizer

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


def test_tokenizers_of_other_kinds_stay_with_their_libraries():
    for other in (SimpleTokenizer(reduction_mask="simple"), lambda texts: texts):
        with pytest.raises(NotKeepable, match="a tokenizer of the kind"):
            kept_tokenizer(other)
