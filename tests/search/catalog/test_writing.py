"""What the catalog knows of a content, by its hash."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session

from models.identity import HeadIdentity
from search.catalog.spaces import SpaceIdentity, active_space, enter_space
from search.catalog.tables import Video, VideoPath
from search.catalog.writing import (
    Stamp,
    find_indexed,
    hold,
    is_encoded,
    link_path,
    mark_missing,
    record_failure,
    remove_paths,
)
from search.library import Library
from tests.search.finding.test_engine import DIM, Shelf, axis


def test_a_content_is_found_by_its_own_hash_alone(library: Library, backbone) -> None:
    shelf = Shelf(library, backbone)
    [first], [second] = shelf.put("/v/a.mp4", axis(0)), shelf.put("/v/b.mp4", axis(1))

    with library.reading() as session:
        found = [find_indexed(session, f"hash of /v/{name}.mp4", shelf.space) for name in "abc"]
    assert found == [first, second, None]


def test_a_content_without_embeddings_in_a_space_is_not_indexed_there(
    library: Library, backbone
) -> None:
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0))
    with library.writing() as session:
        head = SpaceIdentity(backbone.identity, HeadIdentity("seqTransf", "digest"), {})
        other = enter_space(session, head, backbone.choice, dim=DIM, switch=True)
        video = find_indexed(session, "hash of /v/a.mp4", shelf.space)

        assert is_encoded(session, video, shelf.space)
        assert not is_encoded(session, video, other)
        assert not is_encoded(session, video + 1, shelf.space)
        assert find_indexed(session, "hash of /v/a.mp4", other) is None


def test_only_what_changes_what_a_search_may_return_is_a_new_revision(
    library: Library, backbone
) -> None:
    Shelf(library, backbone).put("/v/a.mp4", axis(0))

    def revisions(step: Callable[[Session], object]) -> int:
        with library.writing() as session:
            before = active_space(session).revision
            step(session)
            session.expire_all()
            return active_space(session).revision - before

    assert revisions(lambda session: link_path(session, 1, 1)) == 1
    assert revisions(lambda session: record_failure(session, 1, stage="x", reason="x")) == 1
    assert revisions(lambda session: hold(session, 1, 1)) == 0
    assert revisions(lambda session: mark_missing(session, Path("/w"), [])) == 0
    assert revisions(lambda session: mark_missing(session, Path("/v"), [Path("/v/a.mp4")])) == 0
    assert revisions(lambda session: mark_missing(session, Path("/v"), [])) == 1
    assert revisions(lambda session: mark_missing(session, Path("/v"), [])) == 0
    assert revisions(lambda session: remove_paths(session, Path("/w"))) == 0
    assert revisions(lambda session: remove_paths(session, Path("/v"))) == 1


def test_a_path_keeps_what_is_noted_of_its_file_until_it_is_read_anew(
    library: Library, backbone
) -> None:
    Shelf(library, backbone).put("/v/a.mp4", axis(0))
    with library.writing() as session:
        record_failure(session, 1, stage="decode", reason="it is cut short")
        failed = session.get_one(VideoPath, 1)
        assert (failed.status, failed.stage, failed.reason) == (
            "failed",
            "decode",
            "it is cut short",
        )
        assert (failed.attempts, failed.video_id) == (1, 1)
        link_path(session, 1, 1)
        session.expire_all()
        assert (failed.size_bytes, failed.mtime_ns) == (1, 1)
        link_path(session, 1, 1, stamp=Stamp(7, 8))
        session.expire_all()
        assert (failed.size_bytes, failed.mtime_ns) == (7, 8)
        assert (failed.status, failed.stage, failed.reason) == ("indexed", None, None)
        assert (failed.attempts, failed.missing_since, failed.closed_since) == (0, None, None)


def test_a_video_is_noted_as_unheld_only_when_its_last_path_gives_it_up(
    library: Library, backbone
) -> None:
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0))
    shelf.put("/v/b.mp4", axis(1))
    with library.writing() as session:
        hold(session, 1, 2)
        session.expire_all()
        assert session.get_one(Video, 1).orphaned_since is not None
        assert session.get_one(Video, 2).orphaned_since is None
        hold(session, 2, None)
        session.expire_all()
        assert session.get_one(Video, 2).orphaned_since is None
