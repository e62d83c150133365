"""`kinodex evaluate actions`: from labelled clips to a table of accuracies."""

from dataclasses import dataclass
from pathlib import Path

from indexer.datasets.actions.loading import load_actions
from indexer.datasets.clips import DatasetError
from indexer.datasets.frames.action_scoring import (
    ONE_VIEW,
    THIRTY_VIEWS,
    ActionScorer,
    Average,
    view_cache,
)
from indexer.datasets.frames.cache import FillReport, FrameCache, default_cache_folder
from indexer.datasets.labelled import LabelledDataset
from indexer.reading.sampling import SegmentSampling
from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.files import typed_path
from models.heads.card import VISUALS, WHOLE
from models.heads.checkpoints import LoadedHead, default_action_head, load_action_head, read_card
from models.heads.fit import same_labels
from models.heads.tight import TightTransf
from models.identity import ACTION_MEAN_POOLING, USUAL_TAG_THRESHOLD, HeadChoice
from models.labels.label_texts import LabelTexts, embedded_texts
from models.labels.prompts import PromptTemplates
from models.labels.tagging import Calibration
from models.towers.visual_prompts import use_visual_prompt
from models.training.actions import ActionModel
from search.heads import choose_action_head, with_file
from tasks.evaluation.action_report import (
    ActionFigures,
    MeasuredActions,
    draw_measured,
    print_figures,
    write_clips,
)
from tasks.terminal.bars import fill, say_left_out
from tasks.terminal.model_flags import ModelFlags, load_talking
from tasks.terminal.outcomes import Exit
from tasks.terminal.plots import check_plots
from tasks.terminal.printing import talk

_USUAL_FRAMES = 8
_VIEWS = {"1": ONE_VIEW, "10x3": THIRTY_VIEWS}
_AVERAGES: dict[str, tuple[Average, ...]] = {
    "probabilities": ("probabilities",),
    "embeddings": ("embeddings",),
    "both": ("probabilities", "embeddings"),
}


@dataclass(frozen=True)
class ActionRequest:
    """What was asked for on the command line."""

    data: str
    videos: Path | None
    split: str
    flags: ModelFlags
    head: str | None = None
    other_labels: bool = False
    templates: Path | None = None
    average: str = "probabilities"
    views: str = "1"
    crop: str | None = None
    frames: int | None = None
    threshold: float = USUAL_TAG_THRESHOLD
    is_undecoded_wrong: bool = True
    confusion: Path | None = None
    per_video: Path | None = None
    cache: Path | None = None


def evaluate_actions(request: ActionRequest, *, as_json: bool) -> int:
    """Measure, print the table, draw and write what was asked for; → the exit code."""
    if request.confusion:
        check_plots()
    dataset = load_actions(request.data, videos=request.videos, split=request.split)
    if request.confusion and (dataset.targets.sum(axis=1) != 1).any():
        raise KinodexError(
            f"{dataset.name} has clips with several labels, or with none: a confusion matrix needs "
            "one label for each clip; leave --confusion out"
        )
    _check_crop(request)
    templates = _templates(request)
    backbone = load_talking(request.flags.or_usual(), request.flags)
    head = _load_head(request, backbone, dataset)
    if head.card and head.card.action:
        use_visual_prompt(backbone.model.visual, head.card.action, head.visual_state)
    texts = _texts(dataset, templates, backbone)
    cache = _cache(request, backbone, head)
    filled = fill(cache, dataset.windows)
    _say_undecoded(filled, request)
    counted = dataset if request.is_undecoded_wrong else dataset.without(filled.failed)
    if len(filled.failed) >= len(set(dataset.windows)):
        raise DatasetError(f"none of the videos of {dataset.name} can be decoded")
    scorer = _scorer(request, backbone, head, texts, cache)
    scores = scorer.scores_of(counted, undecoded=filled.failed, averages=_AVERAGES[request.average])
    measured = MeasuredActions(counted, scores, filled.failed, request.threshold)
    figures = ActionFigures.of(measured)
    print_figures(figures, measured, _described(request, head, cache, templates), as_json=as_json)
    if request.confusion is not None:
        draw_measured(typed_path(request.confusion), measured)
    if request.per_video is not None:
        write_clips(typed_path(request.per_video), measured)
    return Exit.SOME_FAILED if filled.failed else Exit.DONE


def _check_crop(request: ActionRequest) -> None:
    if request.crop is not None and request.views != "1":
        raise KinodexError(
            f"{request.views} views are made of crops of their own: leave --crop out"
        )


def _crop(request: ActionRequest, head: LoadedHead) -> str:
    """What of each frame is seen: what was asked for, else what the head learnt from."""
    action = head.card.action if head.card else None
    return request.crop or (action.crop if action else WHOLE)


def _templates(request: ActionRequest) -> PromptTemplates:
    if request.templates is None:
        return PromptTemplates.default()
    return PromptTemplates.from_file(typed_path(request.templates))


def _texts(dataset: LabelledDataset, templates: PromptTemplates, backbone: Backbone) -> LabelTexts:
    return embedded_texts(
        dataset.labels, templates, tokenize=backbone.tokenize, embed=backbone.embed_texts
    )


def _load_head(request: ActionRequest, backbone: Backbone, dataset: LabelledDataset) -> LoadedHead:
    """The head that was asked for; without one the model's own, if it knows these labels."""
    return load_action_head(
        _head_choice(request, backbone, dataset),
        backbone.identity,
        backbone.dim,
        labels=None if request.other_labels else dataset.labels,
        visuals=VISUALS,
    )


def _head_choice(
    request: ActionRequest, backbone: Backbone, dataset: LabelledDataset
) -> HeadChoice:
    shipped = default_action_head(backbone.choice)
    if request.head is not None:
        return with_file(choose_action_head(request.head), shipped)
    action = read_card(shipped.file).action if shipped.file else None
    if action is None or request.other_labels or same_labels(action.labels, dataset.labels):
        return shipped
    talk(
        f"the {shipped.name} that comes with the model was trained on other labels, so "
        f"{ACTION_MEAN_POOLING} is measured; --other-labels measures it all the same"
    )
    return HeadChoice(ACTION_MEAN_POOLING)


def _cache(request: ActionRequest, backbone: Backbone, head: LoadedHead) -> FrameCache:
    """Embeddings of frames; where the picture tower must see several at once, their pixels."""
    root = typed_path(request.cache or default_cache_folder())
    frames = request.frames or (head.card.frames if head.card else _USUAL_FRAMES)
    views, crop = _VIEWS[request.views], _crop(request, head)
    if _visual(head) == "plain":
        return view_cache(root, backbone, frames=frames, views=views, crop=crop)
    sampling = SegmentSampling(frames, views.shifts)
    if views.crops > 1:
        return FrameCache.of_pixel_crops(root, backbone.preprocessing, sampling)
    return FrameCache.of_pixels(root, backbone.preprocessing, sampling, crop=crop)


def _scorer(
    request: ActionRequest,
    backbone: Backbone,
    head: LoadedHead,
    texts: LabelTexts,
    cache: FrameCache,
) -> ActionScorer:
    action = head.card.action if head.card else None
    assert not isinstance(head.head, TightTransf)  # noqa: S101 - load_action_head gives none
    model = ActionModel(head.head)
    if _visual(head) != "plain":
        model = ActionModel(
            head.head, backbone=backbone.model, preprocessing=backbone.preprocessing
        )
    return ActionScorer(
        model.to(backbone.device).eval(),
        texts,
        cache,
        views=_VIEWS[request.views],
        logit_scale=head.card.logit_scale if head.card else backbone.logit_scale,
        calibration=Calibration(action.scale, action.offset) if action else None,
    )


def _visual(head: LoadedHead) -> str:
    return head.card.action.visual if head.card and head.card.action else "plain"


def _say_undecoded(filled: FillReport, request: ActionRequest) -> None:
    treated = "not decoded, counted as wrong" if request.is_undecoded_wrong else "left out"
    say_left_out(filled, what="clip", treated=treated)


def _described(
    request: ActionRequest, head: LoadedHead, cache: FrameCache, templates: PromptTemplates
) -> dict[str, str | int]:
    """What was measured, by name."""
    return {
        "head": head.identity.name,
        "visual": _visual(head),
        "frames": cache.sampling.frames // _VIEWS[request.views].shifts,
        "views": request.views,
        "crop": _crop(request, head) if request.views == "1" else "three",
        "templates": len(templates),
    }
