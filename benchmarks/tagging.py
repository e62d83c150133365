"""Tagging a whole library with a vocabulary it has never seen, without any video.

    python -m benchmarks.tagging                       50,000 segments, 400 labels, bundled model
    python -m benchmarks.tagging --segments 10000      fewer
    python -m benchmarks.tagging --models bundled,ViT-B-32

A library is filled with made-up embeddings of the model's width, 24 frames a segment. A first run
fuses the frames with the action head, which is done once for a library. Then it is tagged with 400
other labels: they are read by the text tower in 16 sentences each, or in 3 where its texts are
padded, every segment is compared with all of them, and the tags are swapped. Models but the bundled
one have random weights. No video exists, so nothing can be decoded.
"""

import threading
from dataclasses import dataclass

import torch

from benchmarks.measuring.indexing import filled_library
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.timing import timed
from models.clip.backbone import Backbone, load_backbone
from models.heads.checkpoints import default_action_head
from models.identity import BUNDLED, RANDOM, ModelChoice
from models.labels.prompts import PromptTemplates
from search.catalog.store import Store
from search.heads import load_tagging_head
from search.tags.label_encoding import encode_labels
from search.tags.planning import usual_templates
from search.tags.tagger import Tagger, TagReport
from search.tags.vocabulary import WordList, read_vocabulary
from search.tags.writing import TagPlan

_TARGET_S = 60.0


@dataclass(frozen=True)
class Row:
    """One model. `texts_s` is what reading the labels alone takes, a part of `again_s`; `kept_s`
    what it takes a further library to find those that ship with the program.
    """

    model: str
    head: str
    segments: int
    labels: int
    sentences: int
    tags: int
    first_s: float
    again_s: float
    again_processor_s: float
    texts_s: float
    texts_processor_s: float
    kept_s: float


def measure(model: ModelChoice, *, segments: int) -> Row:
    """Tag a made-up library twice, each time with labels that are new to it."""
    backbone = load_backbone(model, device="cpu")
    words = read_vocabulary("kinetics-400")
    # Labels of like length that nobody has read: the way back to known ones reads nothing.
    new = WordList("new", tuple(f"{label} again" for label in words.labels))
    with filled_library(backbone, segments) as library:
        first, _ = timed(lambda: _tag(library, backbone, words))
        once = tuple(f"{label} once" for label in words.labels)
        templates = usual_templates(backbone, words)
        texts, _ = timed(lambda: _read(library, backbone, once, templates))
        with filled_library(backbone, 1) as further:
            kept, _ = timed(lambda: _read(further, backbone, words.labels, templates))
        again, report = timed(lambda: _tag(library, backbone, new))
    if (report.segments, report.labels_encoded) != (segments, len(new.labels)):
        raise RuntimeError(f"not what was to be measured: {report}")
    return Row(
        model=str(model),
        head=default_action_head(model).name,
        segments=segments,
        labels=report.labels,
        sentences=len(templates),
        tags=report.tags,
        first_s=first.clock_s,
        again_s=again.clock_s,
        again_processor_s=again.processor_s,
        texts_s=texts.clock_s,
        texts_processor_s=texts.processor_s,
        kept_s=kept.clock_s,
    )


def _read(
    library: Store, backbone: Backbone, labels: tuple[str, ...], templates: PromptTemplates
) -> None:
    with library.reading() as session:
        encode_labels(session, labels, templates, backbone, talk=lambda _: None)


def _tag(library: Store, backbone: Backbone, words: WordList) -> TagReport:
    model, encoder = backbone.choice, backbone.identity
    head = load_tagging_head(default_action_head(model), model, encoder, backbone.dim)
    templates = usual_templates(backbone, words)
    plan = TagPlan(words, templates.texts, min_probability=0.5, most=5)
    tagger = Tagger(library, backbone, head, plan, encoder, model)
    return tagger.run(on_progress=lambda *_: None, stop=threading.Event())


def _choice(name: str) -> ModelChoice:
    return ModelChoice(name) if name == BUNDLED else ModelChoice(name, RANDOM)


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--segments", type=int, default=50_000)
    parser.add_argument("--models", type=lambda text: text.split(","), default=[BUNDLED])
    with benchmark("tagging", parser) as (options, report):
        torch.set_num_threads(2)
        rows = [measure(_choice(name), segments=options.segments) for name in options.models]
        report.show("Tagging", rows)
        report.figures(
            Figure(f"seconds to tag again, {row.model}", row.again_s, f"≤ {_TARGET_S:.0f}")
            for row in rows
        )


if __name__ == "__main__":
    main()
