"""`kinodex evaluate sketch`: how often sketches are recognised, and by whom."""

from dataclasses import dataclass
from pathlib import Path

from models.clip.backbone import Backbone
from models.clip.sources import choose_model
from models.errors import KinodexError
from models.files import typed_path
from models.identity import BUNDLED
from models.labels.prompts import PromptTemplates
from search.catalog.settings import SketchSettings
from search.catalog.store import Store
from sketch.drawing.recognition import Recogniser
from tasks.evaluation.sketch_exam import Exam, exam_of_library, exam_of_pictures
from tasks.evaluation.sketch_report import draw_curve, print_recognition, rows_of
from tasks.sketches.maker import SketchMaker
from tasks.terminal.model_flags import ModelFlags, load_talking
from tasks.terminal.outcomes import Exit
from tasks.terminal.plots import check_plots
from tasks.terminal.printing import talk

# Sentences for things: those for actions, which are the default elsewhere, do not fit them.
PICTURE_PROMPTS = PromptTemplates(("a photo of {}", "a drawing of {}", "a sketch of {}"))


@dataclass(frozen=True)
class SketchExamRequest:
    """What was asked for on the command line.

    pictures: a folder with folders of pictures, or None for the library
    strokes: the numbers of strokes, rising
    drawer, judge: the model that draws, and another one
    """

    pictures: Path | None
    library: Path | None
    strokes: tuple[int, ...]
    settings: SketchSettings
    templates: Path | None
    drawer: ModelFlags
    judge: ModelFlags
    curve: Path | None


def evaluate_sketches(request: SketchExamRequest, *, as_json: bool) -> int:
    """Draw what has to be drawn, ask the models, print the table; → the exit code."""
    if request.curve:
        check_plots()
    templates = _templates(request)
    judge_choice = request.judge.choice(None)
    exam, drawer = _exam(request)
    backbones: dict[str, Backbone] = {}
    if judge_choice is None:
        talk("without --judge only the model that drew is asked, whom its own lines flatter")
    else:
        backbones["judge"] = load_talking(judge_choice, request.judge)
        _check_differs(backbones["judge"], drawer)
    backbones["drawer"] = drawer
    prompts = [[text.replace("{}", label) for text in templates.texts] for label in exam.labels]
    rows = rows_of(exam, {name: Recogniser(one, prompts) for name, one in backbones.items()})
    print_recognition(rows, exam, as_json=as_json)
    if request.curve is not None:
        draw_curve(rows, typed_path(request.curve))
    return Exit.SOME_FAILED if exam.failed else Exit.DONE


def _exam(request: SketchExamRequest) -> tuple[Exam, Backbone]:
    if request.pictures is None:
        with Store.open(request.library) as library:
            exam, maker = exam_of_library(library, request.drawer, request.strokes)
        return exam, maker.backbone
    choice = request.drawer.choice(None) or choose_model(BUNDLED)
    maker = SketchMaker(load_talking(choice, request.drawer), request.settings)
    return exam_of_pictures(typed_path(request.pictures), maker, request.strokes), maker.backbone


def _templates(request: SketchExamRequest) -> PromptTemplates:
    if request.templates is None:
        return PICTURE_PROMPTS
    return PromptTemplates.from_file(typed_path(request.templates))


def _check_differs(judge: Backbone, drawer: Backbone) -> None:
    if judge.identity.frames_digest == drawer.identity.frames_digest:
        raise KinodexError(
            "the judge is the model that drew: name another with --judge, or leave it out"
        )
