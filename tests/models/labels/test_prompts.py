"""Labels made readable, templates and their files, prompts that are too long."""

from pathlib import Path

import open_clip
import pytest
import torch

from models.labels.prompts import (
    InvalidTemplates,
    PromptTemplates,
    PromptTooLong,
    check_lengths,
    family_of,
    readable_label,
)


@pytest.fixture(scope="module")
def tokenize() -> open_clip.tokenizer.SimpleTokenizer:
    return open_clip.tokenizer.SimpleTokenizer(context_length=16)


@pytest.mark.parametrize(
    ("label", "readable"),
    [
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("Archery", "archery"),
        ("CleanAndJerk", "clean and jerk"),
        ("HandstandPushups", "handstand pushups"),
        ("HulaHoop", "hula hoop"),
        ("TaiChi", "tai chi"),
        ("YoYo", "yo yo"),
        ("flic_flac", "flic flac"),
        ("shoot_ball", "shoot ball"),
        ("Climb_Stairs", "climb stairs"),
        ("shooting goal (soccer)", "shooting goal (soccer)"),
        ("passing American football (in game)", "passing American football (in game)"),
        ("ServeBall(Tennis)", "serve ball (tennis)"),
        ("WatchTV", "watch TV"),
        ("TVShow", "TV show"),
        ("Jump2Times", "jump 2 times"),
        ("3DPrinting", "3d printing"),
        ("push-up", "push-up"),
        ("Pushing [something] from left to right", "Pushing something from left to right"),
        ("einen Ball werfen", "einen Ball werfen"),
        ("  brushing   teeth ", "brushing teeth"),
    ],
)
def test_labels_are_made_readable(label, readable):
    assert readable_label(label) == readable
    assert readable_label(readable) == readable


@pytest.mark.parametrize(
    ("template", "family"),
    [
        ("{}", "bare"),
        ("{}.", "bare"),
        ("a video of {}", "prefix"),
        ("a video of {}.", "prefix"),
        ("{}, filmed at home", "suffix"),
        ("here {} goes on", "cloze"),
    ],
)
def test_the_place_of_the_label_tells_the_family(template, family):
    assert family_of(template) == family


def test_the_default_is_eleven_prefixes_one_cloze_three_suffixes_and_the_label():
    families = [family_of(text) for text in PromptTemplates.default().texts]
    counts = [families.count(name) for name in ("prefix", "cloze", "suffix", "bare")]
    assert counts == [11, 1, 3, 1]


def test_counts_of_each_family_can_be_chosen():
    templates = PromptTemplates(("{}", "see {}", "look at {}", "{} is here", "now {} begins"))
    assert templates.choose(prefix=1, cloze=1, suffix=0, bare=1).texts == (
        "{}",
        "see {}",
        "now {} begins",
    )


def test_more_than_there_are_cannot_be_chosen():
    with pytest.raises(InvalidTemplates, match="1 prompt templates of the kind 'cloze', not 2"):
        PromptTemplates(("{}", "now {} begins")).choose(prefix=0, cloze=2, suffix=0)


def test_prompts_come_template_after_template():
    templates = PromptTemplates(("{}", "a video of {}"))
    assert templates.prompts(["YoYo", "high jump"]) == [
        "yo yo",
        "high jump",
        "a video of yo yo",
        "a video of high jump",
    ]


def test_braces_within_a_label_are_left_alone():
    assert PromptTemplates(("say {}",)).prompts(["a {} b {0}"]) == ["say a {} b {0}"]


def test_templates_of_another_language_come_from_a_file(tmp_path):
    file = tmp_path / "deutsch.txt"
    file.write_text("\ufeff# Vorlagen\n\nein Video über {}\n{}\n", encoding="utf-8")
    assert PromptTemplates.from_file(file).texts == ("ein Video über {}", "{}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}\na video\n", r"line 2 of 'mine\.txt', 'a video', has no \{\}"),
        (b"{} and {}\n", r"line 1 of 'mine\.txt', '\{\} and \{\}', has 2 \{\}, but may have only"),
        (b"a {}\nb {}\na {}\n", r"line 3 of 'mine\.txt', 'a \{\}', stands there twice"),
        (b"# nothing\n\n", r"'mine\.txt' has no prompt template"),
        ("ein {}\nüber {}\n".encode("latin-1"), r"line 2 of 'mine\.txt' is not UTF-8 text"),
    ],
)
def test_a_bad_template_file_is_named_with_its_line(tmp_path, content, message):
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    with pytest.raises(InvalidTemplates, match=message):
        PromptTemplates.from_file(file)


def test_a_missing_template_file_is_named():
    with pytest.raises(InvalidTemplates, match=r"'/no/such\.txt' cannot be read: No such file"):
        PromptTemplates.from_file(Path("/no/such.txt"))


def test_templates_without_a_place_are_refused():
    with pytest.raises(InvalidTemplates, match=r"'a video' has no \{\}"):
        PromptTemplates(("a video",))
    with pytest.raises(InvalidTemplates, match="there are no prompt templates"):
        PromptTemplates(())


def test_equal_templates_have_equal_digests():
    one, other = PromptTemplates(("{}", "see {}")), PromptTemplates(("see {}", "{}"))
    # Runs that go on know their templates by it, so it stays the same from version to version.
    assert one.digest() == "d7ad401c2671417bdf9898dca77964ea" != other.digest()


def test_a_prompt_that_fits_exactly_is_read_to_its_end(tokenize):
    words = " ".join(["run"] * 14)
    assert len(tokenize.encode(words)) == 14  # and two marks make 16
    check_lengths([words, "run"], [words, "run"], tokenize)


def test_a_prompt_one_token_too_long_is_refused_with_its_label(tokenize):
    short, long = "run", " ".join(["run"] * 13)
    templates = PromptTemplates(("{}", "see the {}"))
    with pytest.raises(
        PromptTooLong, match=r"the label 'run run .*the model reads 16 tokens"
    ) as told:
        check_lengths(templates.prompts([short, long]), [short, long], tokenize)
    assert told.value.label == long


def test_only_prompts_that_reach_the_end_are_read_twice(tokenize):
    asked = []

    def noted(texts, **options):
        asked.append((len(texts), options))
        return tokenize(texts, **options)

    words = [" ".join(["run"] * count) for count in (1, 12, 13)]
    check_lengths(words, words, noted)
    assert asked == [(3, {}), (1, {}), (1, {"context_length": 17})]


def test_a_tokenizer_without_end_marks_hides_no_cut():
    def letters(texts, context_length=4):
        return torch.tensor([[*map(ord, text), *[0] * 9][:context_length] for text in texts])

    check_lengths(["abcd"], ["abcd"], letters)
    for cut in ("abcde", "abcdef"):
        with pytest.raises(PromptTooLong):
            check_lengths([cut], [cut], letters)


def test_padding_that_looks_like_the_end_mark_hides_no_cut():
    inner = open_clip.tokenizer.SimpleTokenizer(context_length=16)
    end = inner.eot_token_id

    def padded_with_ends(texts, context_length=None):
        ids = inner(texts, context_length=context_length)
        return ids.masked_fill(ids == 0, end)

    fits, cut = " ".join(["run"] * 14), " ".join(["run"] * 15)
    check_lengths([fits], [fits], padded_with_ends)
    with pytest.raises(PromptTooLong):
        check_lengths([cut], [cut], padded_with_ends)


def test_a_label_is_shown_whole_up_to_sixty_letters(tokenize):
    for letters, shown in ((60, "x" * 60), (61, "x" * 59 + "…")):
        with pytest.raises(PromptTooLong) as raised:
            check_lengths(["y" * 90], ["x" * letters], tokenize)
        assert f"the label {shown!r} is too long" in str(raised.value)


def test_a_label_of_500_words_is_shown_shortened(tokenize):
    label = " ".join(["wandering"] * 500)
    with pytest.raises(PromptTooLong) as raised:
        check_lengths([label], [label], tokenize)
    assert len(str(raised.value)) < 300
