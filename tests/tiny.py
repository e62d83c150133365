"""A real CLIP, only very small and with random weights: quick enough to index in every test."""

import copy
import threading
from pathlib import Path

import open_clip
import torch

from indexer.discover import Discovery
from indexer.pipeline import Indexer, IndexReport
from indexer.reading.settings import IndexSettings
from indexer.registration import PathToIndex, Scan
from models.clip.backbone import Backbone
from models.clip.sources import LoadedModel
from models.heads.card import HeadCard
from models.heads.checkpoints import LoadedHead, load_head, save_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.identity import HeadChoice, ModelChoice
from search.catalog.store import Store

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
    return Backbone.in_torch(choice, LoadedModel(model, tokenize), torch.device("cpu"))


def with_other_text_tower(backbone: Backbone) -> Backbone:
    """The same model as if its text tower had been trained a little; the old one stays as it is."""
    model = copy.deepcopy(backbone.model)
    with torch.no_grad():
        model.token_embedding.weight += 0.1 * torch.randn_like(model.token_embedding.weight)
    tokenize = open_clip.tokenizer.SimpleTokenizer(context_length=16)
    return Backbone.in_torch(backbone.choice, LoadedModel(model, tokenize), torch.device("cpu"))


def tiny_head(backbone: Backbone, file: Path | None = None) -> LoadedHead:
    """meanP, or the head in a file."""
    return load_head(HeadChoice(file=file), backbone.identity, backbone.dim)


def save_tiny_head(
    file: Path, backbone: Backbone, *, name: str = "seqTransf", seed: int = 1, dim: int = 24
) -> Path:
    """A head with random weights, saved as training does it."""
    config = HeadConfig(name, dim, blocks=2, attention_heads=2, positions=32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = make_head(config).eval()
        for parameter in head.parameters():  # the usual first weights hardly do anything
            torch.nn.init.normal_(parameter, std=0.5)
    card = HeadCard(config, backbone.identity, None, "nothing", {}, logit_scale=4.6, frames=8)
    save_head(file, head, card)
    return file


class Notes:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.decoded: set[Path] = set()
        self.done: list[Path] = []
        self.failed: dict[Path, str] = {}

    def on_scan(self, discovery: Discovery, scan: Scan) -> None:
        self.jobs = [job.path for job in scan.jobs]

    def on_frames(self, job: PathToIndex, frames: int, fraction: float) -> None:
        self.decoded.add(job.path)

    def on_done(self, job: PathToIndex) -> None:
        self.done.append(job.path)

    def on_failed(self, job: PathToIndex, reason: str) -> None:
        self.failed[job.path] = reason


def index(
    library: Store,
    *paths: Path,
    backbone: Backbone,
    head: LoadedHead | None = None,
    notes: Notes | None = None,
    settings: IndexSettings | None = None,
    stop: threading.Event | None = None,
    **options: bool,
) -> IndexReport:
    """Index paths as the command does, without its talk."""
    indexer = Indexer(
        library,
        backbone,
        head or tiny_head(backbone),
        settings or IndexSettings(),
        notes or Notes(),
        stop or threading.Event(),
    )
    return indexer.index(list(paths), **options)
