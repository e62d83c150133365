from pathlib import Path

import numpy as np
import torch

from smallworld.stills.pictures import PictureSampler
from smallworld.stills.sprites import SpriteAtlas, shipped_things
from smallworld.training.model import BUNDLED_FOLDER, load_own_model
from smallworld.training.train_judge import JudgeTask, _picture, train_judge

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711])


def test_a_judge_keeps_the_bundled_text_tower_and_no_other_weight(
    tmp_path: Path, atlas: SpriteAtlas
) -> None:
    train_judge(tmp_path, atlas, steps=1, seed=3, bfloat16=False)
    judge, bundled = (
        load_own_model(tmp_path).state_dict(),
        load_own_model(BUNDLED_FOLDER).state_dict(),
    )
    assert torch.equal(judge["token_embedding.weight"], bundled["token_embedding.weight"])
    assert not torch.allclose(judge["visual.conv1.weight"], bundled["visual.conv1.weight"])


def test_half_of_a_batch_is_drawn_in_lines_alone(atlas: SpriteAtlas) -> None:
    task = JudgeTask(load_own_model(), atlas, seed=3)
    images, names = task._batch(500)
    half = len(images) // 2
    assert len(names) == len(images)
    colours = images * DEVIATION[:, None, None] + MEAN[:, None, None]
    is_grey = colours.std(dim=1).amax(dim=(1, 2)) < 1e-5
    assert is_grey.tolist() == [False] * half + [True] * half


def test_things_of_later_steps_lie_wholly_in_the_picture() -> None:
    rng = np.random.default_rng(1)
    sampler = PictureSampler(shipped_things(), rng)
    for _ in range(50):
        [placement] = _picture(sampler, rng, easy=False).placements
        assert 0.3 <= placement.size <= 0.95
        assert placement.size / 2 - 1e-9 <= placement.x <= 1 - placement.size / 2 + 1e-9
