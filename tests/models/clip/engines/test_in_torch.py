"""What PyTorch's engine does for a GPU, as far as that can be seen without one."""

import numpy as np
import open_clip
import pytest
import torch

from models.clip.engines.in_torch import Upload, has_bfloat16, is_convolutional
from tests.tiny import tiny_backbone

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def batch(count: int, seed: int = 1) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (count, 4, 6, 3), dtype=np.uint8))


def test_batches_share_a_buffer_that_grows_with_them():
    upload = Upload(CPU)
    first = upload.staged(batch(3), pinned=False)
    assert torch.equal(first, batch(3))
    smaller = upload.staged(batch(2, seed=2), pinned=False)
    assert torch.equal(smaller, batch(2, seed=2))
    assert smaller.data_ptr() == first.data_ptr()
    larger = upload.staged(batch(5), pinned=False)
    assert torch.equal(larger, batch(5))


def test_on_a_processor_nothing_is_copied():
    pictures = batch(2).numpy()
    assert Upload(CPU)(pictures).data_ptr() == pictures.ctypes.data


@pytest.mark.parametrize("can", [True, False])
def test_bfloat16_is_for_cards_that_have_it(monkeypatch, can):
    asked = []

    def is_supported(*, including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return can

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert has_bfloat16(CUDA) == can
    assert asked == [False]
    assert not has_bfloat16(CPU)


def test_towers_of_convolutions_are_told_from_those_that_cut_patches():
    tower = open_clip.modified_resnet.ModifiedResNet([1, 1, 1, 1], 24, 2, image_size=32, width=8)
    assert is_convolutional(tower)
    assert not is_convolutional(tiny_backbone().model.visual)


def test_the_order_of_its_numbers_changes_no_tower(monkeypatch):
    tower = open_clip.modified_resnet.ModifiedResNet([1, 1, 1, 1], 24, 2, image_size=32, width=8)
    shown = batch(2).float()
    shown = torch.nn.functional.interpolate(shown.permute(0, 3, 1, 2), size=32)
    with torch.inference_mode():
        before = tower.eval()(shown)
        after = tower.to(memory_format=torch.channels_last)(shown)
    torch.testing.assert_close(before, after, atol=1e-4, rtol=1e-4)


def test_pictures_are_encoded_one_batch_at_a_time():
    engine = tiny_backbone().engine
    pictures = np.zeros((2, 32, 32, 3), np.uint8)
    seen = []
    engine.encoded = lambda rows: seen.append(engine._lock.locked()) or torch.zeros(len(rows), 4)
    assert engine.pictures(pictures).shape == (2, 4)
    assert (seen, engine._lock.locked()) == ([True], False)
