"""A model made ready to draw, with the settings that it draws by."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import torch

from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.towers.hidden_maps import picture_tower
from search.catalog.settings import SketchSettings
from search.catalog.sketches import SketchRecipe
from sketch.canvas import Target
from sketch.drawing.artist import Artist
from sketch.drawing.presets import preset_named
from sketch.strokes import Drawing

# The version of the method. Raise it when sketches come out better: those of libraries are then
# drawn again.
METHOD = 5
# Weights whose steps are known to make drawings better: those of CLIPasso (Vinker et al., 2022,
# section 4). With the bundled model sketches are recognised less often after them, with `imagenet`
# contours break up; of others nothing is known. The preset "paper" always takes them.
_GUIDES = ("openai",)
# Drawn at once: a CPU gains little from more, and a stop or a kill loses no more than these.
BATCH = 16


class SketchMaker:
    """Draws pictures by fixed settings.

    reads_words: whether the model means something by the words of tags

    Raises KinodexError for a model that cannot draw, and for settings that do not go together.
    """

    def __init__(
        self, backbone: Backbone, settings: SketchSettings, *, reads_words: bool = True
    ) -> None:
        if settings.scene and settings.progressive:
            raise KinodexError(
                "a scene is drawn at once: take scene or progressive, not both (--no-scene, "
                "--at-once)"
            )
        self.backbone = backbone
        self.settings = settings
        self.reads_words = reads_words
        self.tower = picture_tower(backbone)
        preset = preset_named(settings.preset)
        guided = preset.always_guided or backbone.choice.pretrained in _GUIDES
        self.artist = Artist(self.tower, guided=guided, preset=preset)

    @property
    def recipe(self) -> SketchRecipe:
        """How its sketches are made."""
        settings, encoder = self.settings, self.backbone.identity
        return SketchRecipe(
            **settings.model_dump(exclude={"after_indexing"}),
            model=encoder.model,
            frames_digest=encoder.frames_digest,
            version=METHOD,
        )

    @property
    def weighs_evidence(self) -> bool:
        """Whether motion and tags help to tell a subject from its background."""
        return self.settings.mask == "auto"

    def draw(
        self,
        targets: Sequence[Target],
        *,
        stop: threading.Event,
        on_progress: Callable[[float], None] = lambda _: None,
        record: int = 0,
    ) -> list[Drawing]:
        """A drawing of each target; worthless when `stop` was set meanwhile.

        on_progress: hears which part of the work is done
        record: how many moments of the drawing are kept
        """
        settings = self.settings
        # Only one way of drawing can be progressive.
        draw = (
            self.artist.draw_scene
            if settings.scene
            else partial(self.artist.draw, progressive=settings.progressive)
        )
        try:
            return draw(
                targets,
                strokes=settings.strokes,
                seed=settings.seed,
                record=record,
                on_progress=lambda done, total: on_progress(done / max(total, 1)),
                stop=stop,
            )
        except torch.OutOfMemoryError as error:
            return self._in_halves(targets, error, stop=stop, record=record)

    def _in_halves(
        self, targets: Sequence[Target], error: Exception, *, stop: threading.Event, record: int
    ) -> list[Drawing]:
        if len(targets) == 1:
            raise KinodexError(
                f"sketching with {self.backbone.choice} does not fit into the memory of "
                f"{self.backbone.device}: choose a smaller model or --device cpu"
            ) from error
        if self.backbone.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(targets) // 2
        parts = (targets[:half], targets[half:])
        return [one for part in parts for one in self.draw(part, stop=stop, record=record)]
