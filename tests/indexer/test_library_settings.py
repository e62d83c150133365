"""What of the settings makes a space, and the file that they are written into."""

import tomllib

from indexer.library_settings import sampling_of, write_settings_template
from indexer.reading.settings import IndexSettings
from search.catalog.store import Store


def test_a_space_is_made_of_what_decides_which_frames_stand_for_a_video():
    sampling = sampling_of(IndexSettings())
    assert sorted(sampling) == [
        "duplicate_threshold",
        "max_segment_s",
        "min_frames_per_segment",
        "min_segment_s",
        "sample_rate",
        "shot_threshold",
        "skip_duplicates",
    ]
    assert sampling_of(IndexSettings(max_gb=7, decode_threads=3)) == sampling
    assert sampling_of(IndexSettings(sample_rate=3.0)) != sampling


def test_the_file_is_written_once_and_says_nothing_until_somebody_takes_a_mark_off(tmp_path):
    with Store.open(tmp_path, create=True) as library:
        write_settings_template(library)
        text = library.settings_file.read_text(encoding="utf-8")
        sections = ["library", "index", "search", "tags", "sketch", "ui"]
        assert tomllib.loads(text) == {section: {} for section in sections}
        assert text.startswith("# Settings of this library. Take the '#' off a line to change it.")
        assert "\n# sample_rate = 2.0\n" in text
        assert library.settings(IndexSettings) == IndexSettings()
        library.settings_file.write_text("[index]\nsample_rate = 3.0\n")
        write_settings_template(library)
        assert library.settings(IndexSettings).sample_rate == 3.0
