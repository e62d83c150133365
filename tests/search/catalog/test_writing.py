"""What the catalog knows of a content, by its hash."""

from models.identity import HeadIdentity
from search.catalog.spaces import SpaceIdentity, enter_space
from search.catalog.writing import find_indexed, is_encoded
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
