from pathlib import Path

import pytest
import torch

from smallworld.stills.sprites import SpriteAtlas
from smallworld.training.distil import distil, write_transformer_definition
from smallworld.training.model import BUNDLED_FOLDER, export_weights, fresh_model, load_own_model
from smallworld.training.train_towers import DrawnWorld, PixelSource, TowerPlan, TowerStudy, prepare

PLAN = TowerPlan(clips=18, steps=2, batch_size=4)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformer")
    write_transformer_definition(folder)
    torch.manual_seed(0)
    export_weights(fresh_model(folder), folder)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, atlas: SpriteAtlas) -> DrawnWorld:
    return prepare(tmp_path_factory.mktemp("clips"), atlas, PLAN, validation=18, test=18)


def patch_weights(study: TowerStudy) -> torch.Tensor:
    return dict(study.model.named_parameters())["backbone.visual.conv1.weight"].detach()


def test_the_student_has_the_teachers_words(tmp_path: Path, atlas: SpriteAtlas) -> None:
    distil(tmp_path, atlas, steps=1, seed=0, bfloat16=False)
    student, teacher = load_own_model(tmp_path), load_own_model(BUNDLED_FOLDER)
    token_ids = torch.randint(0, 4000, (3, 32))
    with torch.inference_mode():
        told, wanted = (model.encode_text(token_ids) for model in (student, teacher))
    assert torch.allclose(told, wanted, atol=1e-4)
    assert student.visual.output_dim == 256


def test_a_step_has_the_same_clips_whenever_it_is_asked_for(world: DrawnWorld) -> None:
    source = PixelSource(world.training, batch_size=4, seed=1)
    assert torch.equal(source.batch(2).frames, source.batch(2).frames)
    assert source.batch(2).frames.shape == (4, 8, 3, 64, 64)
    assert source.batch(2).labels.any(dim=1).all()


@pytest.mark.parametrize("visual", ["plain", "shift", "joint"])
def test_each_kind_of_tower_trains_and_is_examined(
    visual: str, model_folder: Path, world: DrawnWorld, tmp_path: Path
) -> None:
    study = TowerStudy(model_folder, world, visual, seed=0)
    before = patch_weights(study).clone()
    study.train(tmp_path, PLAN)
    assert not torch.equal(patch_weights(study), before)
    assert 0 <= study.examined().top1 <= 100


def test_towers_begin_alike(model_folder: Path, world: DrawnWorld) -> None:
    still = world.test.pixels[:2, :1].expand(-1, 8, -1, -1, -1)
    mask = torch.ones(2, 8, dtype=torch.bool)
    with torch.inference_mode():
        plain, joint = (
            TowerStudy(model_folder, world, visual, seed=0).model.eval().embed_videos(still, mask)
            for visual in ("plain", "joint")
        )
    assert torch.allclose(plain, joint, atol=1e-5)
