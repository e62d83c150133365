"""What a run of `kinodex train retrieval` is made of, before its first step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from indexer.datasets.clips import CaptionedClip, ClipWindow, Dataset
from indexer.datasets.frames.cache import FillReport
from models.clip.sources import LoadedModel
from models.training.loop import TrainingSettings
from tasks.terminal.model_flags import ModelFlags
from tasks.training import prepared_retrieval, retrieval
from tasks.training.prepared_retrieval import PreparedRetrieval
from tasks.training.request import HeadFlags, RetrievalFlags, StartFlags, TrainingRequest
from tasks.training.starting_model import StartingModel
from tests.tiny import tiny_backbone

FLAGS = RetrievalFlags("a.csv", None, None, 3, 2.0, 2, "expanded", False, 5)
SETTINGS = TrainingSettings(steps=1, seed=3)


def dataset(*captions_of: int, split: str = "train") -> Dataset:
    """So many captions of each video."""
    clips = tuple(
        CaptionedClip(f"v{video}", Path(f"v{video}"), f"caption {video} {number}")
        for video, count in enumerate(captions_of)
        for number in range(count)
    )
    return Dataset("pairs", split, clips)


class Cache:
    """Gives each clip three frames that are its number."""

    def batch(self, windows: Any) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = [float(one.path.name[1:]) for one in windows]
        frames = torch.tensor(numbers)[:, None, None].expand(-1, 3, 24).half()
        return frames, torch.ones(len(numbers), 3, dtype=torch.bool)

    def longest(self, windows: Any) -> int:
        return 3


def run(
    *,
    head: str = "seqLSTM",
    tune: str = "head",
    seed: int = 3,
    standardised: bool = False,
    **recipe: object,
) -> PreparedRetrieval:
    backbone = tiny_backbone()
    loaded = LoadedModel(backbone.model, lambda texts: torch.full((len(texts), 16), 7))
    start = StartingModel(backbone.choice, loaded, backbone, None)
    settings = replace(SETTINGS, tune=tune, seed=seed)  # type: ignore[arg-type]
    flags = HeadFlags(head, 1, gated=False, standardised=standardised)
    request = TrainingRequest(
        Path("out"),
        StartFlags(ModelFlags(), None),
        flags,
        settings,
        replace(FLAGS, **recipe),  # type: ignore[arg-type]
    )
    cache: Any = Cache()
    validation = dataset(2, 1, split="held out")
    return PreparedRetrieval(request, start, dataset(2, 2, 1), validation, cache, left_out=0)


def weights(one: PreparedRetrieval) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in one._fresh_model().head.parameters()]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_seed_gives_the_same_first_weights_each_time():
    one = run()
    torch.manual_seed(11)
    first = weights(one)
    torch.manual_seed(12)
    assert same(first, weights(one))
    assert not same(first, weights(run(seed=4)))


def test_what_is_trained_is_said(capsys):
    run().say_what_is_trained()
    assert capsys.readouterr().err.splitlines() == [
        "model tiny-1 on cpu, head seqLSTM; 3 training videos, 5 captions",
        "2 videos of the training split held out to choose the best step by",
    ]
    assert (run().figure, run()._data()) == (
        "r1",
        {"training videos": "3", "validation videos": "2"},
    )


def test_captions_are_encoded_once_unless_the_text_tower_trains(monkeypatch):
    encoded: list[int] = []

    def embed_captions(_backbone: object, captions: list[str]) -> torch.Tensor:
        encoded.append(len(captions))
        return torch.zeros(len(captions), 24)

    monkeypatch.setattr(prepared_retrieval, "embed_captions", embed_captions)
    one = run()
    batch = one._source().batch(0)
    assert (batch.token_ids, batch.text_embeddings.shape) == (None, (2, 24))
    one._source()
    one._validator()
    one._validator()
    assert encoded == [5, 3]
    trained = run(tune="text")._source().batch(0)
    assert (trained.text_embeddings, trained.token_ids.tolist()) == (None, [[7] * 16] * 2)
    assert len(encoded) == 2


def test_batches_are_made_as_was_asked_for():
    assert run(tune="text").steps_per_epoch == 2
    assert run(tune="text", batch_size=5).steps_per_epoch == 1
    assert run(tune="text", captions="one_caption").steps_per_epoch == 1
    for step in range(2):
        batch = run(tune="text", unique_videos=True)._source().batch(step)
        assert len(set(batch.video_ids.tolist())) == 2


def test_a_tight_head_is_chosen_by_one_caption_of_each_video(monkeypatch):
    seen: list[tuple[Any, ...]] = []

    def validator(texts: Any, video_of_text: torch.Tensor, _frames: Any, *, videos: int) -> None:
        seen.append((len(texts), video_of_text.tolist(), videos))

    monkeypatch.setattr(prepared_retrieval, "PairValidator", validator)
    run(head="tightTransf", tune="text")._validator()
    run(tune="text")._validator()
    assert seen == [(2, [0, 1], 2), (3, [0, 0, 1], 2)]


def test_what_is_written_down_beside_the_weights():
    export = run()._export()
    assert (export.dataset, export.frames, export.frame_rate) == ("pairs (train)", 3, 2.0)
    assert (export.backbone_trains, run(tune="text")._export().backbone_trains) == (False, True)


def test_only_a_mean_goes_on_with_a_mean(monkeypatch, tmp_path):
    asked: list[tuple[str, ...]] = []
    for head in ("meanP", "seqLSTM"):
        one = run(head=head)
        one.start.head_file = tmp_path / "head"
        monkeypatch.setattr(one.start, "first_head", lambda *means: asked.append(means))
        assert one._first_head() == (tmp_path / "head" if head == "meanP" else None)
    assert asked == [("meanP",)]


def test_a_standardised_head_is_fitted_to_some_clips_and_captions(monkeypatch):
    fitted: list[tuple[int, ...]] = []

    def fit_inputs(_model: object, frames: torch.Tensor, _mask: Any, texts: torch.Tensor) -> None:
        fitted.append((len(frames), len(texts)))

    monkeypatch.setattr(prepared_retrieval, "fit_inputs", fit_inputs)
    run(standardised=True)._fresh_model()
    run()._fresh_model()
    assert fitted == [(3, 5)]


@pytest.mark.parametrize(("tune", "shape"), [("head", (3, 24)), ("all", (3, 3, 32, 32))])
def test_pixels_are_kept_where_the_picture_tower_trains(tmp_path, tune, shape):
    one = run(tune=tune, cache=tmp_path)
    cache = retrieval._cache(one.request, one.start)
    assert cache.batch([])[0].shape[1:] == shape
    assert (cache.sampling.frames, cache.sampling.rate) == (3, 2.0)


def test_videos_that_cannot_be_decoded_are_left_out_of_both_parts(monkeypatch, tmp_path):
    one = run(cache=tmp_path)
    parts = dataset(1, 1, 1), replace(dataset(2, 1), split="val")
    broken = ClipWindow(Path("v1"))
    asked: list[Any] = []

    def fill_cache(_cache: object, windows: list[ClipWindow], *, said: object) -> Any:
        asked.append(windows)
        assert said == {}
        return FillReport(0, 0, {broken: "odd"})

    monkeypatch.setattr(retrieval.StartingModel, "load", lambda _flags, **_how: one.start)
    monkeypatch.setattr(retrieval, "load_training_data", lambda *_, **__: parts)
    monkeypatch.setattr(retrieval, "fill_cache", fill_cache)
    made = retrieval.prepare_retrieval(one.request)
    assert [window.path.name for window in asked[0]] == ["v0", "v1", "v2", "v0", "v1"]
    assert (made.training.video_ids, made.validation.video_ids) == (("v0", "v2"), ("v0",))
    assert made.left_out == 1
