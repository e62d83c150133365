from pathlib import Path

import pytest

from models.heads.checkpoints import HEAD_FILE, read_card
from models.heads.fit import BACKBONE_FILE
from smallworld.stills.sprites import SpriteAtlas
from smallworld.training import train_heads
from smallworld.training.model import BUNDLED_FOLDER
from smallworld.training.train_heads import HeadTraining, SmallWorld, prepare, train_head

PLAN = HeadTraining(clips=24, steps=4, batch_size=12, tight_batch_size=8, blocks=1)


@pytest.fixture
def world(tmp_path: Path, atlas: SpriteAtlas, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    for name in ("_TEST_CLIPS", "_VALIDATION_CLIPS"):
        monkeypatch.setattr(train_heads, name, 10)
    for name in ("_TEST_PAIRS", "_VALIDATION_PAIRS"):
        monkeypatch.setattr(train_heads, name, 2)
    return prepare(BUNDLED_FOLDER, tmp_path / "cache", atlas, clips=PLAN.clips)


def test_a_trained_head_is_kept_with_its_text_tower_and_measured(
    tmp_path: Path, world: SmallWorld
) -> None:
    folder = tmp_path / "run"
    found = train_head(world, "seqTransf", folder, PLAN, seed=0)
    assert found.text_to_video_r10 == 100  # of ten clips
    card = read_card(folder / HEAD_FILE)
    assert card.config.blocks == 1
    assert card.dataset == "24 clips of the small world"
    assert card.encoder.frames_digest == world.backbone.identity.frames_digest
    assert card.encoder.weights_digest != world.backbone.identity.weights_digest
    assert (folder / BACKBONE_FILE).is_file()
    # Run again, there is nothing left to train: the head is only measured.
    assert train_head(world, "seqTransf", folder, PLAN, seed=0) == found


def test_a_tight_head_takes_fewer_steps_of_fewer_clips() -> None:
    plan = HeadTraining(steps=600)
    assert (plan.steps_for("seqTransf"), plan.batch_for("seqTransf")) == (600, 128)
    assert (plan.steps_for("tightTransf"), plan.batch_for("tightTransf")) == (200, 32)
