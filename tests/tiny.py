"""A real CLIP, only very small and with random weights: quick enough to index in every test."""

import threading
from pathlib import Path

import open_clip
import torch

from indexer.discover import Discovery
from indexer.pipeline import Indexer, IndexReport
from indexer.scan import Job, Scan
from indexer.settings import IndexSettings
from models.backbone import Backbone
from models.choice import ModelChoice
from models.sources import LoadedModel
from search.library import Library

CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def tiny_backbone(seed: int = 1) -> Backbone:
    """Another seed gives other weights, so another space."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = open_clip.CLIP(**CONFIG).eval()
    open_clip.factory.set_model_preprocess_cfg(
        model, {**vars(open_clip.transform.PreprocessCfg()), "size": 32}
    )
    tokenize = open_clip.tokenizer.SimpleTokenizer(context_length=16)
    choice = ModelChoice(f"tiny-{seed}")
    return Backbone(choice, LoadedModel(model, tokenize), torch.device("cpu"))


class Notes:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.decoded: set[Path] = set()
        self.done: list[Path] = []
        self.failed: dict[Path, str] = {}

    def on_scan(self, discovery: Discovery, scan: Scan) -> None:
        self.jobs = [job.path for job in scan.jobs]

    def on_frames(self, job: Job, frames: int, fraction: float) -> None:
        self.decoded.add(job.path)

    def on_done(self, job: Job) -> None:
        self.done.append(job.path)

    def on_failed(self, job: Job, reason: str) -> None:
        self.failed[job.path] = reason


def index(
    library: Library,
    *paths: Path,
    backbone: Backbone,
    notes: Notes | None = None,
    settings: IndexSettings | None = None,
    stop: threading.Event | None = None,
    **options: bool,
) -> IndexReport:
    """Index paths as the command does, without its talk."""
    indexer = Indexer(
        library,
        backbone,
        settings or IndexSettings(),
        notes or Notes(),
        stop or threading.Event(),
    )
    return indexer.index(list(paths), **options)
