"""`kinodex train actions`: what the options must agree on, and what a run begins with."""

from indexer.datasets.actions.loading import load_action_training
from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FrameCache, default_cache_folder
from indexer.datasets.labelled import LabelledDataset, few_shot
from indexer.reading.sampling import SegmentSampling
from models.errors import KinodexError
from models.files import typed_path
from models.heads.card import WHOLE
from models.heads.config import ACTION_HEADS
from models.identity import ACTION_MEAN_POOLING, MEAN_POOLING
from models.labels.prompts import PromptTemplates
from tasks.training.cached_clips import decodable, fill_cache
from tasks.training.prepared_actions import LabelledFrames, PreparedActions
from tasks.training.request import ActionFlags, StartFlags, TrainingRequest
from tasks.training.run import check_something_trains, run_training
from tasks.training.starting_model import StartingModel

_FAILURES = {"what": "clip", "treated": "left out"}

ActionTraining = TrainingRequest[ActionFlags]


def train_actions(request: ActionTraining) -> int:
    """Train action recognition; see `run_training`."""
    check_something_trains(request.head.name, request.settings)
    _check_visual(request)
    return run_training(lambda: prepare_actions(request), request)


def usual_visual(start: StartFlags) -> str:
    """The visual prompt when none was named: that of the first head."""
    card = start.first_card()
    return card.action.visual if card and card.action else "plain"


def usual_crop(start: StartFlags) -> str:
    """What of a frame is seen when nothing was said: what the first head was shown."""
    card = start.first_card()
    return card.action.crop if card and card.action else WHOLE


def usual_action_head(start: StartFlags, *, visual: str) -> str:
    """The head to train when none was named.

    Raises KinodexError when the first head is one for search.
    """
    card = start.first_card()
    if visual == "joint":
        return ACTION_MEAN_POOLING
    if card is None or card.config.name == MEAN_POOLING:
        return "Transf"
    if card.config.name not in ACTION_HEADS:
        raise KinodexError(
            f"--init names a {card.config.name}, a head for search: begin with a head for "
            "actions, or a meanP with its backbone"
        )
    return card.config.name


def prepare_actions(request: ActionTraining) -> PreparedActions:
    """Load the model, read the annotations, decode what is not in the cache yet.

    Raises KinodexError for anything that the user must set right.
    """
    templates = _templates(request.recipe)
    start = StartingModel.load(request.start)
    _check_shifts(request, start)
    training, validation = _load_clips(request.recipe)
    caches = _caches(request, start)
    training, failed = _read_training(
        training, caches[0], request.recipe.shots, seed=request.settings.seed
    )
    failed |= fill_cache(caches[1], validation.windows, said=_FAILURES).failed
    return PreparedActions(
        request,
        start,
        training=LabelledFrames(training, caches[0]),
        validation=LabelledFrames(decodable(validation, failed), caches[1]),
        left_out=len(failed),
        templates=templates,
    )


def _check_visual(request: ActionTraining) -> None:
    visual, recipe = request.recipe.visual, request.recipe
    if (recipe.drop_path or recipe.embedding_dropout) and not request.settings.trains_pictures:
        raise KinodexError(
            "--drop-path and --embedding-dropout leave out parts of the picture tower: train it "
            "too, with --tune all or --tune pictures"
        )
    if visual == "plain":
        return
    if not request.settings.trains_pictures:
        raise KinodexError(
            f"--visual {visual} changes how the picture tower works: train it too, with --tune all"
        )
    if visual == "joint" and request.head.name != ACTION_MEAN_POOLING:
        raise KinodexError(
            "--visual joint makes one embedding of a whole video, so there is nothing left for "
            f"{request.head.name} to fuse: use --head {ACTION_MEAN_POOLING}"
        )


def _check_shifts(request: ActionTraining, start: StartingModel) -> None:
    """Raises KinodexError where frames that were encoded with others would be drawn one by one."""
    is_mixed = not request.settings.trains_pictures and request.recipe.shifts > 1
    if start.backbone.sees_neighbours and is_mixed:
        raise KinodexError(
            "this model's frames see the frames beside them (3D patches), so frames that were "
            "encoded together cannot be drawn one by one: use --shifts 1, or --tune all"
        )


def _templates(recipe: ActionFlags) -> PromptTemplates:
    if recipe.templates is None:
        return PromptTemplates.default()
    return PromptTemplates.from_file(typed_path(recipe.templates))


def _load_clips(recipe: ActionFlags) -> tuple[LabelledDataset, LabelledDataset]:
    """The clips to learn from, and those that choose the best step."""
    training, validation = load_action_training(
        recipe.spec,
        library=recipe.library,
        videos=recipe.videos,
        validation_clips=recipe.validation_videos,
    )
    if len(training.labels) < 2:
        raise KinodexError(
            f"{training.name} has only the label {training.labels[0]!r}: there is nothing to tell "
            "it from, so give at least two"
        )
    return training, validation


def _read_training(
    training: LabelledDataset, cache: FrameCache, shots: int | None, *, seed: int
) -> tuple[LabelledDataset, dict[ClipWindow, str]]:
    """The clips that are learnt from, and those that failed; others take the place of lost shots.

    Raises KinodexError when no clip is left.
    """
    all_failed: dict[ClipWindow, str] = {}
    while True:
        chosen = training if shots is None else few_shot(training, shots, seed=seed)
        failed = fill_cache(cache, chosen.windows, said=_FAILURES).failed
        all_failed |= failed
        if shots is None or not failed:
            return decodable(chosen, failed), all_failed
        training = decodable(training, failed)


def _caches(request: ActionTraining, start: StartingModel) -> tuple[FrameCache, FrameCache]:
    """For training, with several frames of each segment, and for validation with the centres."""
    recipe = request.recipe
    root = typed_path(recipe.cache or default_cache_folder())
    samplings = SegmentSampling(recipe.frames, recipe.shifts), SegmentSampling(recipe.frames)
    if not request.settings.trains_pictures:
        shifted, centred = (
            FrameCache.of_embeddings(root, start.backbone, sampling, crop=recipe.crop)
            for sampling in samplings
        )
        return shifted, centred
    fitting = start.backbone.preprocessing
    validation = FrameCache.of_pixels(root, fitting, samplings[1], crop=recipe.crop)
    if not recipe.augment:
        return FrameCache.of_pixels(root, fitting, samplings[0], crop=recipe.crop), validation
    return FrameCache.of_full_frames(root, fitting, samplings[0]), validation
