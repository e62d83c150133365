"""A real page in a real browser: generated videos, the bundled model, `kinodex ui`, Chromium."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.store import Store
from smallworld.clips.files import write_clip
from smallworld.clips.shots import Shot
from smallworld.stills.pictures import Picture, Placement
from tests import corpus
from tests.browser.names import HOSTILE_NAMES
from tests.browser.server import Served, serving
from tests.tiny import index

ELEPHANT = Picture("street", 14, (Placement("elephant", 0.5, 0.55, 0.6),))
CAT = Picture("grass", 11, (Placement("cat", 0.5, 0.55, 0.45),))
PENGUIN = Picture("snow", 15, (Placement("penguin", 0.5, 0.55, 0.5),))
BUS = Picture("night", 13, (Placement("bus", 0.4, 0.6, 0.4),))


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of the small world, one of them with two shots, and clips with odd names."""
    folder = tmp_path_factory.mktemp("videos")
    write_clip(folder / "elephant.mp4", [Shot(ELEPHANT, 2.0)])
    write_clip(folder / "penguin.webm", [Shot(PENGUIN, 1.0)], codec="libvpx-vp9")
    write_clip(folder / "bus, then cat.mp4", [Shot(BUS, 4.0), Shot(CAT, 4.0)])
    for number, name in enumerate(HOSTILE_NAMES):
        corpus.write_clip(
            folder / os.fsdecode(name), [corpus.scene(number)] * 10, rotation=90 * (number % 2)
        )
    return folder


@pytest.fixture(scope="session")
def served(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a library with all of `videos`."""
    place = tmp_path_factory.mktemp("served") / "library"
    with Store.open(place, create=True) as library:
        backbone = load_backbone(choose_model("bundled"), device="cpu")
        report = index(library, videos, backbone=backbone)
    assert (report.encoded, report.failed) == (7, 0)
    with serving(place) as running:
        yield running
