"""The query language: what is accepted, what is refused and where it points, and back to text."""

import random
import re
from datetime import date

import pytest

from search.queries.language import parse, written
from search.queries.query import Filters, Query, QueryMistake, Term, TermKind

TERMS = {
    "a dog runs": [Term("a dog runs")],
    "  a\tdog \n runs ": [Term("a dog runs")],
    "dog + beach": [Term("dog"), Term("beach")],
    "dog +beach": [Term("dog"), Term("beach")],
    "dog - cat": [Term("dog"), Term("cat", weight=-1)],
    "dog -cat": [Term("dog"), Term("cat", weight=-1)],
    "- cat + dog": [Term("cat", weight=-1), Term("dog")],
    "+ dog": [Term("dog")],
    "2:dog + 0.5:a beach at night": [Term("dog", weight=2), Term("a beach at night", weight=0.5)],
    "dog - 2:big cat": [Term("dog"), Term("big cat", weight=-2)],
    "black-and-white 3+4": [Term("black-and-white 3+4")],
    "12:30 train": [Term("12:30 train")],
    "a 2:dog": [Term("a 2:dog")],
    '2:"30 people"': [Term("30 people", weight=2)],
    '"dog - cat"': [Term("dog - cat")],
    '"- dog"': [Term("- dog")],
    '"2:dog"': [Term("2:dog")],
    '"--then"': [Term("--then")],
    r'"he said \"no\" \\ left"': [Term(r'he said "no" \ left')],
    'a "big dog" runs': [Term("a big dog runs")],
    "ein Hund läuft 犬 🐕": [Term("ein Hund läuft 犬 🐕")],
    "./photo.jpg": [Term("./photo.jpg", TermKind.PICTURE)],
    "../a/my photo.jpg + snow": [Term("../a/my photo.jpg", TermKind.PICTURE), Term("snow")],
    "./two  spaces.jpg": [Term("./two  spaces.jpg", TermKind.PICTURE)],
    '~/"a - b.jpg"': [Term("~/a - b.jpg", TermKind.PICTURE)],
    "2:/photos/x.png": [Term("/photos/x.png", TermKind.PICTURE, 2)],
    '"./photo.jpg"': [Term("./photo.jpg")],
    "photo.jpg": [Term("photo.jpg")],
    "dog --image x.jpg": [Term("dog"), Term("./x.jpg", TermKind.PICTURE)],
    "--image /p/x.jpg": [Term("/p/x.jpg", TermKind.PICTURE)],
    "video.mp4@00:01:02": [Term("video.mp4@00:01:02", TermKind.SEGMENT)],
    "/v/my video.mp4@62.5 - snow": [
        Term("/v/my video.mp4@62.5", TermKind.PICTURE),
        Term("snow", weight=-1),
    ],
    "my video.mp4@62.5 - snow": [
        Term("my video.mp4@62.5", TermKind.SEGMENT),
        Term("snow", weight=-1),
    ],
    '"a - b.mp4"@1:02': [Term("a - b.mp4@1:02", TermKind.SEGMENT)],
    "@37": [Term("37", TermKind.SEGMENT)],
    '"@37"': [Term("@37")],
    "me@12": [Term("me@12")],
    "mail me@example.com": [Term("mail me@example.com")],
    "picture:" + "0a" * 16: [Term("0a" * 16, TermKind.KEPT)],
    "picture:frame": [Term("picture:frame")],
    "drawing:d1_Ab-9": [Term("d1_Ab-9", TermKind.DRAWING)],
}

WHOLE = {
    "a --then b": Query(((Term("a"),), (Term("b"),))),
    "a + x --then b - y --then c --within 15s": Query(
        ((Term("a"), Term("x")), (Term("b"), Term("y", weight=-1)), (Term("c"),)), within_s=15
    ),
    "a --within 1:30 --then b": Query(((Term("a"),), (Term("b"),)), within_s=90),
    "a --then b --within 0s": Query(((Term("a"),), (Term("b"),)), within_s=0),
    "--tag running": Query(filters=Filters(("running",))),
    "a --tag playing violin --tag=jumping --tag-min 0.25": Query(
        ((Term("a"),),), filters=Filters(("playing violin", "jumping"), 0.25)
    ),
    'a --in trips/2024 --in "/v/my films"': Query(
        ((Term("a"),),), filters=Filters(folders=("trips/2024", "/v/my films"))
    ),
    "a --after 2024 --before 2024-05-17": Query(
        ((Term("a"),),), filters=Filters(after=date(2024, 1, 1), before=date(2024, 5, 17))
    ),
    "a --min-length 90 --max-length 1h30m": Query(
        ((Term("a"),),), filters=Filters(min_length_s=90, max_length_s=5400)
    ),
    "a --k 3 --per-video 1": Query(((Term("a"),),), k=3, per_video=1),
    "--like 37": Query(like=("37",)),
    "a --like 37 --like my.mp4@1:02 --unlike 5": Query(
        ((Term("a"),),), like=("37", "my.mp4@1:02"), unlike=("5",)
    ),
}

# What is wrong, and the part of the query that is pointed at.
REFUSED = {
    "": ("the query is empty", ""),
    "   ": ("the query is empty", "   "),
    '"dog': ("has no partner", '"'),
    'a dog" runs': ("has no partner", '"'),
    "dog -": ("nothing follows this '-'", "-"),
    "dog + - cat": ("nothing follows this '+'", "+"),
    "- dog": ("only says what it is not", "- dog"),
    'dog + ""': ("nothing between these quotation marks", '""'),
    "0:dog": ("a weight is more than 0", "0:"),
    "dog - 200:cat": ("a weight is more than 0 and at most 100", "200:"),
    "dog --thn cat": ("there is no option --thn", "--thn"),
    "dog --then": ("nothing follows --then", "--then"),
    "dog --k --tag x": ("nothing follows --k", "--k"),
    "--then dog": ("say what comes first", "--then"),
    "dog --then - cat": ("only says what it is not", "dog --then - cat"),
    "dog --within 5s": ("'within' needs a 'then'", "dog --within 5s"),
    "dog --then cat --within soon": ("'soon' is no length of time", "soon"),
    "dog --within -5s --then x": ("is no length of time", "-5s"),
    "dog --after yesterday": ("'yesterday' is no day", "yesterday"),
    "dog --before 2024-13": ("is no day", "2024-13"),
    "dog --after 2024 --before 2023": ("turn them round", "dog --after 2024 --before 2023"),
    "dog --min-length 2m --max-length 1m": ("turn them round", None),
    "dog --k 0": ("is no number of results", "0"),
    "dog --k many": ("is no number of results", "many"),
    "dog --k 1234567": ("is no number of results", "1234567"),
    "dog --tag-min 2": ("is no probability", "2"),
    "dog --tag-min much": ("is no probability", "much"),
    "dog --tag-min nan": ("is no probability", "nan"),
    "dog --then cat --like 3": ("do not go together", None),
    "--unlike 3": ("the query is empty", None),
    "dog" + " + dog" * 20: ("may have 20 terms, not 21", None),
    "dog" + " --then dog" * 10: ("may have 10 steps, not 11", None),
}


@pytest.mark.parametrize("text", TERMS)
def test_terms(text):
    assert parse(text) == Query((tuple(TERMS[text]),))


@pytest.mark.parametrize("text", WHOLE)
def test_options(text):
    assert parse(text) == WHOLE[text]


def test_twenty_terms_and_ten_steps_are_not_too_many():
    assert len(parse("dog" + " + dog" * 19).steps[0]) == 20
    assert len(parse("dog" + " --then dog" * 9).steps) == 10


@pytest.mark.parametrize("text", REFUSED)
def test_a_mistake_is_said_and_pointed_at(text):
    said, place = REFUSED[text]
    with pytest.raises(QueryMistake, match=re.escape(said)) as caught:
        parse(text)
    mistake = caught.value
    if place is not None:
        assert mistake.text[mistake.start : mistake.end] == place
    if text.strip():
        shown, marks = mistake.pointed().splitlines()
        assert shown == text
        assert marks == " " * mistake.start + "^" * (mistake.end - mistake.start)


@pytest.mark.parametrize("text", [*TERMS, *WHOLE])
def test_written_and_read_again_it_is_the_same(text):
    query = parse(text)
    assert parse(written(query)) == query
    assert written(parse(written(query))) == written(query)


PIECES = ['"', "\\", "-", "+", "--then", "--k", "2:", "./", "@", "1:02", "a.mp4", " ", "dog", "é"]


def test_any_term_can_be_written():
    source = random.Random(4)
    for _ in range(3000):
        value = " ".join("".join(source.choices(PIECES, k=source.randint(1, 5))).split())
        if not value:
            continue
        terms = (Term("x"), Term(value, weight=source.choice([1.0, -1.0, 2.5])))
        assert parse(written(Query((terms,)))) == Query((terms,))
        picture = (Term(f"./{value}", TermKind.PICTURE),)
        assert parse(written(Query((picture,)))) == Query((picture,))
        filters = Filters((value,), folders=(value,))
        asked = Query((terms,), filters=filters, like=(value,))
        assert parse(written(asked)) == asked


def test_no_text_ends_in_anything_but_a_query_or_a_sentence():
    source = random.Random(5)
    for _ in range(3000):
        text = "".join(source.choices(PIECES, k=source.randint(1, 8)))
        try:
            query = parse(text)
        except QueryMistake as mistake:
            assert 0 <= mistake.start < mistake.end
            assert mistake.pointed().count("\n") == bool(text.strip())
        else:
            assert parse(written(query)) == query


def test_a_mistake_in_strange_characters_is_still_pointed_at():
    with pytest.raises(QueryMistake) as caught:
        parse('dog\x1b[2J "x')
    assert caught.value.pointed() == 'dog·[2J "x\n        ^'
