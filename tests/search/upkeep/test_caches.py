"""What can be made again is compared with the catalog, piece by piece."""

import io
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import update

from search.catalog.embeddings import pack
from search.catalog.sketches import store_sketches
from search.catalog.soundness import Part, Problem
from search.catalog.tables import SegmentEmbedding, Space
from search.catalog.writing import remove_paths
from search.upkeep.caches import find_open_parts, find_stale_pictures, find_stale_vectors
from tests.search.catalog.test_sketches import RECIPE, sketch
from tests.search.finding.test_engine import Shelf, axis

AGAIN, REMOVED = (
    "it is made again from the catalog where it is needed",
    "it is removed, as it can be made again",
)


@pytest.fixture
def shelf(library, backbone, indexed_in_files) -> Shelf:
    """Segments 1 to 3, the second of them sketched, and an index that is level with them."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0), axis(1))
    shelf.put("/v/b.mp4", axis(2))
    with library.writing() as session:
        store_sketches(session, RECIPE, {2: sketch()})
    shelf.engine.index.refresh()
    shelf.engine.index.save()
    return shelf


def reasons(library) -> list[str]:
    """What is wrong with stored vectors."""
    found = list(find_stale_vectors(library))
    assert {(one.part, one.remedy) for one in found} <= {(Part.VECTORS, AGAIN)}
    return [one.what.partition(" cannot be used: ")[2] for one in found]


def embed(library, segment: int, vector) -> None:
    with library.writing() as session:
        one = SegmentEmbedding.segment_id == segment
        session.execute(update(SegmentEmbedding).where(one).values(embedding=pack(vector)))


def test_an_index_that_is_level_is_sound_and_so_is_none_at_all(library, shelf):
    assert reasons(library) == []
    shutil.rmtree(library.vectors_folder)
    assert reasons(library) == []


def test_an_index_of_no_model_is_left_over(library, shelf):
    stray = library.vectors_folder / "stray"
    stray.mkdir()
    (library.vectors_folder / "a link").symlink_to(stray)
    (library.vectors_folder / "a file").touch()
    what = "the vector index 'stray' belongs to no model of this library"
    assert list(find_stale_vectors(library)) == [
        Problem(Part.LEFTOVER, what, REMOVED, file=str(stray))
    ]


@pytest.mark.parametrize(
    ("segment", "vector", "told"),
    [
        (1, axis(0)[0], []),
        (1, axis(3)[0], ["its vector of segment 1 is not the catalog's"]),
        (3, -axis(2)[0], ["its vector of segment 3 is not the catalog's"]),
    ],
)
def test_vectors_of_other_values_are_found(library, shelf, segment, vector, told):
    embed(library, segment, vector)
    assert reasons(library) == told


def test_of_several_wrong_vectors_the_first_is_told(library, shelf):
    embed(library, 3, axis(5)[0])
    embed(library, 2, axis(6)[0])
    assert reasons(library) == ["its vector of segment 2 is not the catalog's"]


def test_an_index_of_this_revision_holds_all_segments_and_no_others(library, shelf):
    with library.writing() as session:
        session.delete(session.get_one(SegmentEmbedding, (1, 2)))
    assert reasons(library) == ["it holds 3 segments, and others than the 2 of the catalog"]


def test_an_index_of_another_revision_is_brought_up_to_date_by_a_search(library, shelf):
    with library.writing() as session:
        remove_paths(session, Path("/v/a.mp4"))
        session.delete(session.get_one(SegmentEmbedding, (1, 2)))
        session.execute(update(Space).values(revision=Space.revision + 1))
    assert reasons(library) == []
    embed(library, 1, axis(9)[0])
    assert reasons(library) == ["its vector of segment 1 is not the catalog's"]


def test_an_index_without_any_segment_of_the_catalog_is_compared_with_nothing(library, shelf):
    with closing(sqlite3.connect(library.catalog_file)) as connection, connection:
        connection.execute("DELETE FROM segment_embeddings")
        connection.execute("UPDATE spaces SET revision = revision + 1")
    assert reasons(library) == []


PIXEL = io.BytesIO()
Image.new("RGB", (8, 8)).save(PIXEL, "PNG")
CONTENTS = {
    "whole": PIXEL.getvalue(),
    "cut off": PIXEL.getvalue()[:45],
    "nothing": b"",
    "the end of it": b"<svg></svg>\n",
    "no end": b"<svg>",
    "something": b"RIFF",
}
NO_SEGMENT, DAMAGED = "is of no segment of this library", "is damaged"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("keyframes/0/1.png", "whole", None),
        ("keyframes/0/1.png", "cut off", (Part.MEDIA, DAMAGED)),
        ("keyframes/0/1.jpg", "nothing", (Part.MEDIA, DAMAGED)),
        ("keyframes/0/4.png", "whole", (Part.LEFTOVER, NO_SEGMENT)),
        ("keyframes/0/one.png", "whole", (Part.LEFTOVER, NO_SEGMENT)),
        ("keyframes/0/\u0661.png", "whole", (Part.LEFTOVER, NO_SEGMENT)),
        ("sketches/0/2.webp", "whole", None),
        ("sketches/0/2.webp", "something", (Part.MEDIA, DAMAGED)),
        ("sketches/0/1.png", "whole", (Part.LEFTOVER, NO_SEGMENT)),
        ("sketches/0/2.svg", "the end of it", None),
        ("sketches/0/2.animated.svg", "no end", (Part.MEDIA, DAMAGED)),
        ("sketches/0/2.mp4", "something", None),
        ("sketches/0/2.mp4", "nothing", (Part.MEDIA, DAMAGED)),
    ],
)
def test_pictures_are_whole_and_of_segments(library, shelf, name, content, found):
    file = library.folder / "media" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENTS[content])
    expected = []
    if found:
        part, reason = found
        what = f"the picture {str(Path('media', name))!r} {reason}"
        expected = [Problem(part, what, REMOVED, file=str(file))]
    assert list(find_stale_pictures(library)) == expected


def test_what_is_no_file_is_no_picture(library, shelf):
    place = library.keyframe_file(1)
    place.mkdir(parents=True)
    [problem] = find_stale_pictures(library)
    assert (problem.part, problem.what) == (
        Part.MEDIA,
        "the picture 'media/keyframes/0/1.jpg' is no regular file",
    )


@pytest.mark.parametrize(("age_s", "told"), [(3500, 0), (3700, 1)])
def test_a_draft_is_forgotten_after_an_hour(library, shelf, age_s, told):
    draft = library.keyframe_file(1).with_suffix(".tmp")
    draft.parent.mkdir(parents=True)
    draft.touch()
    os.utime(draft, times=(0, time.time() - age_s))
    found = list(find_stale_pictures(library))
    assert [(one.part, one.what) for one in found] == [
        (Part.LEFTOVER, "the picture 'media/keyframes/0/1.tmp' was left unfinished")
    ] * told


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(
    ("group", "folder", "file", "told"),
    [
        ("none", 0o700, 0o600, {}),
        ("none", 0o700, 0o400, {}),  # its owner may shut it to himself
        ("none", 0o700, 0o604, {"x.txt": "its mode becomes 600"}),
        ("none", 0o701, 0o600, {"x": "its mode becomes 700"}),
        ("read", 0o2750, 0o640, {}),
        ("read", 0o2750, 0o660, {"x.txt": "its mode becomes 640"}),
        ("write", 0o2770, 0o660, {}),
        ("write", 0o2750, 0o640, {"x": "its mode becomes 2770", "x.txt": "its mode becomes 660"}),
    ],
)
def test_parts_are_open_to_those_whom_the_settings_name(library, group, folder, file, told):
    library.settings_file.write_text(f'[library]\ngroup = "{group}"\n')
    (library.folder / "x").mkdir()
    (library.folder / "x.txt").touch()
    (library.folder / "a link").symlink_to("/etc/passwd")
    for place in [library.folder, *library.folder.rglob("*")]:
        if not place.is_symlink():
            place.chmod({"none": 0o700, "read": 0o2750, "write": 0o2770}[group])
            if not place.is_dir():
                place.chmod({"none": 0o600, "read": 0o640, "write": 0o660}[group])
    (library.folder / "x").chmod(folder)
    (library.folder / "x.txt").chmod(file)
    found = {Path(one.file).name: one.remedy for one in find_open_parts(library)}
    assert found == told
    assert all(one.part is Part.ACCESS for one in find_open_parts(library))
