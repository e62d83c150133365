"""Training an action model: what is drawn, what agrees, chunks, processes, what trains."""

import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import KinodexError
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.labels.label_texts import LabelTexts
from models.training.actions import ActionModel, ActionTask, PromptedPairs
from models.training.batches import LabelledBatch
from models.training.distributed import average_gradients_
from models.training.files import read_history
from models.training.loop import TrainingSettings
from models.training.losses import kl_loss
from tests.models.labelled_videos import (
    DIM,
    FRAMES,
    LABELS,
    SENTENCES,
    TEMPLATES,
    LabelledVideos,
    action_model,
    texts,
)
from tests.models.two_processes import in_two_processes


def settings(**changes: object) -> TrainingSettings:
    usual = TrainingSettings(
        steps=4, head_learning_rate=1e-3, backbone_learning_rate=1e-3, save_every=2
    )
    return replace(usual, **changes)


def train(folder: Path, model: ActionModel, one: TrainingSettings, **options):
    source = LabelledVideos(pixels=one.tune == "all")
    label_texts = texts(embedded=one.tune == "head")
    return ActionTask(model, source, label_texts, one, **options).trainer(folder).run()


def state(model: ActionModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], model: ActionModel) -> set[str]:
    after = model.state_dict()
    return {name for name in before if not torch.equal(before[name], after[name])}


def drawn(step: int, *, seed: int = 0) -> tuple[list[tuple[int, int]], list[int]]:
    """(template, label) of each text, (-1, sentence) for neutral ones; and the rows of those."""
    numbered = LabelTexts(
        torch.arange(TEMPLATES * LABELS).reshape(TEMPLATES, LABELS, 1) * 1.0,
        1000.0 + torch.arange(SENTENCES).unsqueeze(1),
    )
    batch = PromptedPairs(LabelledVideos(), numbered, seed=seed).batch(step)
    found = [int(value) for value in batch.texts[:, 0]]
    pairs = [(-1, n - 1000) if n >= 1000 else (n // LABELS, n % LABELS) for n in found]
    return pairs, [row for row, n in enumerate(found) if n >= 1000]


def test_a_video_draws_one_of_its_labels_and_one_without_any_a_neutral_sentence():
    labels = LabelledVideos().batch(0).labels
    for step in range(20):
        pairs, neutral = drawn(step)
        assert neutral == [7]
        for row, (_, label) in enumerate(pairs[:7]):
            assert labels[row, label]


def test_all_labels_of_a_video_all_templates_and_all_sentences_get_their_turn():
    seen = [drawn(step)[0] for step in range(60)]
    assert {label for pairs in seen for _, label in pairs[:1]} == {0, 3}
    assert {template for pairs in seen for template, _ in pairs[:7]} == {0, 1, 2}
    assert {sentence for pairs in seen for _, sentence in pairs[7:]} == {0, 1}


def test_the_draws_depend_on_seed_and_step_alone():
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert drawn(3) != drawn(3, seed=1)


def test_a_text_is_right_for_every_video_of_which_its_label_holds():
    source = LabelledVideos()
    batch = PromptedPairs(source, texts(), seed=0).batch(2)
    pairs, _ = drawn(2)
    labels = source.batch(2).labels
    for text, (template, label) in enumerate(pairs):
        for video in range(8):
            unlabelled = not labels[video].any()
            expected = unlabelled if template == -1 else bool(labels[video, label])
            assert bool(batch.positives[text, video]) == expected
    assert batch.positives.diagonal().all()


@pytest.mark.parametrize("temperature", [10.0, math.inf])
def test_the_loss_is_the_divergence_over_the_whole_batch(tmp_path, temperature):
    model = action_model("MeanP")
    source = LabelledVideos()
    batch = PromptedPairs(source, texts(), seed=0).batch(0)
    unit = torch.nn.functional.normalize(batch.texts, dim=-1)
    logits = 100 * unit @ model.embed_videos(batch.frames, batch.mask).T
    expected = kl_loss(logits, same_label=batch.positives, target_temperature=temperature)
    with torch.no_grad():
        model.logit_scale.fill_(math.log(100))
    train(tmp_path, model, settings(steps=1), target_temperature=temperature)
    assert read_history(tmp_path)[0]["loss"] == pytest.approx(float(expected), rel=1e-5)


def test_the_tag_loss_is_added_with_its_weight(tmp_path):
    batch = LabelledVideos().batch(0)
    found = texts()
    unit = torch.nn.functional.normalize
    labels = unit(unit(found.labels, dim=-1).sum(dim=0), dim=-1)
    neutral = unit(found.neutral, dim=-1)
    losses = []
    for weight in (0.0, 1.0, 0.25):
        model = action_model("MeanP")
        train(tmp_path / str(weight), model, settings(steps=1), tag_weight=weight)
        losses.append(read_history(tmp_path / str(weight))[0]["loss"])
    model = action_model("MeanP")
    videos = model.embed_videos(batch.frames, batch.mask)
    factor = model.logit_scale.item()
    expected = 0.0
    for video, holds in zip(videos, batch.labels.tolist(), strict=True):
        bar = sum(math.exp(math.exp(factor) * float(video @ text)) for text in neutral)
        for label, true in zip(labels, holds, strict=True):
            score = math.exp(factor) * float(video @ label) - math.log(bar)
            expected += math.log1p(math.exp(-score if true else score)) / len(videos)
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-4)
    assert losses[2] - losses[0] == pytest.approx(expected / 4, rel=1e-4)


def test_a_text_tower_that_trains_reads_each_label_in_one_template_and_ready_ones_in_all():
    unit = torch.nn.functional.normalize
    cpu, model, ids = torch.device("cpu"), action_model(), texts(embedded=False)
    task = ActionTask(model, LabelledVideos(), ids, settings(tune="text"), tag_weight=1.0)
    for template in range(TEMPLATES):
        labels, neutral = task._all_labels(template, cpu)
        expected = unit(model.embed_texts(ids.labels[template]), dim=1)
        torch.testing.assert_close(labels, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(neutral, unit(model.embed_texts(ids.neutral), dim=1))
    ready = texts()
    task = ActionTask(action_model(), LabelledVideos(), ready, settings(), tag_weight=1.0)
    labels, _ = task._all_labels(1, cpu)
    torch.testing.assert_close(labels, unit(unit(ready.labels, dim=2).sum(dim=0), dim=1))


@pytest.mark.parametrize("head", ["seqLSTM", "LSTM", "Conv1D", "Transf"])
def test_an_interrupted_run_goes_on_to_exactly_the_same_weights(tmp_path, head):
    whole, first, second = (action_model(head) for _ in range(3))
    train(tmp_path / "whole", whole, settings())
    stop = threading.Event()
    trainer = ActionTask(first, LabelledVideos(), texts(), settings()).trainer(
        tmp_path / "parts", on_step=lambda report: stop.set() if report.step == 3 else None
    )
    assert trainer.run(stop).steps == 3
    assert train(tmp_path / "parts", second, settings()).finished
    assert changed(state(whole), second) == set()


@pytest.mark.parametrize(
    ("tune", "visual", "parts"),
    [
        ("head", "plain", {"head", "logit_scale"}),
        ("text", "plain", {"head", "logit_scale", "backbone.text"}),
        ("all", "plain", {"head", "logit_scale", "backbone.text", "backbone.visual"}),
        ("all", "shift", {"head", "logit_scale", "backbone.text", "backbone.visual"}),
        ("all", "joint", {"head", "logit_scale", "backbone.text", "backbone.visual"}),
    ],
)
def test_only_what_is_tuned_changes(tmp_path, tune, visual, parts):
    model = action_model("LSTM", visual=visual)
    before = state(model)
    train(tmp_path, model, settings(tune=tune))
    found = {
        ("backbone.visual" if "visual" in name else "backbone.text")
        if name.startswith("backbone")
        else name.split(".")[0]
        for name in changed(before, model)
    }
    assert found == parts
    if visual == "joint":
        assert "backbone.visual.temporal_embedding" in changed(before, model)


def test_ready_texts_cannot_train_a_text_tower(tmp_path):
    with pytest.raises(ValueError, match="trains the text tower: give token ids"):
        ActionTask(action_model(), LabelledVideos(), texts(), settings(tune="text"))


@pytest.mark.parametrize(
    ("tune", "visual", "tag_weight"),
    [
        ("head", "plain", 0.0),
        ("head", "plain", 0.5),
        ("text", "plain", 0.5),
        ("all", "plain", 0.0),
        ("all", "shift", 0.0),
        ("all", "joint", 0.5),
    ],
)
def test_chunks_train_like_the_whole_batch(tmp_path, tune, visual, tag_weight):
    for chunk in (None, 3):
        model = action_model(visual=visual)
        chunked = settings(steps=2, tune=tune, chunk=chunk)
        train(tmp_path / str(chunk), model, chunked, tag_weight=tag_weight)
    one, other = (read_history(tmp_path / name) for name in ("None", "3"))
    for before, after in zip(one, other, strict=True):
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-5)
        assert after["gradient_norm"] == pytest.approx(before["gradient_norm"], rel=1e-4)


def gradients(
    head: str, tune: str, visual: str, chunk: int | None, tag_weight: float
) -> dict[str, torch.Tensor]:
    """Of the first step, as the training loop would find them."""
    model = action_model(head, visual=visual)
    task = ActionTask(
        model,
        LabelledVideos(pixels=tune == "all"),
        texts(embedded=tune == "head"),
        settings(tune=tune, chunk=chunk),
        target_temperature=10.0,
        tag_weight=tag_weight,
        validate=None,
        export=None,
    )
    task.accumulate_gradients(0, lambda loss: loss)
    average_gradients_(model.parameters())
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


CASES = [
    ("LSTM", "head", "plain", None, 0.0),
    ("Transf", "text", "plain", None, 0.5),
    ("MeanP", "all", "shift", None, 0.0),
    ("MeanP", "all", "joint", 3, 0.5),
]


def _share_of_gradients(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    found = [gradients(*case) for case in CASES]
    torch.save(found, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_gradients_of_one(tmp_path):
    in_two_processes(_share_of_gradients, tmp_path)
    shares = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    for number, case in enumerate(CASES):
        alone = gradients(*case)
        for share in shares:
            assert share[number].keys() == alone.keys()
            for name, gradient in alone.items():
                size = max(1.0, float(gradient.abs().max()))
                torch.testing.assert_close(share[number][name], gradient, atol=1e-6 * size, rtol=0)


def test_a_head_learns_labels_several_at_once_and_that_nothing_fits(tmp_path):
    class Moving:
        """Each label that holds moves the frames along a direction of its own."""

        steps_per_epoch = 10
        directions = torch.randn(LABELS, DIM, generator=torch.Generator().manual_seed(1))

        def batch(self, step: int) -> LabelledBatch:
            draw = torch.Generator().manual_seed(step)
            labels = torch.rand(32, LABELS, generator=draw) < 0.25
            path = torch.linspace(-1, 1, FRAMES)[:, None]
            moves = labels.float() @ self.directions
            frames = 0.3 * torch.randn(32, 1, DIM, generator=draw) + path * moves.unsqueeze(1)
            return LabelledBatch(
                mask=torch.ones(32, FRAMES, dtype=torch.bool),
                labels=labels,
                frame_embeddings=frames,
            )

    torch.manual_seed(0)
    model = ActionModel(make_head(HeadConfig("seqLSTM", DIM)))
    rates = settings(steps=80, head_learning_rate=1e-2, precision="bfloat16")
    ActionTask(model, Moving(), texts(), rates).trainer(tmp_path).run()
    losses = [record["loss"] for record in read_history(tmp_path)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_a_joint_tower_gives_the_head_one_embedding_a_video():
    model = action_model("MeanP", visual="joint").eval()
    batch = LabelledVideos(pixels=True).batch(0)
    changed_padding = torch.where(
        batch.mask[..., None, None, None], batch.frames, 255 - batch.frames
    )
    first = model.embed_videos(batch.frames, batch.mask)
    assert first.shape == (8, DIM)
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(8))
    assert torch.equal(first, model.embed_videos(changed_padding, batch.mask))


def test_the_logit_scale_is_held_within_its_bound(tmp_path):
    model = action_model()
    with torch.no_grad():
        model.logit_scale.fill_(9.0)
    train(tmp_path, model, settings(steps=1))
    assert model.logit_scale.item() == pytest.approx(4.60517, abs=1e-4)


def test_another_target_temperature_is_another_run(tmp_path):
    train(tmp_path, action_model(), settings())
    with pytest.raises(KinodexError, match=r"target_temperature was 10\.0, now inf"):
        train(tmp_path, action_model(), settings(), target_temperature=math.inf)


def test_an_epoch_is_as_long_as_that_of_the_videos():
    assert PromptedPairs(LabelledVideos(), texts(), seed=0).steps_per_epoch == 5


def test_labels_that_are_no_truth_values_are_refused():
    mask, frames = torch.ones(2, 1, dtype=torch.bool), torch.zeros(2, 1, DIM)
    with pytest.raises(ValueError, match="labels must be a bool matrix"):
        LabelledBatch(mask=mask, labels=torch.tensor([0, 1]), frame_embeddings=frames)
    with pytest.raises(ValueError, match="either frame_embeddings or pixels"):
        LabelledBatch(mask=mask, labels=torch.ones(2, 3, dtype=torch.bool))
