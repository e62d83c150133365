"""Results in other programs' forms, each read by a second program."""

import csv
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

import m3u8
import opentimelineio as otio
import pytest
import webvtt

from search.export import FORMS
from search.export.cuts import Cut, exact_rate, usual_rate
from search.export.edits import MOST_EVENTS
from search.finding.hits import Moment, Why
from search.tags.reading import Tag, TagSource

ODD = Path(b'/v/a "b", <c>\n\xff --> =d.mp4'.decode(errors="surrogateescape"))


def cut(path: Path, start_s: float, end_s: float, *, rank: int = 1, rate: float = 25.0) -> Cut:
    tags = (Tag("a <b> --> c", 0.9, TagSource.MODEL),)
    moment = Moment(7, start_s, end_s, start_s + 0.5, 0.25, 0.8, Why(0.25, 0.3), tags)
    return Cut(rank, path, start_s, end_s, rate, 3700.0, moment)


CUTS = [
    cut(Path("/v/a.mp4"), 1.5, 3.25),
    cut(Path("/v/a.mp4"), 3661.04, 3662.0),
    cut(ODD, 0.0, 0.2, rank=2, rate=29.97),
]


def test_a_spreadsheet_has_a_row_for_each_moment():
    rows = list(csv.DictReader(io.StringIO(FORMS["csv"](CUTS))))
    assert [row["path"] for row in rows] == ["/v/a.mp4", "/v/a.mp4", str(ODD)]
    assert rows[1]["start_s"] == "3661.040"
    assert (rows[0]["rank"], rows[0]["match"], rows[0]["segment"]) == ("1", "0.8000", "7")
    assert rows[0]["tags"] == "a <b> --> c"


def test_no_cell_is_a_formula():
    moment = Moment(1, 0, 1, 0, 0, None, Why(0, 0), (Tag("=1+1", 1, TagSource.PERSON),))
    text = FORMS["csv"]([Cut(1, Path("/v/a.mp4"), 0, 1, 25, 9, moment)])
    assert next(iter(csv.DictReader(io.StringIO(text))))["tags"] == "'=1+1"


def test_an_edit_list_is_read_as_the_same_cuts():
    # The form knows no encoding: a reader that takes each byte for a letter reads every path.
    content = FORMS["edl"](CUTS).encode("utf-8", "surrogateescape")
    timeline = otio.adapters.read_from_string(content.decode("latin-1"), "cmx_3600", rate=25)
    clips = list(timeline.tracks[0].find_clips())
    spans = [
        (clip.source_range.start_time.to_seconds(), clip.source_range.duration.to_seconds())
        for clip in clips
    ]
    assert spans == [
        (pytest.approx(1.52, abs=0.021), pytest.approx(1.72, abs=0.021)),
        (pytest.approx(3661.04), pytest.approx(0.96)),
        (0.0, pytest.approx(0.2)),
    ]
    assert clips[0].name == "a.mp4"


AS_MACOS_NAMES_THEM = Path("/v/at 3.42.10\u202fPM \U0001f468\u200d\U0001f469\u200d\U0001f467.mov")


@pytest.mark.parametrize(
    "path", [AS_MACOS_NAMES_THEM, Path("/v/caf\udce9.mov"), Path("/v/a &b.mov")]
)
def test_a_path_stands_in_every_form_byte_for_byte(path):
    written = {form: make([cut(path, 0.0, 1.0)]) for form, make in FORMS.items()}

    assert f"* SOURCE FILE: {path}" in written["edl"].splitlines()
    assert next(iter(csv.DictReader(io.StringIO(written["csv"]))))["path"] == str(path)
    timeline = otio.adapters.read_from_string(written["otio"], "otio_json")
    [clip] = timeline.find_clips()
    assert unquote_to_bytes(urlsplit(clip.media_reference.target_url).path) == bytes(path)
    [place] = [line for line in written["m3u"].splitlines() if not line.startswith("#")]
    assert unquote_to_bytes(place.removeprefix("file://")) == bytes(path)
    written["vtt"].encode("utf-8")  # which that form is in, whatever the path is


def test_a_playlist_and_a_note_write_a_path_of_macos_as_it_is():
    moment = cut(AS_MACOS_NAMES_THEM, 0.0, 1.0)
    assert str(AS_MACOS_NAMES_THEM) in FORMS["m3u"]([moment]).splitlines()
    assert f"NOTE {AS_MACOS_NAMES_THEM}" in FORMS["vtt"]([moment]).splitlines()
    assert "NOTE /v/a & b.mov" in FORMS["vtt"]([cut(Path("/v/a & b.mov"), 0, 1)]).splitlines()


def test_an_edit_list_counts_the_frames_of_a_broadcast_rate():
    # An hour at 30000/1001 frames a second has 107,892 frames, not 108,000.
    text = FORMS["edl"]([cut(Path("/v/a.mp4"), 3600.0, 3602.0, rate=29.97)])
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=30)
    span = timeline.tracks[0][0].source_range
    assert (span.start_time.value, span.duration.value) == (107_892, 60)


def test_an_edit_list_ends_where_its_numbers_do():
    text = FORMS["edl"]([CUTS[0]] * (MOST_EVENTS + 5))
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=25)
    assert len(list(timeline.tracks[0].find_clips())) == MOST_EVENTS


def test_a_timeline_names_files_times_and_scores():
    timeline = otio.adapters.read_from_string(FORMS["otio"](CUTS), "otio_json")
    clips = list(timeline.find_clips())
    place = urlsplit(clips[2].media_reference.target_url).path
    assert unquote_to_bytes(place) == bytes(ODD)
    assert clips[1].source_range.start_time.to_seconds() == pytest.approx(3661.04, abs=0.02)
    assert clips[2].source_range.start_time.rate == pytest.approx(30000 / 1001)
    assert clips[0].metadata["kinodex"]["score"] == 0.25


def test_cues_are_read_by_another_reader():
    captions = list(webvtt.from_string(FORMS["vtt"](CUTS)))
    assert [(one.start, one.end) for one in captions] == [
        ("00:00:01.500", "00:00:03.250"),
        ("01:01:01.040", "01:01:02.000"),
        ("00:00:00.000", "00:00:00.200"),
    ]
    assert captions[0].raw_text == "a &lt;b&gt; --&gt; c"


def test_a_playlist_has_one_line_for_each_place():
    lines = FORMS["m3u"](CUTS).splitlines()
    places = [line for line in lines if not line.startswith("#")]
    assert lines[0] == "#EXTM3U"
    assert places[:2] == ["/v/a.mp4", "/v/a.mp4"]
    assert unquote_to_bytes(places[2].removeprefix("file://")) == bytes(ODD)
    assert "#EXTVLCOPT:start-time=3661.040" in lines


def test_a_playlist_is_read_by_another_program():
    read = m3u8.loads(FORMS["m3u"](CUTS))

    assert [one.uri for one in read.segments[:2]] == ["/v/a.mp4", "/v/a.mp4"]
    assert [one.duration for one in read.segments] == pytest.approx(
        [cut.end_s - cut.start_s for cut in CUTS], abs=0.001
    )
    assert read.segments[1].title == "a 01:01:01"


@pytest.mark.parametrize("form", FORMS)
def test_nothing_found_is_an_empty_file_of_its_form(form):
    assert FORMS[form]([]).strip()


@pytest.mark.parametrize(
    ("measured", "meant"),
    [(None, 25.0), (25.0001, 25.0), (29.97003, 29.97), (23.98, 23.976), (12.3, 12.0), (1e9, 25.0)],
)
def test_a_measured_rate_means_a_usual_one(measured, meant):
    assert usual_rate(measured) == meant


TWO = [cut(Path("/v/b.mp4"), 90_000.0, 90_001.48, rank=2), cut(Path("/v/a.mp4"), 61.48, 62.5)]


def test_an_edit_list_is_as_the_standard_has_it():
    """Times in the file run to a day, those of the list go on where the last cut ended."""
    assert FORMS["edl"]([*TWO, cut(Path("/v/c.mp4"), 5.0, 5.01)]) == (
        "TITLE: KINODEX\n"
        "FCM: NON-DROP FRAME\n"
        "\n"
        "001  AX       V     C        01:00:00:00 01:00:01:12 00:00:00:00 00:00:01:12\n"
        "* FROM CLIP NAME: b.mp4\n"
        "* SOURCE FILE: /v/b.mp4\n"
        "\n"
        "002  AX       V     C        00:01:01:12 00:01:02:12 00:00:01:12 00:00:02:12\n"
        "* FROM CLIP NAME: a.mp4\n"
        "* SOURCE FILE: /v/a.mp4\n"
        "\n"
        "003  AX       V     C        00:00:05:00 00:00:05:01 00:00:02:12 00:00:02:13\n"
        "* FROM CLIP NAME: c.mp4\n"
        "* SOURCE FILE: /v/c.mp4\n"
    )


def test_a_playlist_is_as_vlc_has_it():
    assert FORMS["m3u"](TWO) == (
        "#EXTM3U\n"
        "#EXTINF:1.480,b 25:00:00\n"
        "#EXTVLCOPT:start-time=90000.000\n"
        "#EXTVLCOPT:stop-time=90001.480\n"
        "/v/b.mp4\n"
        "#EXTINF:1.020,a 00:01:01\n"
        "#EXTVLCOPT:start-time=61.480\n"
        "#EXTVLCOPT:stop-time=62.500\n"
        "/v/a.mp4\n"
    )


def test_cues_are_in_order_of_rank_and_time_under_the_name_of_their_video():
    again = cut(Path("/v/b.mp4"), 3.0, 4.0, rank=2)
    nameless = Cut(2, Path("/v/b.mp4"), 5.0, 6.0, 25.0, 9.0, replace(again.moment, tags=()))
    assert FORMS["vtt"]([*TWO, nameless, again]) == (
        "WEBVTT\n\n"
        "NOTE /v/a.mp4\n\n"
        "7\n00:01:01.480 --> 00:01:02.500\na &lt;b&gt; --&gt; c\n\n"
        "NOTE /v/b.mp4\n\n"
        "7\n00:00:03.000 --> 00:00:04.000\na &lt;b&gt; --&gt; c\n\n"
        "7\n00:00:05.000 --> 00:00:06.000\nb\n\n"
        "7\n25:00:00.000 --> 25:00:01.480\na &lt;b&gt; --&gt; c\n"
    )


def test_a_table_has_every_number_with_its_digits():
    unsure = cut(Path("=a.mp4"), 0.0, 0.5)
    unsure = replace(unsure, moment=replace(unsure.moment, match=None))
    assert FORMS["csv"]([TWO[1], unsure]).splitlines() == [
        "rank,path,start_s,end_s,best_s,score,match,tags,segment",
        "1,/v/a.mp4,61.480,62.500,61.980,0.250000,0.8000,a <b> --> c,7",
        "1,'=a.mp4,0.000,0.500,0.500,0.250000,,a <b> --> c,7",
    ]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_begins_like_a_formula_is_a_text(sign):
    text = FORMS["csv"]([cut(Path(f"{sign}a.mp4"), 0.0, 1.0)])
    assert next(iter(csv.DictReader(io.StringIO(text, newline=""))))["path"] == f"'{sign}a.mp4"


def test_a_timeline_has_the_spans_in_frames_of_each_video():
    moments = [cut(Path("/v/a.mp4"), 61.48, 62.5), cut(Path("/v/b.mp4"), 1.0, 3.0, rate=29.97)]
    timeline = otio.adapters.read_from_string(FORMS["otio"](moments), "otio_json")
    first, second = timeline.find_clips()
    assert (timeline.name, timeline.tracks[0].name, timeline.tracks[0].kind) == (
        "Kinodex",
        "moments",
        "Video",
    )
    known = first.metadata["kinodex"]
    assert (first.name, known["segment"], known["rank"], known["score"]) == ("a", 7, 1, 0.25)
    assert list(known["tags"]) == ["a <b> --> c"]
    for clip, start, length, whole in ((first, 1537, 25, 92_500), (second, 30, 60, 110_889)):
        span, media = clip.source_range, clip.media_reference.available_range
        assert (span.start_time.value, span.duration.value) == (start, length)
        assert (media.start_time.value, media.duration.value) == (0, whole)
    assert second.source_range.duration.rate == pytest.approx(30_000 / 1001)


@pytest.mark.parametrize(
    ("path", "as_url"),
    [
        ("/v/a.mp4", False),
        ("/v/ a.mp4", False),
        ("#a.mp4", True),  # a line that begins so is no place
        (" a.mp4", True),
        ("/v/a.mp4 ", True),
        ("/v/a\x0bb.mp4", True),
        ("/v/\udcff.mp4", True),
    ],
)
def test_a_playlist_writes_a_url_where_a_path_would_be_read_otherwise(path, as_url):
    [*_, place, end] = FORMS["m3u"]([cut(Path(path), 0.0, 1.0)]).split("\n")
    assert end == ""
    assert place == ("file://" + quote(bytes(Path(path))) if as_url else path)


@pytest.mark.parametrize(
    ("measured", "meant"),
    [
        (0.99, 25.0),
        (1.0, 1.0),
        (1.4, 1.0),
        (1000.0, 1000.0),
        (1000.1, 25.0),
        (23.6, 23.976),
        (23.4, 23.0),
        (24.4, 24.0),
        (25.4, 25.0),
        (26.4, 26.0),
        (30.5, 30.0),
        (30.7, 31.0),
        (49.2, 50.0),
        (48.8, 49.0),
        (59.9, 59.94),
        (60.2, 60.0),
    ],
)
def test_a_rate_is_a_usual_one_within_a_fiftieth(measured, meant):
    assert usual_rate(measured) == meant


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (25.0, Fraction(25)),
        (25.009, Fraction(25)),
        (24.989, Fraction(25_000, 1001)),
        (29.97, Fraction(30_000, 1001)),
        (7.0, Fraction(7)),
    ],
)
def test_a_rate_is_exact(rate, exact):
    assert exact_rate(rate) == exact
