"""A library with a row of every kind, whose files may then be damaged."""

import numpy as np

from models.clip.backbone import Backbone
from search.catalog.sketches import StoredAnimation, store_animation, store_sketches
from search.catalog.store import Store
from search.catalog.tables import Video
from search.tags.corrections import say
from tests.search.catalog.test_sketches import RECIPE, sketch
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plant, tag


def fill(library: Store, backbone: Backbone) -> None:
    """Two videos of two and one segments: segments 1 to 3, with tags and sketches of 1 and 2, of
    which the first moves."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0, 1, 2), axis(1))
    shelf.put("/v/b.mp4", axis(2))
    plant(library, backbone)
    tag(library, backbone)
    with library.writing() as session:
        for number in (1, 2):
            session.get(Video, number).content_hash = f"{number:040x}"
        store_sketches(session, RECIPE, {1: sketch(), 2: sketch()})
        animation = StoredAnimation(
            np.zeros(2), np.zeros((2, 3, 4, 2)), np.zeros((2, 3)), np.zeros((2, 3))
        )
        store_animation(session, 1, animation)
        say(session, 1, "a cat", holds=True)
