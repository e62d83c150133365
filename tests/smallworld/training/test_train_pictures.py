from pathlib import Path

import pytest
import torch

from smallworld.stills.sprites import SpriteAtlas
from smallworld.training.model import BUNDLED_FOLDER, load_own_model
from smallworld.training.train_pictures import (
    StillTrainer,
    TrainingSettings,
    learning_rate_at,
    train,
)

TINY = TrainingSettings(steps=4, batch_size=8, warmup_steps=2, easing_steps=2)


def ignore(step: int, loss: float) -> None:
    pass


def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path: Path, atlas: SpriteAtlas) -> None:
    whole = StillTrainer(tmp_path / "whole", atlas, TINY)
    train(whole, save_every=100, after_step=ignore)

    stopped = StillTrainer(tmp_path / "stopped", atlas, TINY)
    for _ in range(2):
        stopped.train_step()
    stopped.save()
    resumed = StillTrainer(tmp_path / "stopped", atlas, TINY)
    resumed.resume()
    assert resumed.step == 2
    train(resumed, save_every=100, after_step=ignore)

    ended = resumed.model.state_dict()
    assert all(torch.equal(v, ended[name]) for name, v in whole.model.state_dict().items())


def test_resuming_where_nothing_was_saved_starts_anew(tmp_path: Path, atlas: SpriteAtlas) -> None:
    trainer = StillTrainer(tmp_path, atlas, TINY)
    trainer.resume()
    assert trainer.step == 0


def test_training_lowers_the_loss(tmp_path: Path, atlas: SpriteAtlas) -> None:
    settings = TrainingSettings(steps=12, batch_size=16, warmup_steps=2, learning_rate=3e-4)
    trainer = StillTrainer(tmp_path, atlas, settings)
    losses = [trainer.train_step() for _ in range(12)]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_biases_and_norms_do_not_decay(tmp_path: Path, atlas: SpriteAtlas) -> None:
    trainer = StillTrainer(tmp_path, atlas, TINY)
    decayed, plain = trainer._optimiser.param_groups
    assert plain["weight_decay"] == 0
    assert decayed["weight_decay"] > 0
    assert {parameter.ndim for parameter in plain["params"]} == {0, 1}


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    settings = TrainingSettings(steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate_at(step, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


def test_a_run_that_starts_from_a_model_begins_with_its_weights(
    tmp_path: Path, atlas: SpriteAtlas
) -> None:
    trainer = StillTrainer(tmp_path, atlas, TINY)
    trainer.start_from(BUNDLED_FOLDER)
    bundled = load_own_model().state_dict()
    assert all(torch.equal(v, bundled[name]) for name, v in trainer.model.state_dict().items())
