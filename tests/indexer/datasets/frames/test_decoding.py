"""Many clips at the same time: in their order, and not far ahead of who takes them."""

from collections.abc import Iterator
from pathlib import Path

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.decoding import decode_clips
from indexer.reading.errors import DecodeFailed
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings


def test_two_clips_for_each_process_are_held_ahead(tmp_path: Path) -> None:
    taken: list[ClipWindow] = []

    def windows() -> Iterator[ClipWindow]:
        for number in range(6):
            taken.append(ClipWindow(tmp_path / f"{number}.mp4"))
            yield taken[-1]

    clips = decode_clips(
        windows(), sampling=Sampling(), short_side=32, settings=IndexSettings(), processes=1
    )
    counts = []
    for number, clip in enumerate(clips):
        counts.append(len(taken))
        assert clip.window == taken[number]
        assert isinstance(clip.frames, DecodeFailed)
    assert counts == [2, 3, 4, 5, 6, 6]
