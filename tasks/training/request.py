"""What `kinodex train` is asked for: built once, of the options, and passed on whole."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Literal, TypeVar

from indexer.datasets.frames.order import FORWARD, FrameOrder
from models.clip.sources import choose_model
from models.files import typed_path
from models.heads.card import WHOLE, HeadCard
from models.heads.checkpoints import HEAD_FILE, read_card
from models.heads.config import HeadConfig
from models.heads.fit import BACKBONE_FILE
from models.identity import ModelChoice
from models.training.loop import TrainingSettings
from tasks.terminal.model_flags import ModelFlags


@dataclass(frozen=True)
class StartFlags:
    """The options that choose a model and where to start from."""

    model: ModelFlags
    init: Path | None

    def head_file(self) -> Path | None:
        """The head to start from."""
        if self.init is None:
            return None
        init = typed_path(self.init)
        return init / HEAD_FILE if init.is_dir() else init

    def choice(self) -> ModelChoice:
        """The backbone: the one asked for, else the one that the first head was trained with.

        Raises KinodexError for one that is unknown.
        """
        asked, file = self.model, self.head_file()
        if file is None:
            return asked.or_usual()
        card = read_card(file)
        name = asked.model or card.encoder.model
        if name != card.encoder.model or asked.weights or asked.pretrained:
            return choose_model(name, pretrained=asked.pretrained, weights=asked.weights)
        beside = file.with_name(BACKBONE_FILE)
        if beside.is_file():
            return choose_model(name, weights=beside)
        return choose_model(name, pretrained=card.pretrained)

    def first_card(self) -> HeadCard | None:
        """What the head to start from is."""
        file = self.head_file()
        return read_card(file) if file else None


@dataclass(frozen=True)
class HeadFlags:
    """The options of the head. Checkpoints hold this as text: with other names none goes on."""

    name: str
    blocks: int
    gated: bool
    standardised: bool

    def config(self, dim: int) -> HeadConfig:
        """The head that these options describe, for embeddings of that width."""
        return HeadConfig(
            self.name, dim, blocks=self.blocks, gated=self.gated, standardised=self.standardised
        )


@dataclass(frozen=True)
class RetrievalFlags:
    """The options of data and recipe of `kinodex train retrieval`.

    patches: "2d" or "3d", see `models.clip.patches`; None for those that the model has
    choose, by: where frames stand, and what a second is, see `Sampling`; order: see `in_order`
    max_words: see `cut_texts`; None reads all
    """

    spec: str
    videos: Path | None
    cache: Path | None
    frames: int
    frame_rate: float
    batch_size: int
    captions: Literal["expanded", "one_caption"]
    unique_videos: bool
    validation_videos: int
    patches: str | None = None
    choose: Literal["uniform", "head", "tail"] = "uniform"
    order: FrameOrder = FORWARD
    max_words: int | None = None
    by: Literal["time", "frames"] = "time"


@dataclass(frozen=True)
class ActionFlags:
    """The options of data and recipe of `kinodex train actions`.

    shifts: frames that are kept of each segment, of which each step takes one
    flip: None where the labels decide
    crop: what is seen of each frame, see `ActionCard`
    rand_augment, rand_magnitude: see `Augmentation`
    drop_path, embedding_dropout: see `use_dropping`
    """

    spec: str | None
    library: Path | None
    videos: Path | None
    cache: Path | None
    frames: int
    shifts: int
    batch_size: int
    shots: int | None
    validation_videos: int
    augment: bool
    flip: bool | None
    templates: Path | None
    target_temperature: float
    tag_weight: float | None
    visual: str
    crop: str = WHOLE
    rand_augment: int = 0
    rand_magnitude: int = 9
    drop_path: float = 0.0
    embedding_dropout: float = 0.0


Recipe = TypeVar("Recipe", RetrievalFlags, ActionFlags)


@dataclass(frozen=True)
class TrainingRequest(Generic[Recipe]):
    """All that a run is asked for.

    recipe: the options that only this kind of training has
    epochs: how long to train, in the place of the settings' steps
    sweep_steps: only try learning rates, in runs of this length
    """

    out: Path
    start: StartFlags
    head: HeadFlags
    settings: TrainingSettings
    recipe: Recipe
    epochs: float | None = None
    sweep_steps: int | None = None
    as_json: bool = False

    @property
    def backbone_trains(self) -> bool:
        """Whether a tower of the model trains with the head."""
        return self.settings.tune != "head"

    def origin(self) -> dict[str, str]:
        """What of the options a run that goes on must share with the one that began.

        An option that came later counts where it is not as usual, so older runs can go on.
        """
        usual = {one.name: one.default for one in fields(self.recipe)}
        shared = {
            name: str(value)
            for name, value in vars(self.recipe).items()
            if name != "cache" and value != usual[name]
        }
        return shared | {"head": str(self.head)}
