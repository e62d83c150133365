"""`kinodex train retrieval`: what a run begins with."""

from indexer.datasets.captions.loading import load_training_data
from indexer.datasets.frames.cache import FrameCache, default_cache_folder
from indexer.datasets.frames.order import FORWARD
from indexer.reading.sampling import Sampling
from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.files import typed_path
from tasks.training.cached_clips import decodable, fill_cache
from tasks.training.prepared_retrieval import PreparedRetrieval
from tasks.training.request import RetrievalFlags, StartFlags, TrainingRequest
from tasks.training.run import check_something_trains, run_training
from tasks.training.starting_model import StartingModel

RetrievalTraining = TrainingRequest[RetrievalFlags]


def train_retrieval(request: RetrievalTraining) -> int:
    """Train text-video retrieval; see `run_training`."""
    check_something_trains(request.head.name, request.settings)
    return run_training(lambda: prepare_retrieval(request), request)


def usual_head(start: StartFlags) -> str:
    """The head to train when none was named."""
    card = start.first_card()
    return card.config.name if card else "seqTransf"


def prepare_retrieval(request: RetrievalTraining) -> PreparedRetrieval:
    """Load the model, read the annotations, decode what is not in the cache yet.

    Raises KinodexError for anything that the user must set right.
    """
    recipe = request.recipe
    pictures = request.settings.trains_pictures
    start = StartingModel.load(
        request.start, patches=recipe.patches, trains_pictures=pictures, max_words=recipe.max_words
    )
    check_order(recipe.order, start.backbone, made_before=not pictures)
    training, validation = load_training_data(
        recipe.spec, videos=recipe.videos, validation_videos=recipe.validation_videos
    )
    cache = _cache(request, start)
    report = fill_cache(cache, [*training.windows, *validation.windows], said={})
    return PreparedRetrieval(
        request,
        start,
        training=decodable(training, report.failed),
        validation=decodable(validation, report.failed),
        cache=cache,
        left_out=len(report.failed),
    )


def check_order(order: str, backbone: Backbone, *, made_before: bool) -> None:
    """Raises KinodexError where embeddings are made of frames in another order.

    made_before: frames are embedded once and for all, and put in order afterwards
    """
    if order != FORWARD and made_before and backbone.sees_neighbours:
        raise KinodexError(
            "this model's frames see the frames beside them (3D patches), so their order cannot "
            "be changed once they are encoded: leave --frame-order out, or train with --tune all"
        )


def _cache(request: RetrievalTraining, start: StartingModel) -> FrameCache:
    """Pixels where the picture tower trains; else its embeddings, made once."""
    recipe = request.recipe
    root = typed_path(recipe.cache or default_cache_folder())
    sampling = Sampling(recipe.frames, recipe.frame_rate, recipe.choose, recipe.by)
    if request.settings.trains_pictures:
        return FrameCache.of_pixels(root, start.backbone.preprocessing, sampling)
    return FrameCache.of_embeddings(root, start.backbone, sampling)
