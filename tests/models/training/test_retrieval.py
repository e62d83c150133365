"""Training a retrieval model: resuming, chunks, processes, what trains, what is written."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch

from models.clip.patches import use_3d_patches
from models.clip.preprocess import Preprocessing
from models.errors import KinodexError
from models.heads.checkpoints import load_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.identity import EncoderIdentity, HeadChoice, ModelChoice
from models.training.batches import PairBatch
from models.training.export import HeadExport
from models.training.files import CHECKPOINT_FILE, read_history
from models.training.loop import TrainingDiverged, TrainingReport, TrainingSettings
from models.training.retrieval import RetrievalTask
from models.training.text_video import TextVideoModel
from tests.models.two_processes import in_two_processes

DIM, FRAMES, CONTEXT = 16, 4, 8
CONFIG = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": 16, "layers": 1, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
}
ENCODER = EncoderIdentity("tiny", "weights", {"size": 16}, "frames")


class Pairs:
    """Random pairs, of embeddings or pixels; a video comes twice in every batch."""

    steps_per_epoch = 5

    def __init__(self, *, size: int = 8, pixels: bool = False, token_ids: bool = True) -> None:
        self.size, self.pixels, self.token_ids = size, pixels, token_ids

    def batch(self, step: int) -> PairBatch:
        draw = torch.Generator().manual_seed(step)
        ids = torch.randint(1, 60, (self.size, CONTEXT), generator=draw)
        ids[:, 5], ids[:, 6:] = 63, 0
        mask = torch.rand(self.size, FRAMES, generator=draw) < 0.7
        mask[:, 0] = True
        frames = torch.randn(self.size, FRAMES, DIM, generator=draw) * 5
        shape = (self.size, FRAMES, 3, 16, 16)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=draw)
        videos = torch.arange(self.size)
        videos[1] = 0
        return PairBatch(
            mask=mask,
            video_ids=videos,
            token_ids=ids if self.token_ids else None,
            text_embeddings=None if self.token_ids else frames[:, 0] * 2,
            frame_embeddings=None if self.pixels else frames,
            pixels=pixels if self.pixels else None,
        )


def tiny_model(head: str = "seqTransf", **config: bool | int) -> TextVideoModel:
    torch.manual_seed(7)
    backbone = open_clip.CLIP(**CONFIG).eval()
    preprocessing = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3, "bicubic", "shortest", 0)
    return TextVideoModel(
        make_head(HeadConfig(head, DIM, blocks=1, **config)),
        backbone=backbone,
        preprocessing=preprocessing,
    )


def settings(**changes: object) -> TrainingSettings:
    usual = TrainingSettings(
        steps=6, tune="text", head_learning_rate=1e-3, backbone_learning_rate=1e-3, save_every=2
    )
    return replace(usual, **changes)


def train(folder: Path, model: TextVideoModel, source: Pairs, one: TrainingSettings, **options):
    of_run = {name: options.pop(name) for name in ("on_step", "origin") if name in options}
    return RetrievalTask(model, source, one, **options).trainer(folder, **of_run).run()


def state(model: TextVideoModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], model: TextVideoModel) -> set[str]:
    after = model.state_dict()
    return {name for name in before if not torch.equal(before[name], after[name])}


def assert_equal_states(one: TextVideoModel, other: TextVideoModel) -> None:
    assert changed(state(one), other) == set()


@pytest.mark.parametrize("head", ["meanP", "seqLSTM", "seqTransf", "tightTransf"])
def test_an_interrupted_run_goes_on_to_exactly_the_same_weights(tmp_path, head):
    whole, first, second = (tiny_model(head) for _ in range(3))
    train(tmp_path / "whole", whole, Pairs(), settings())
    stop = threading.Event()

    def interrupt(report):
        if report.step == 3:
            stop.set()

    task = RetrievalTask(first, Pairs(), settings())
    broken_off = task.trainer(tmp_path / "parts", on_step=interrupt).run(stop)
    assert (broken_off.steps, broken_off.finished) == (3, False)
    report = train(tmp_path / "parts", second, Pairs(), settings())
    assert (report.steps, report.finished) == (6, True)
    assert_equal_states(whole, second)
    assert read_history(tmp_path / "parts") == read_history(tmp_path / "whole")


def test_a_run_that_was_killed_takes_the_unsaved_steps_again(tmp_path):
    whole, killed, again = (tiny_model() for _ in range(3))
    train(tmp_path / "whole", whole, Pairs(), settings())

    def kill(report):
        if report.step == 5:
            raise SystemExit

    with pytest.raises(SystemExit):
        train(tmp_path / "killed", killed, Pairs(), settings(), on_step=kill)
    history = tmp_path / "killed" / "history.jsonl"
    assert len(read_history(tmp_path / "killed")) == 5
    history.write_text(history.read_text() + '{"step": 6, "lo')  # cut off within a line
    train(tmp_path / "killed", again, Pairs(), settings())
    assert_equal_states(whole, again)
    assert [record["step"] for record in read_history(tmp_path / "killed")] == [1, 2, 3, 4, 5, 6]


def test_a_finished_run_is_not_trained_further(tmp_path):
    train(tmp_path, tiny_model(), Pairs(), settings())
    again = tiny_model()
    steps = []
    report = train(tmp_path, again, Pairs(), settings(), on_step=steps.append)
    assert report == TrainingReport(6, True, 6, {})
    assert steps == []


@pytest.mark.parametrize("head", ["meanP", "seqLSTM", "seqTransf", "tightTransf"])
@pytest.mark.parametrize("pixels", [False, True])
def test_chunks_train_like_the_whole_batch(tmp_path, head, pixels):
    tune = "all" if pixels else "text"
    whole, chunked = (tiny_model(head) for _ in range(2))
    if head == "tightTransf":  # dropout is drawn for the batch's scores, not for a chunk
        assert whole.head.training
    for model, chunk in ((whole, None), (chunked, 3)):
        folder = tmp_path / str(chunk)
        train(folder, model, Pairs(pixels=pixels), settings(steps=2, tune=tune, chunk=chunk))
    one, other = (read_history(tmp_path / name) for name in ("None", "3"))
    for before, after in zip(one, other, strict=True):
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-5)
        assert after["gradient_norm"] == pytest.approx(before["gradient_norm"], rel=1e-4)


@pytest.mark.parametrize(
    ("tune", "parts"),
    [
        ("head", {"head", "logit_scale"}),
        ("text", {"head", "logit_scale", "backbone.text"}),
        ("all", {"head", "logit_scale", "backbone.text", "backbone.visual"}),
    ],
)
def test_only_what_is_tuned_changes(tmp_path, tune, parts):
    model = tiny_model()
    before = state(model)
    source = Pairs(pixels=tune == "all", token_ids=tune != "head")
    train(tmp_path, model, source, settings(tune=tune))
    found = {
        ("backbone.visual" if "visual" in name else "backbone.text")
        if name.startswith("backbone")
        else name.split(".")[0]
        for name in changed(before, model)
    }
    assert found == parts


def test_the_head_and_the_backbone_have_their_own_rates(tmp_path):
    model = tiny_model()
    before = state(model)
    train(tmp_path, model, Pairs(), settings(backbone_learning_rate=0.0, weight_decay=0.0))
    assert not any(name.startswith("backbone") for name in changed(before, model))
    assert any(name.startswith("head") for name in changed(before, model))


def test_a_ready_text_embedding_needs_no_backbone(tmp_path):
    model = TextVideoModel(make_head(HeadConfig("seqLSTM", DIM)))
    train(tmp_path, model, Pairs(token_ids=False), settings(tune="head"))
    with pytest.raises(ValueError, match="need a backbone"):
        model.embed_texts(torch.zeros(1, CONTEXT, dtype=torch.int64))


def test_padding_frames_are_not_encoded():
    model = tiny_model().eval()
    batch = Pairs(pixels=True).batch(0)
    changed_padding = torch.where(
        batch.mask[..., None, None, None], batch.frames, 255 - batch.frames
    )
    first = model.embed_frames(batch.frames, batch.mask)
    assert torch.equal(first, model.embed_frames(changed_padding, batch.mask))
    assert torch.equal(first[~batch.mask], torch.zeros(int((~batch.mask).sum()), DIM))


def test_a_batch_norm_keeps_its_statistics(tmp_path):
    torch.manual_seed(0)
    vision = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None}
    resnet = open_clip.CLIP(**{**CONFIG, "vision_cfg": vision})
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3, "bicubic", "shortest", 0)
    model = TextVideoModel(
        make_head(HeadConfig("meanP", DIM)), backbone=resnet, preprocessing=preprocessing
    )
    model.train()
    before = resnet.visual.bn1.running_mean.clone()
    pixels = torch.randint(0, 256, (2, FRAMES, 3, 32, 32), dtype=torch.uint8)
    model.embed_frames(pixels, torch.ones(2, FRAMES, dtype=torch.bool))
    assert torch.equal(resnet.visual.bn1.running_mean, before)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_keeps_float32_weights_and_moments(tmp_path, precision):
    model, exact = tiny_model(), tiny_model()
    train(tmp_path / "half", model, Pairs(), settings(precision=precision))
    train(tmp_path / "full", exact, Pairs(), settings(steps=1))
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    saved = torch.load(tmp_path / "half" / CHECKPOINT_FILE, weights_only=True)
    moments = [entry["exp_avg"].dtype for entry in saved["optimiser"]["state"].values()]
    assert set(moments) == {torch.float32}
    losses = [read_history(tmp_path / kind)[0]["loss"] for kind in ("half", "full")]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_a_step_whose_fp16_gradients_overflow_is_left_out(tmp_path):
    model = tiny_model()
    trainer = RetrievalTask(model, Pairs(), settings(precision="float16")).trainer(tmp_path)
    trainer._scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = state(model)
    norms = []
    trainer._on_step = lambda report: norms.append((report.gradient_norm, changed(before, model)))
    trainer.run()
    assert norms[0] == (None, set())


def test_the_logit_scale_is_held_within_its_bound(tmp_path):
    model = tiny_model()
    with torch.no_grad():
        model.logit_scale.fill_(9.0)
    train(tmp_path, model, Pairs(), settings(steps=1))
    assert float(model.logit_scale) == pytest.approx(4.60517, abs=1e-4)


def test_a_frozen_backbone_stays_in_evaluation_mode(tmp_path):
    frozen, trained = tiny_model(), tiny_model()
    train(tmp_path / "frozen", frozen, Pairs(token_ids=False), settings(tune="head"))
    train(tmp_path / "trained", trained, Pairs(), settings(tune="text"))
    assert (frozen.backbone.training, frozen.head.training) == (False, True)
    assert (trained.backbone.training, trained.head.training) == (True, True)


def test_a_sigmoid_model_trains_its_bias(tmp_path):
    torch.manual_seed(0)
    siglip = open_clip.CLIP(**CONFIG, init_logit_bias=-10.0, nonscalar_logit_scale=True)
    model = TextVideoModel(make_head(HeadConfig("meanP", DIM)), backbone=siglip)
    train(tmp_path, model, Pairs(), settings())
    assert float(model.logit_bias) != -10.0
    assert float(siglip.logit_bias) == -10.0  # the model's own is set when it is exported


def test_the_best_step_is_exported_and_no_later_worse_one(tmp_path):
    found = iter([{"r1": 10.0}, {"r1": 30.0}, {"r1": 30.0}])
    exported = []
    report = train(
        tmp_path,
        tiny_model(),
        Pairs(),
        settings(validate_every=2),
        validate=lambda _: next(found),
        export=lambda model, folder, figures: exported.append(figures),
    )
    assert exported == [{"r1": 10.0}, {"r1": 30.0}]
    assert (report.best_step, report.best_figures) == (4, {"r1": 30.0})
    figures = [record["figures"] for record in read_history(tmp_path)]
    assert figures == [{}, {"r1": 10.0}, {}, {"r1": 30.0}, {}, {"r1": 30.0}]


def test_validation_sees_the_model_in_evaluation_mode_and_training_goes_on_after_it(tmp_path):
    modes = []

    def look(model: TextVideoModel) -> dict[str, float]:
        modes.append(model.head.training)
        return {"r1": 0.0}

    model = tiny_model("tightTransf")
    train(tmp_path, model, Pairs(), settings(validate_every=3), validate=look)
    assert modes == [False, False]
    assert model.head.training


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(tmp_path):
    class Spoilt(Pairs):
        def batch(self, step: int) -> PairBatch:
            batch = super().batch(step)
            return replace(batch, frame_embeddings=batch.frames * (torch.inf if step == 4 else 1))

    with pytest.raises(TrainingDiverged, match="at step 5: try a smaller learning rate"):
        train(tmp_path, tiny_model(), Spoilt(), settings())
    assert torch.load(tmp_path / CHECKPOINT_FILE, weights_only=True)["step"] == 4


def test_another_run_in_the_same_folder_is_refused_by_name(tmp_path):
    train(tmp_path, tiny_model(), Pairs(), settings(), origin={"data": "a.csv"})
    with pytest.raises(KinodexError, match=r"head_learning_rate was 0\.001, now 0\.5"):
        train(tmp_path, tiny_model(), Pairs(), settings(head_learning_rate=0.5))
    with pytest.raises(KinodexError, match=r"data was a\.csv, now b\.csv"):
        train(tmp_path, tiny_model(), Pairs(), settings(), origin={"data": "b.csv"})


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"nothing that torch could read")
    with pytest.raises(KinodexError, match="not a readable checkpoint: delete it"):
        train(tmp_path, tiny_model(), Pairs(), settings())


@pytest.mark.parametrize("head", ["seqLSTM", "seqTransf", "tightTransf"])
def test_every_head_learns_which_video_is_whose(tmp_path, head):
    class Same(Pairs):
        def batch(self, step: int) -> PairBatch:
            return super().batch(0)

    model = tiny_model(head, standardised=head != "seqLSTM")
    batch = Same().batch(0)
    model.head.fit_inputs(batch.frames, batch.mask, model.embed_texts(batch.texts).detach())
    train(tmp_path, model, Same(), settings(steps=30, head_learning_rate=1e-2, warmup_share=0.1))
    losses = [record["loss"] for record in read_history(tmp_path)]
    # Dropout, and a score that starts near zero everywhere, make tightTransf slow.
    assert sum(losses[-5:]) / 5 < (0.9 if head == "tightTransf" else 0.7) * losses[0]


def head_export(**changes: object) -> HeadExport:
    usual = HeadExport(
        choice=ModelChoice("tiny"),
        encoder=ENCODER,
        dataset="pairs.csv",
        frames=FRAMES,
        frame_rate=2.0,
        backbone_trains=False,
        tokenize=lambda texts: torch.tensor([[1, 2, 63] + [0] * 5] * len(texts)),
    )
    return replace(usual, **changes)


@pytest.mark.parametrize("head", ["meanP", "seqLSTM", "seqTransf", "tightTransf"])
def test_the_exported_head_loads_with_its_card(tmp_path, head):
    model = tiny_model(head)
    source = Pairs(token_ids=False)
    train(
        tmp_path,
        model,
        source,
        settings(tune="head"),
        validate=lambda _: {"r1": 12.5},
        export=head_export(),
    )
    loaded = load_head(HeadChoice(head, tmp_path / "head.safetensors"), ENCODER, DIM)
    for name, tensor in model.head.state_dict().items():
        assert torch.equal(loaded.head.state_dict()[name], tensor)
    assert loaded.card is not None
    assert (loaded.card.dataset, loaded.card.figures) == ("pairs.csv", {"r1": 12.5})
    assert (loaded.card.frames, loaded.card.frame_rate) == (FRAMES, 2.0)
    assert loaded.card.logit_scale == float(model.logit_scale)
    assert json.loads((tmp_path / "head.json").read_text())["frames"] == FRAMES
    assert not (tmp_path / "backbone.safetensors").exists()


def test_a_trained_backbone_is_exported_with_the_trained_logit_scale(tmp_path):
    model = tiny_model()
    open_clip.factory.set_model_preprocess_cfg(
        model.backbone, {**vars(open_clip.transform.PreprocessCfg()), "size": 16}
    )
    train(tmp_path, model, Pairs(), settings(), export=head_export(backbone_trains=True))
    saved = open_clip.CLIP(**CONFIG)
    open_clip.load_checkpoint(saved, str(tmp_path / "backbone.safetensors"))
    assert float(saved.logit_scale) == float(model.logit_scale)
    assert torch.equal(saved.text_projection, model.backbone.text_projection)
    card = json.loads((tmp_path / "head.json").read_text())
    assert card["encoder"]["weights_digest"] != ENCODER.weights_digest


def without_dropout(model: TextVideoModel) -> TextVideoModel:
    """Each process draws its own, so that runs with it are not equal."""
    model.head.eval()
    model.head.train = lambda mode=True: model.head
    return model


def _train_share(rank: int, folder: Path, head: str, tune: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    source = Pairs(pixels=tune == "all")
    model = without_dropout(tiny_model(head))
    train(folder / "run", model, source, settings(tune=tune, steps=3))
    torch.save(model.state_dict(), folder / f"weights{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("head", "tune"), [("seqTransf", "text"), ("seqLSTM", "all"), ("tightTransf", "text")]
)
def test_two_processes_train_like_one_with_the_whole_batch(tmp_path, head, tune):
    alone = without_dropout(tiny_model(head))
    train(tmp_path / "alone", alone, Pairs(pixels=tune == "all"), settings(tune=tune, steps=3))
    in_two_processes(_train_share, tmp_path, head, tune)
    one, two = (read_history(tmp_path / name) for name in ("alone", "run"))
    for before, after in zip(one, two, strict=True):
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-5)
        assert after["gradient_norm"] == pytest.approx(before["gradient_norm"], rel=1e-4)
    first, second = (torch.load(tmp_path / f"weights{rank}.pt") for rank in (0, 1))
    for name, tensor in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        if name == "head.score.bias":
            continue  # its true gradient is zero: Adam follows the rounding
        torch.testing.assert_close(first[name], tensor, atol=2e-5, rtol=1e-4)


def test_3d_patches_learn_from_neighbouring_frames(tmp_path):
    model = tiny_model("meanP")
    use_3d_patches(model.backbone.visual)
    kernel = model.backbone.visual.conv1.weight
    assert not kernel[:, :, 0].any()
    train(tmp_path, model, Pairs(pixels=True), settings(steps=2, tune="all"))
    assert kernel[:, :, 0].any()
    assert kernel[:, :, 2].any()
