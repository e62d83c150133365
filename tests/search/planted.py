"""A vocabulary whose labels lie along axes, so that what holds where can be told beforehand."""

import threading
from collections.abc import Sequence

import numpy as np

from models.clip.backbone import Backbone
from models.heads.checkpoints import load_action_head
from models.identity import HeadChoice
from models.labels.tagging import Calibration
from search.catalog.embeddings import pack
from search.catalog.store import Store
from search.fusing import SpaceFiller
from search.tags.label_encoding import EncodedLabels, text_digest
from search.tags.tagger import Tagger, TagReport
from search.tags.vocabulary import WordList
from search.tags.writing import Scale, TagPlan, install, new_vocabulary

DIM = 24
LABELS = ("jumping", "spinning", "falling down")
# What the catalog asks of a video besides its content.
VIDEO_ROW = {
    "size_bytes": 1,
    "container": "mp4",
    "codec": "h264",
    "duration_s": 8.0,
    "width": 16,
    "height": 16,
    "rotation": 0,
    "start_offset_s": 0.0,
    "frames_sampled": 2,
    "bad_frames": 0,
}


def plan(
    labels: Sequence[str] = LABELS,
    *,
    name: str = "mine",
    templates: Sequence[str] = ("{}",),
    min_probability: float = 0.5,
    most: int = 5,
) -> TagPlan:
    """What a library is tagged with, nothing of it read from a file."""
    return TagPlan(WordList(name, tuple(labels)), tuple(templates), min_probability, most)


def tagger(library: Store, backbone: Backbone, wanted: TagPlan | None = None) -> Tagger:
    """A tagger with MeanP."""
    head = load_action_head(HeadChoice("MeanP"), backbone.identity, backbone.dim)
    identity, choice = backbone.identity, backbone.choice
    return Tagger(library, backbone, head, wanted or plan(), identity, choice)


def tag(library: Store, backbone: Backbone, wanted: TagPlan | None = None) -> TagReport:
    """Tag the whole library."""
    return tagger(library, backbone, wanted).run(
        on_progress=lambda *_: None, stop=threading.Event()
    )


def plant(library: Store, backbone: Backbone, wanted: TagPlan | None = None) -> None:
    """Store the vocabulary with its labels along the first axes, as if the model had read them.

    A label holds where its axis has more than half of a segment's direction: there its probability
    is above a half.
    """
    wanted = wanted or plan()
    one = tagger(library, backbone, wanted)
    filler = SpaceFiller(library, one.head, one.encoder, one.model, backbone.device)
    _, space = filler.enter()
    axes = np.eye(DIM, dtype=np.float32)
    encoded = EncodedLabels(
        labels=tuple(pack(axis) for axis in axes[: len(wanted.words.labels)]),
        neutral=pack(axes[-1:]),
        newly_encoded=0,
    )
    scale = Scale(float(np.log(10)), Calibration(scale=1.0, offset=-5.0))
    digest = text_digest(backbone.identity.weights_digest)
    with library.writing() as session:
        install(
            session, new_vocabulary(wanted, encoded, scale, space_id=space.id, text_digest=digest)
        )
