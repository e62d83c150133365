"""What a run of `kinodex train actions` is made of, before its first step."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from indexer.datasets.labelled import LabelledClip, LabelledDataset
from models.clip.sources import LoadedModel
from models.labels.prompts import PromptTemplates
from models.training.loop import TrainingSettings
from tasks.terminal.model_flags import ModelFlags
from tasks.training import actions, prepared, prepared_actions
from tasks.training.prepared_actions import LabelledFrames, PreparedActions
from tasks.training.request import ActionFlags, HeadFlags, StartFlags, TrainingRequest
from tasks.training.starting_model import StartingModel
from tests.tiny import tiny_backbone

FLAGS = ActionFlags(
    "a.csv", None, None, None, 3, 2, 4, None, 5, True, None, None, 10.0, None, "plain"
)
LABELS = ("running", "walking", "sitting")


def dataset(*labels: tuple[int, ...], names: tuple[str, ...] = LABELS) -> LabelledDataset:
    clips = tuple(LabelledClip(f"v{at}", Path(f"v{at}"), held) for at, held in enumerate(labels))
    return LabelledDataset("list", "train", names, clips)


def run(
    training: LabelledDataset | None = None,
    validation: LabelledDataset | None = None,
    *,
    tune: str = "head",
    **flags: object,
) -> PreparedActions:
    settings = TrainingSettings(steps=1, tune=tune, seed=3)  # type: ignore[arg-type]
    recipe = replace(FLAGS, **flags)  # type: ignore[arg-type]
    head = HeadFlags("Transf", 1, gated=False, standardised=False)
    start = StartFlags(ModelFlags(), None)
    request = TrainingRequest(Path("out"), start, head, settings, recipe)
    backbone = SimpleNamespace(
        device=SimpleNamespace(type="cpu"), preprocessing=SimpleNamespace(size=(32, 32))
    )
    cache: Any = None
    return PreparedActions(
        request,
        SimpleNamespace(choice="tiny", backbone=backbone),  # type: ignore[arg-type]
        LabelledFrames(training or dataset(*[(0,)] * 10), cache),
        LabelledFrames(validation or replace(dataset((0,)), split="held out"), cache),
        left_out=0,
        templates=SimpleNamespace(digest=lambda: "templates"),  # type: ignore[arg-type]
    )


def test_clips_of_one_label_each_are_chosen_by_top_1_and_others_by_average_precision():
    assert run(validation=dataset((0,), (1,))).figure == "top1"
    assert run(validation=dataset((0,), (1, 2))).figure == "map"
    assert run(validation=dataset((0,), ())).figure == "map"


def test_tags_are_learnt_too_unless_a_tower_trains_or_it_is_said():
    assert run()._tag_weight == 1.0
    assert run(tune="text")._tag_weight == 0.0
    assert run(tune="text", tag_weight=0.25)._tag_weight == 0.25
    assert run(tag_weight=0.0)._tag_weight == 0.0


def test_batches_are_no_larger_than_the_data_and_the_same_in_every_process(monkeypatch):
    assert run()._batch_size == 4
    assert run(dataset((0,), (1,)))._batch_size == 2
    monkeypatch.setattr(prepared_actions, "process_count", lambda: 3)
    assert run(batch_size=7)._batch_size == 6
    assert run(dataset((0,), (1,)))._batch_size == 3


def test_clips_are_mirrored_unless_labels_speak_of_sides_or_it_is_said():
    sides = dataset((0,), names=("turning left",))
    assert run()._flips is True
    assert run(sides)._flips is False
    assert run(sides, flip=True)._flips is True
    assert run(flip=False)._flips is False


def test_only_pixels_are_changed_for_training():
    assert run()._augmentation() is None
    assert run(tune="text")._augmentation() is None
    assert run(tune="all", augment=False)._augmentation() is None
    changed = run(tune="all")._augmentation()
    assert (changed.size, changed.flip) == ((32, 32), True)


def said(one: PreparedActions, capsys: pytest.CaptureFixture[str]) -> list[str]:
    one.say_what_is_trained()
    return capsys.readouterr().err.splitlines()


def test_what_is_trained_is_said(capsys):
    assert said(run(), capsys) == [
        "model tiny on cpu, head Transf; 10 training clips, 3 labels",
        "1 video of the training split held out to choose the best step by",
    ]
    assert said(run(dataset((0,), ()), dataset((0,), (1,))), capsys) == [
        "model tiny on cpu, head Transf; 2 training clips, 3 labels",
        "1 clip without a label teach that none may hold",
        "that is less than a batch: 2 clips in every step",
        "2 videos of the split 'train' choose the best step",
    ]


def test_it_is_said_why_no_clip_is_mirrored(capsys):
    sides = dataset(*[(0,)] * 4, names=("turning left",))
    assert said(run(tune="all"), capsys)[1:-1] == []
    assert said(run(tune="all", flip=False), capsys)[1:-1] == ["no clip is mirrored"]
    assert said(run(sides, tune="all"), capsys)[1:-1] == [
        "no clip is mirrored: the labels speak of left and right (--flip mirrors all the same)"
    ]
    assert said(run(sides), capsys)[1:-1] == []


def test_every_process_uses_the_clips_of_the_first(monkeypatch):
    one = run()
    first = [dataset((1,)), dataset((2,)), 7]
    monkeypatch.setattr(prepared, "process_count", lambda: 2)

    def broadcast(values: list[Any], *, src: int, device: object) -> None:
        assert src == 0
        values[:] = first

    monkeypatch.setattr(prepared.distributed, "broadcast_object_list", broadcast)
    one.agree_on_data()
    assert [one.training.dataset, one.validation.dataset, one.left_out] == first
    alone = run()
    monkeypatch.setattr(prepared, "process_count", lambda: 1)
    alone.agree_on_data()
    assert (len(alone.training.dataset), alone.left_out) == (10, 0)


def test_a_run_that_goes_on_has_its_clips_and_templates_in_common():
    assert run()._data() == {
        "templates": "templates",
        "training clips": "10",
        "validation clips": "1",
    }


def test_other_clips_take_the_place_of_shots_that_cannot_be_decoded(monkeypatch):
    training = dataset(*[(0,)] * 4, *[(1,)] * 4)
    broken = {training.windows[at] for at in (0, 1, 2, 4)}
    filled: list[int] = []

    def fill_cache(_cache: object, windows: Any, *, said: object) -> Any:
        assert said == {"what": "clip", "treated": "left out"}
        filled.append(len(windows))
        return SimpleNamespace(failed={one: "odd" for one in windows if one in broken})

    monkeypatch.setattr(actions, "fill_cache", fill_cache)
    cache: Any = None
    chosen, failed = actions._read_training(training, cache, 2, seed=0)
    assert np.count_nonzero(chosen.targets, axis=0).tolist() == [1, 2, 0]
    assert set(failed) <= broken
    assert {training.windows[at] for at in (0, 1, 2)} <= set(failed)
    assert filled[0] == 4
    chosen, failed = actions._read_training(training, cache, None, seed=0)
    assert (len(chosen), set(failed)) == (4, broken)


class Cache:
    """Names itself where frames are asked for."""

    def __init__(self, name: str) -> None:
        self.name = name


def real(
    *, tune: str = "head", seed: int = 3, standardised: bool = False, **flags: object
) -> PreparedActions:
    """A run with a model, however small."""
    one = run(dataset((0,), (1,)), tune=tune, **flags)
    backbone = tiny_backbone()
    loaded = LoadedModel(backbone.model, lambda texts: torch.full((len(texts), 16), 7))
    one.start = StartingModel(backbone.choice, loaded, backbone, None)
    settings = replace(one.request.settings, seed=seed)
    head = replace(one.request.head, standardised=standardised)
    one.request = replace(one.request, settings=settings, head=head)
    one.templates = PromptTemplates(("a video of {}", "{}"))
    for part in ("training", "validation"):
        cache: Any = Cache(part)
        setattr(one, part, replace(getattr(one, part), cache=cache))
    return one


def weights(one: PreparedActions) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in one._fresh_model().head.parameters()]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_seed_gives_the_same_first_weights_each_time():
    one = real()
    torch.manual_seed(11)
    first = weights(one)
    torch.manual_seed(12)
    assert same(first, weights(one))
    assert not same(first, weights(real(seed=4)))


def test_labels_are_put_into_templates_once(monkeypatch):
    made: list[str] = []

    def noting(name: str):
        function = getattr(prepared_actions, name)

        def noted(*given: Any, **how: Any) -> Any:
            made.append(name)
            return function(*given, **how)

        return noted

    for name in ("tokenized_texts", "embedded_texts"):
        monkeypatch.setattr(prepared_actions, name, noting(name))
    one = real()
    assert one._label_texts() is one._label_texts()
    assert one._label_texts().labels.shape == (2, 3, 24)
    real(tune="text")._label_texts()
    assert made == ["embedded_texts", "tokenized_texts"]


def test_a_standardised_head_is_fitted_to_frames_as_the_model_takes_them(monkeypatch):
    fitted: list[tuple[str, int, int]] = []

    def centre_frames(part: Any, cache: Any, start: int, stop: int) -> tuple[str, int]:
        assert start == 0
        return cache.name, stop

    def fit_inputs(_model: object, name: str, clips: int, *, texts: torch.Tensor) -> None:
        fitted.append((name, clips, len(texts)))

    monkeypatch.setattr(prepared_actions, "centre_frames", centre_frames)
    monkeypatch.setattr(prepared_actions, "fit_inputs", fit_inputs)
    real()._fresh_model()
    real(standardised=True)._fresh_model()
    # Larger pixels are kept for cropping: those that validate are of the model's size.
    real(standardised=True, tune="all")._fresh_model()
    real(standardised=True, tune="all", augment=False)._fresh_model()
    assert fitted == [("training", 2, 1), ("validation", 1, 1), ("training", 2, 1)]


def test_what_is_written_down_beside_the_weights():
    one = real()
    one.validation = replace(one.validation, dataset=dataset((0,), (1,)))
    export = one._export(one._validator())
    assert (export.dataset, export.frames, export.frame_rate) == ("list (train)", 3, 0.0)
    assert (export.action.labels, export.action.visual, export.action.frames) == (
        LABELS,
        "plain",
        3,
    )
    assert (export.backbone_trains, export.calibrate is not None) == (False, True)
    # Without any label that holds, or with none that does not, there is nothing to calibrate by.
    for labels in ((), (0, 1, 2)):
        one.validation = replace(one.validation, dataset=dataset(labels))
        assert one._export(one._validator()).calibrate is None
