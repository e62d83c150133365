"""Videos that are folders of pictures."""

from pathlib import Path

import pytest
from PIL import Image

from indexer.reading.clip import ClipFrames, sample_clip
from indexer.reading.errors import DecodeFailed
from indexer.reading.pictures.folders import FolderReader, pictures_in
from indexer.reading.sampling import FrameSampling, Sampling, SegmentSampling
from indexer.reading.settings import IndexSettings

SETTINGS = IndexSettings()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures, each as grey as ten times its number, which is written without zeros."""
    place = tmp_path / "v_Archery"
    place.mkdir()
    for number in range(1, 13):
        Image.new("RGB", (64, 40), (10 * number,) * 3).save(place / f"img_{number}.png")
    (place / "notes.txt").write_text("no picture")
    return place


def sampled(folder: Path, sampling: FrameSampling, **window: float) -> ClipFrames:
    how = {"start_s": None, "end_s": None} | window
    return sample_clip(folder, sampling=sampling, short_side=20, settings=SETTINGS, **how)


def greys(clip: ClipFrames) -> list[int]:
    return [int(grey) for grey in clip.frames[:, 5, 5, 0] // 10]


def test_pictures_follow_each_other_by_their_numbers(folder):
    assert [file.name for file in pictures_in(folder)] == [f"img_{n}.png" for n in range(1, 13)]
    clip = sampled(folder, Sampling(frames=12, rate=0))
    assert greys(clip) == list(range(1, 13))
    assert clip.times_s.tolist() == pytest.approx([number / 25 for number in range(12)])
    assert clip.frames.shape == (12, 20, 32, 3)


def test_segments_take_the_middle_of_each_part(folder):
    assert greys(sampled(folder, SegmentSampling(4))) == [2, 5, 8, 11]


@pytest.mark.parametrize("place", [".", ".."])
def test_a_file_says_how_fast_they_follow_each_other(folder, place):
    (folder / place / "fps.txt").write_text("4\n")
    clip = sampled(folder, Sampling(frames=12, rate=1))
    assert greys(clip) == [1, 5, 9]
    assert clip.times_s.tolist() == [0, 1, 2]


def test_a_part_of_it_is_read_and_what_is_on_the_screen_where_none_begins(folder):
    (folder / "fps.txt").write_text("1")
    assert greys(sampled(folder, Sampling(frames=12, rate=0), start_s=2.0, end_s=5.0)) == [3, 4, 5]
    assert greys(sampled(folder, Sampling(frames=12, rate=0), start_s=2.2, end_s=2.8)) == [3]
    late = sampled(folder, Sampling(frames=12, rate=0), start_s=11.0)
    assert greys(late) == [12]
    with pytest.raises(DecodeFailed, match="begins at 12 s, but the video ends at 12 s"):
        sampled(folder, Sampling(), start_s=12.0)


def test_far_into_it_nothing_before_is_read(folder, monkeypatch):
    (folder / "fps.txt").write_text("0.5")
    read = []
    picture = FolderReader._picture
    monkeypatch.setattr(
        FolderReader, "_picture", lambda self, n: read.append(n) or picture(self, n)
    )
    assert greys(sampled(folder, Sampling(frames=2, rate=0), start_s=20.0)) == [11, 12]
    assert min(read) == 7


def test_pictures_are_turned_as_they_say_and_grey_ones_have_three_colours(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 20), 90).save(tmp_path / "1.jpg", exif=exif)
    clip = sampled(tmp_path, Sampling())
    assert clip.frames.shape == (1, 40, 20, 3)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("3.jpg", b"no picture", r"its picture '3\.jpg' is damaged"),
        ("fps.txt", b"often", r"fps\.txt' should hold a number"),
        ("fps.txt", b"-1", "should hold a number above 0"),
        ("fps.txt", b"inf", "should hold a number above 0"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, name, content, reason):
    place = tmp_path / "video"
    place.mkdir()
    Image.new("RGB", (8, 8)).save(place / "1.jpg")
    (place / name).write_bytes(content)
    with pytest.raises(DecodeFailed, match=reason):
        sampled(place, Sampling(frames=9, rate=0))


def test_a_picture_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    Image.new("RGB", (300, 200)).save(tmp_path / "1.png")
    small = IndexSettings(max_pixels=50_000)
    with pytest.raises(
        DecodeFailed, match=r"300 × 200 are larger than max_pixels allows \(50000\)"
    ):
        sample_clip(
            tmp_path, start_s=None, end_s=None, sampling=Sampling(), short_side=20, settings=small
        )


def test_a_folder_without_pictures_or_that_is_gone_is_no_video(tmp_path):
    with pytest.raises(DecodeFailed, match="its folder holds no pictures"):
        sampled(tmp_path, Sampling())
    with pytest.raises(DecodeFailed, match="its folder cannot be read: No such file"):
        pictures_in(tmp_path / "gone")


def test_optical_flow_and_hidden_files_beside_the_pictures_are_no_frames(folder):
    for name in ("flow_x_00001.jpg", "flow_y_1.png", "._img_1.png"):
        (folder / name).write_bytes(b"no picture")
    assert greys(sampled(folder, Sampling(frames=12, rate=0))) == list(range(1, 13))


def test_pictures_of_several_kinds_are_told(folder):
    Image.new("RGB", (64, 40)).save(folder / "mask_3.png")
    with pytest.raises(DecodeFailed, match="several kinds, such as 'img_' and 'mask_'"):
        sampled(folder, Sampling())
