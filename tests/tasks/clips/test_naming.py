"""Names of clips, made of names that may hold anything."""

import pytest

from tasks.clips.naming import clip_name, shortened


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a cat.mp4", "a cat.mp4"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("two\nlines\x1b", "two_lines_"),
        (" . hidden . ", "hidden"),
        ("", "clip"),
        (" ... ", "clip"),
        ("Größe", "Größe"),
    ],
)
def test_a_name_holds_nothing_that_leads_elsewhere_or_cannot_be_shown(text, name):
    assert clip_name(text) == name


def test_a_name_is_two_hundred_bytes_at_most_and_its_letters_stay_whole():
    assert clip_name("a" * 201) == "a" * 200
    assert clip_name("é" * 101) == "é" * 100
    assert clip_name("a" + "é" * 100) == "a" + "é" * 99
    assert clip_name("a" * 198 + " . b") == "a" * 198
    assert (shortened("abc", 3), shortened("abc", 2), shortened("", 0)) == ("abc", "ab", "")
