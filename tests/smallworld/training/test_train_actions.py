from pathlib import Path

import pytest
import torch

from models.heads.checkpoints import HEAD_FILE, load_action_head
from models.heads.config import ACTION_HEADS
from models.identity import HeadChoice
from smallworld.clips.actions import LABELS
from smallworld.stills.sprites import SpriteAtlas
from smallworld.training.train_actions import ActionPlan, ActionWorld, prepare, train_head

PLAN = ActionPlan(singles=24, doubles=12, nones=4, held_out=18, steps=4, batch_size=16, blocks=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def world(cache: Path, atlas: SpriteAtlas) -> ActionWorld:
    return prepare(cache, atlas, PLAN)


def test_a_trained_head_is_kept_with_its_labels_and_measured(
    tmp_path: Path, world: ActionWorld
) -> None:
    folder = tmp_path / "run"
    found = train_head(world, "Transf", folder, PLAN, seed=0)
    assert 0 <= found["top1"] <= found["top5"] <= 100
    loaded = load_action_head(
        HeadChoice(file=folder / HEAD_FILE),
        world.backbone.identity,
        world.backbone.dim,
        labels=LABELS,
    )
    assert loaded.card is not None
    assert loaded.card.config.blocks == 1
    assert loaded.card.dataset == "40 clips of the small world"
    # Run again, there is nothing left to train: the head is only measured.
    assert train_head(world, "Transf", folder, PLAN, seed=0) == found


def test_mean_pooling_is_measured_as_it_is(tmp_path: Path, world: ActionWorld) -> None:
    first, again = (
        train_head(world, ACTION_HEADS[0], tmp_path / f"run{seed}", PLAN, seed=seed)
        for seed in (0, 1)
    )
    assert first == again
    assert not (tmp_path / "run0").exists()


def test_clips_are_encoded_once(cache: Path, world: ActionWorld, atlas: SpriteAtlas) -> None:
    files = {file: file.stat().st_mtime_ns for file in cache.rglob("*.safetensors")}
    again = prepare(cache, atlas, PLAN)
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert torch.equal(
        again.training.double.frame_embeddings, world.training.double.frame_embeddings
    )
