"""Clips and captions: what is whose, in which order."""

from pathlib import Path

from indexer.datasets.clips import CaptionedClip, Dataset, one_caption_each

NAMES = ("b", "a", "b", "c", "a")


def clips() -> tuple[CaptionedClip, ...]:
    return tuple(
        CaptionedClip(name, Path(f"/{name}.mp4"), f"{name} {n}") for n, name in enumerate(NAMES)
    )


def test_videos_and_windows_are_in_order_of_their_first_clip():
    dataset = Dataset("mine", "train", clips())
    assert dataset.video_ids == ("b", "a", "c")
    assert dataset.video_of_clip == (0, 1, 0, 2, 1)
    assert [window.path.stem for window in dataset.windows] == ["b", "a", "c"]
    assert dataset.captions == ["b 0", "a 1", "b 2", "c 3", "a 4"]


def test_one_caption_each_is_the_first():
    assert one_caption_each(Dataset("mine", "train", clips())).captions == ["b 0", "a 1", "c 3"]
