"""Vocabularies: lists that ship with the program, people's files, and files that cannot be used."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from models.identity import ModelChoice
from models.imagenet.joint import class_texts
from models.labels.prompts import PromptTemplates
from search.tags.vocabulary import BadVocabulary, clean_label, default_name, read_vocabulary


def written(folder: Path, content: bytes) -> str:
    file = folder / "my actions.txt"
    file.write_bytes(content)
    return str(file)


@pytest.mark.parametrize(
    ("name", "count", "label"),
    [
        ("kinetics-400", 400, "abseiling"),
        ("ucf-101", 101, "apply eye makeup"),
        ("hmdb-51", 51, "brush hair"),
        ("imagenet-1k", 998, "tabby cat"),
        ("small-world", 18, "bouncing"),
    ],
)
def test_lists_that_ship_have_all_their_labels(name, count, label):
    words = read_vocabulary(name)
    assert (words.name, len(words.labels), words.file) == (name, count, None)
    assert label in words.labels


def test_the_usual_list_goes_with_the_model():
    assert default_name(ModelChoice("bundled")) == "small-world"
    assert default_name(ModelChoice("ViT-B-32", "openai")) == "kinetics-400"
    assert default_name(ModelChoice("imagenet")) == "imagenet-1k"


def test_the_things_are_the_classes_as_they_are_called_where_their_model_learnt_them(tmp_path):
    words = read_vocabulary("imagenet-1k")
    assert words.names_things
    [sentence] = PromptTemplates.of_things().texts
    # Labels of one word are shown without capitals, which the model's words do not know either.
    asked = [sentence.format(label).lower() for label in words.labels]
    assert asked == [text.lower() for text in dict.fromkeys(class_texts())]
    for other in ("kinetics-400", written(tmp_path, b"imagenet-1k")):
        assert not read_vocabulary(other).names_things


def test_a_file_has_one_label_a_line_and_comments(tmp_path):
    file = written(tmp_path, "\ufeff# mine\r\n\r\n  opening   a bottle \r\nTai_Chi\n\n".encode())
    words = read_vocabulary(file)
    assert words.name == "my actions.txt"
    assert words.labels == ("opening a bottle", "tai chi")
    assert words.file == Path(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "has no labels: write one a line"),
        (b"# nothing\n\n", "has no labels: write one a line"),
        (b"jumping\nfalling\n\njumping\n", r"lines 1 and 4 of .* are the same label 'jumping'"),
        (b"PlayingChess\nplaying chess", r"lines 1 and 2 of .* are the same label"),
        (b"jumping\n\xff\xfe\n", r"line 2 of .* is not UTF-8"),
        ("jumping\n".encode("utf-16"), r"line 1 of .* is not UTF-8"),
        (b"jumping\n" + b"very " * 500 + b"long", r"line 2 of .*: a label has 2504 characters"),
        (b"jumping\nfall\x1b[2Jing", r"line 2 of .* cannot be shown"),
        (
            b"".join(b"label %d\n" % n for n in range(20_000)),
            "more than 10,000 labels, seen at line 10001:",
        ),
        (b"x" * 3_000_000, "too large for a vocabulary: 3,000,000 bytes"),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_name_and_line(tmp_path, content, sentence):
    with pytest.raises(BadVocabulary, match=sentence) as raised:
        read_vocabulary(written(tmp_path, content))
    assert "my actions.txt" in str(raised.value)


def test_what_is_no_file_is_not_read(tmp_path):
    for asked in ("no-such-list", str(tmp_path), "/dev/zero"):
        with pytest.raises(
            BadVocabulary, match=r"there is no vocabulary .* name hmdb-51, imagenet-1k, kinetics"
        ):
            read_vocabulary(asked)


def test_a_file_may_be_as_large_as_all_labels_at_their_longest(tmp_path):
    content = b"jumping\n#" + b"x" * 1_999_991
    assert read_vocabulary(written(tmp_path, content)).labels == ("jumping",)
    with pytest.raises(BadVocabulary, match="2,000,001 bytes, 2,000,000 at most"):
        read_vocabulary(written(tmp_path, content + b"x"))


def test_as_many_labels_as_are_allowed_are_read(tmp_path):
    words = read_vocabulary(written(tmp_path, b"".join(b"label %d\n" % n for n in range(10_000))))
    assert (len(words.labels), words.lines[-1]) == (10_000, 10_000)


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file that is not read")
def test_a_file_that_cannot_be_read_is_one_sentence():
    with pytest.raises(BadVocabulary, match=r"/proc/\d+/mem' cannot be read: "):
        read_vocabulary("/proc/self/mem")


def test_a_label_may_have_two_hundred_characters():
    assert clean_label("a" * 200) == "a" * 200


@pytest.mark.parametrize("text", ["", "  \t", "a" * 201, "bell\a"])
def test_not_every_text_is_a_label(text):
    with pytest.raises(BadVocabulary):
        clean_label(text)


def test_a_label_that_cannot_be_used_is_told_with_its_line_where_that_is_known(tmp_path):
    read = read_vocabulary(written(tmp_path, b"# mine\njumping\nfalling\n"))
    problem = ValueError("it is too long")
    assert re.match(
        r"line 3 of .*my actions\.txt.* it is too long", str(read.unusable("falling", problem))
    )
    # As a library keeps it: with the file's name, and without its lines.
    for words in (replace(read, lines=()), replace(read, file=None)):
        assert str(words.unusable("falling", problem)) == "it is too long"


@pytest.mark.parametrize(
    "content",
    [
        b'id,name\n0,abseiling\n1,air drumming\n2,"cutting, slicing"\n',
        b'id,name\r\n0,abseiling\r\n1,air drumming\r\n2,"cutting, slicing"\r\n',
        b"Name;ID\nabseiling;0\nair drumming;1\ncutting, slicing;2\n",
        b"label_id\tlabel\n7\tabseiling\n3\tair drumming\n5\tcutting, slicing\n",
        b"abseiling\nair drumming\ncutting, slicing\n",
    ],
)
def test_a_table_of_numbers_and_names_is_the_list_of_its_names(tmp_path, content):
    words = read_vocabulary(written(tmp_path, content))
    assert words.labels == ("abseiling", "air drumming", "cutting, slicing")


def test_a_name_in_a_table_is_told_with_its_line(tmp_path):
    words = read_vocabulary(written(tmp_path, b"id,name\n0,abseiling\n1,air drumming\n"))
    assert words.lines == (2, 3)
    with pytest.raises(BadVocabulary, match=r"line 3 of '.*my actions\.txt': .*3 cells where .* 2"):
        read_vocabulary(written(tmp_path, b"id,name\n0,abseiling\n1,cutting, slicing\n"))


@pytest.mark.parametrize(
    ("content", "line", "seen"),
    [
        (b"0,abseiling\n1,air drumming\n", 1, "beside labels: '0,abseiling'"),
        (b"# K400\nnr,text\n0,abseiling\n1,air drumming\n", 3, "beside labels: '0,abseiling'"),
        (b"abseiling\t0\nair drumming\t1\n", 1, "beside labels"),
        (b"1. abseiling\n2. air drumming\n", 1, "beside labels: '1. abseiling'"),
        (b"1 ApplyLipstick\n2 YoYo\n3 Run\n4 Jump\n5 Swim\n", 1, "'1 ApplyLipstick'"),
        (b"label,youtube_id,time_start\nabseiling,xyz,3\n", 1, "its header is label, youtube_id"),
        (b'{\n"abseiling": "0",\n"air drumming": "1"}\n', 1, "it is JSON"),
    ],
)
def test_any_other_table_is_refused_in_a_sentence(tmp_path, content, line, seen):
    with pytest.raises(BadVocabulary) as refused:
        read_vocabulary(written(tmp_path, content))
    said = str(refused.value)
    assert said.startswith(f"line {line} of ")
    assert "looks like a table, not like a list of labels" in said
    assert seen in said


@pytest.mark.parametrize(
    "content",
    [
        b"letting something roll along, then stop\nlifting something, then dropping it\n",
        b"1 person\n2 people\n3 people\n",
        b"exercise 1\nexercise 2\nexercise 3\n",
        b"pushing [something]\n[something] falling\n",
        b"name, then age\n",
        b'the "wave\nclapping\n',
    ],
)
def test_labels_with_commas_numbers_and_brackets_are_labels(tmp_path, content):
    assert len(read_vocabulary(written(tmp_path, content)).labels) == content.count(b"\n")
