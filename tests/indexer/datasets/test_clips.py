"""Clips and captions: what is whose, in which order."""

import hashlib
from pathlib import Path

from indexer.datasets.clips import (
    CaptionedClip,
    ClipWindow,
    Dataset,
    in_paragraphs,
    one_caption_each,
    shuffled_key,
)

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


def test_clips_that_cannot_be_decoded_are_left_out_with_all_their_captions():
    left = Dataset("mine", "train", clips()).without([ClipWindow(Path("/b.mp4"))])
    assert left.captions == ["a 1", "c 3", "a 4"]


def test_some_videos_are_held_out_whole_by_their_names_alone():
    dataset = Dataset("mine", "train", clips())
    kept, held = dataset.held_out(1)
    assert (kept.split, held.split) == ("train", "held out")
    assert (len(kept.video_ids), len(held.video_ids)) == (2, 1)
    assert len(kept.clips) + len(held.clips) == 5
    turned = Dataset("mine", "train", tuple(reversed(dataset.clips)))
    assert turned.held_out(1)[1].video_ids == held.video_ids
    assert dataset.held_out(0)[1].clips == ()


def test_a_paragraph_is_all_captions_of_a_video_in_their_order():
    assert [(one.video_id, one.caption) for one in in_paragraphs(clips())] == [
        ("b", "b 0 b 2"),
        ("a", "a 1 a 4"),
        ("c", "c 3"),
    ]


def test_names_are_mixed_in_the_same_way_in_all_versions():
    assert shuffled_key("a").hex() == hashlib.blake2b(b"a", digest_size=8).hexdigest()
    assert shuffled_key("\udcff") == hashlib.blake2b(b"\xff", digest_size=8).digest()
