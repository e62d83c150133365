"""Hits show themselves in a notebook, with nothing to fetch and nothing that could run."""

import base64
import copy
import pickle
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import kinodex

JPEG = b"\xff\xd8\xff\xe0 a picture"
HOSTILE = Path("/v/<script>alert(1)</script> \"'&\n\x1b[31m \udcff \u202e.mp4")


def hit(segment: int = 1, path: Path = Path("/v/a.mp4"), label: str = "jumping") -> kinodex.Hit:
    tags = (kinodex.Tag(label, 0.9, "model"),)  # type: ignore[arg-type]
    why = kinodex.Why(0.5, 0.6)
    return kinodex.Hit(segment, 1.0, 4.0, 2.5, 0.5, 0.75, why, tags, "abc", (path,))


class Page(HTMLParser):
    """The tags of a page, their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def pictures(tmp_path: Path) -> dict[int, Path]:
    files = {segment: tmp_path / f"{segment}.jpg" for segment in (1, 2, 3, 4)}
    files[1].write_bytes(JPEG)
    files[2].write_bytes(b"<script>")
    files[3].mkdir()
    return files


def test_a_notebook_shows_time_score_tags_path_and_picture(pictures):
    page = Page(kinodex.Hits([hit()], keyframes=pictures)._repr_html_())
    assert page.open == []
    for shown in ("0:02.5", "0:01.0 – 0:04.0", "0.500", "match 75 %", "jumping", "/v/a.mp4"):
        assert shown in page.text
    [source] = [value for name, value in page.attributes if name == "src"]
    assert base64.b64decode(source.removeprefix("data:image/jpeg;base64,")) == JPEG


@pytest.mark.parametrize("segment", [2, 3, 4, 5])
def test_where_no_picture_is_nothing_broken_is_shown(pictures, segment):
    page = Page(kinodex.Hits([hit(segment)], keyframes=pictures)._repr_html_())
    assert "img" not in page.tags
    assert "/v/a.mp4" in page.text


def test_names_and_labels_are_only_text():
    html = kinodex.Hits([hit(path=HOSTILE, label="<img src=x onerror=alert(1)>")])._repr_html_()
    page = Page(html)
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "br", "b"}
    assert {name for name, _ in page.attributes} == {"style"}
    assert "<script>alert(1)</script> \"'&\\n\\x1b[31m \\udcff \\u202e.mp4" in page.text
    html.encode("utf-8")


def test_nothing_is_fetched_from_elsewhere(library):
    html = library.search("a dog")._repr_html_()
    assert "http" not in html
    assert "url(" not in html
    sources = re.findall(r'src="([^"]*)"', html)
    assert len(sources) == 6
    assert all(source.startswith("data:image/jpeg;base64,/9j/") for source in sources)


def test_no_hits_are_shown_too():
    assert kinodex.Hits()._repr_html_() == "<p>nothing is found</p>"
    assert repr(kinodex.Hits()) == "<0 hits>"


def test_many_hits_are_shown_in_part():
    html = kinodex.Hits([hit(number) for number in range(70)])._repr_html_()
    assert html.count("<tr>") == 51
    assert html.endswith("<p>and 20 more</p>")


def test_a_line_names_the_first_hits():
    hits = kinodex.Hits([hit(path=HOSTILE), *[hit()] * 3])
    assert repr(hits[1:2]) == "<1 hit: a.mp4 at 0:02.5 (0.500)>"
    assert repr(hits).endswith("a.mp4 at 0:02.5 (0.500), a.mp4 at 0:02.5 (0.500), …>")
    assert repr(hits).isprintable()


def test_they_are_a_list_and_a_part_of_them_shows_its_pictures_too(pictures):
    hits = kinodex.Hits([hit(2), hit(1)], keyframes=pictures)
    assert hits == [hit(2), hit(1)]
    assert isinstance(hits[1:], kinodex.Hits)
    assert "<img" in hits[1:]._repr_html_()
    assert hits[0] == hit(2)
    for copied in (copy.copy(hits), pickle.loads(pickle.dumps(hits))):
        assert copied._repr_html_() == hits._repr_html_()


RECORD = {
    "score": 0.5,
    "match": 0.75,
    "best_s": 2.5,
    "start_s": 1.0,
    "end_s": 4.0,
    "path": "/v/a.mp4",
    "tags": ["jumping"],
    "segment": 1,
    "video": "abc",
}


def test_records_are_plain():
    assert kinodex.Hits([hit()]).as_records() == [RECORD]
    assert kinodex.Hits([hit(path=HOSTILE)]).as_records()[0]["path"] == str(HOSTILE)


def test_a_data_frame_has_a_row_for_each_hit_and_the_same_columns_for_none():
    pytest.importorskip("pandas")
    frame = kinodex.Hits([hit(), hit(2)]).to_dataframe()
    assert list(frame.columns) == list(RECORD)
    assert frame["segment"].tolist() == [1, 2]
    assert frame["tags"].tolist() == [["jumping"], ["jumping"]]
    assert list(kinodex.Hits().to_dataframe().columns) == list(RECORD)


def test_without_pandas_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(kinodex.KinodexError, match="pip install pandas"):
        kinodex.Hits([hit()]).to_dataframe()
