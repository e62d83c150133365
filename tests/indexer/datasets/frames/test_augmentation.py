"""Clips changed for training: all frames alike, and the same whenever the chance is the same."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as F

from indexer.datasets.frames.augmentation import Augmentation, speak_of_sides


def still(frames: int = 4, side: int = 40) -> torch.Tensor:
    """A clip that shows one random picture; shape: (frames, 3, side, side)."""
    generator = torch.Generator().manual_seed(5)
    picture = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8, generator=generator)
    return picture.expand(frames, -1, -1, -1).contiguous()


def changed(clip: torch.Tensor, seed: int, *, flip: bool = True) -> torch.Tensor:
    return Augmentation((32, 32), flip=flip)(clip, np.random.default_rng(seed))


def test_all_frames_of_a_clip_are_changed_alike():
    for seed in range(20):
        frames = changed(still(), seed)
        assert (frames.shape, frames.dtype) == ((4, 3, 32, 32), torch.uint8)
        assert (frames == frames[:1]).all()


def test_the_same_chance_gives_the_same_clip_and_another_another():
    clips = [changed(still(), seed) for seed in range(20)]
    assert (changed(still(), 3) == clips[3]).all()
    assert len({clip.numpy().tobytes() for clip in clips}) == 20


def test_a_frame_is_changed_by_its_own_pixels_only():
    clip = still()
    clip[2] = 255 - clip[2]
    assert (changed(clip, 3)[[0, 1, 3]] == changed(still(), 3)[[0, 1, 3]]).all()


def test_some_clips_are_grey_and_most_are_not():
    grey = 0
    for seed in range(200):
        red, green, blue = changed(still(1), seed)[0]
        grey += bool((red == green).all() and (green == blue).all())
    assert 20 <= grey <= 60  # one in five


def test_only_a_flip_changes_sides():
    # Bright on the left: crops and colours keep it so.
    clip = still()
    clip[:] = torch.where(torch.arange(40) < 20, 200, 50).to(torch.uint8)
    brighter_left = [
        bool(frames[..., :8].float().mean() > frames[..., -8:].float().mean())
        for frames in (changed(clip, seed) for seed in range(60))
    ]
    assert 15 <= brighter_left.count(False) <= 45
    for seed in range(60):
        frames = changed(clip, seed, flip=False).float()
        assert frames[..., :8].mean() > frames[..., -8:].mean()


@pytest.mark.parametrize(
    "label",
    [
        "Pushing something from left to right",
        "TurnRight",
        "moving_left",
        "Swiping Left",
        "turning counterclockwise",
    ],
)
def test_labels_of_sides_are_known(label):
    assert speak_of_sides(["walking", label])


def test_other_labels_do_not_speak_of_sides():
    assert not speak_of_sides(["bright lights", "a cleft", "copyrighting", "Fencing", "leftover"])


def test_brightness_changes_by_two_fifths_at_most():
    clip = torch.full((1, 3, 40, 40), 90, dtype=torch.uint8)
    levels = [changed(clip, seed).float() for seed in range(200)]
    means = torch.tensor([frames.mean() for frames in levels])
    assert 0.6 * 90 - 1 <= means.min() < 0.7 * 90
    assert 1.3 * 90 < means.max() <= 1.4 * 90 + 1
    assert max(frames.max() - frames.min() for frames in levels) <= 1  # one grey stays one grey


def test_colours_stay_near_what_they_were():
    clip = torch.tensor([180, 60, 60], dtype=torch.uint8)[None, :, None, None].repeat(1, 1, 40, 40)
    tints = [changed(clip, seed).float().mean((0, 2, 3)).tolist() for seed in range(200)]
    assert all(red >= max(green, blue) for red, green, blue in tints)
    # A tenth of the circle of hues is a little more than half of the way to yellow or to violet.
    turned = [abs(green - blue) / max(1, red - min(green, blue)) for red, green, blue in tints]
    assert 0.5 < max(turned) < 0.65


class Drawn:
    """Gives the chances that it was told, one after the other; crops are the whole middle."""

    def __init__(self, *chances: float) -> None:
        self._chances = list(chances)

    def random(self) -> float:
        return self._chances.pop(0)

    def integers(self, low: int, high: int | None = None) -> int:
        return 0

    def uniform(self, low: float, high: float) -> float:
        assert low == -high
        return high

    def permutation(self, count: int) -> range:
        return range(count)


def by_chance(*chances: float, flip: bool = True) -> torch.Tensor:
    return Augmentation((40, 40), flip=flip)(still(1), Drawn(*chances))  # type: ignore[arg-type]


def test_half_of_the_clips_are_mirrored_four_fifths_coloured_and_one_fifth_grey():
    plain = by_chance(0.51, 0.81, 0.21)
    assert (plain == still(1)).all()
    assert (by_chance(0.49, 0.81, 0.21) == still(1).flip(-1)).all()
    assert (by_chance(0.49, 0.81, 0.21, flip=True) != plain).any()
    assert (by_chance(0.81, 0.21, flip=False) == plain).all()
    assert (by_chance(0.51, 0.79, 0.21) != plain).any()
    red, green, blue = by_chance(0.51, 0.81, 0.19)[0]
    assert (red == green).all()
    assert (green == blue).all()


def test_colours_are_changed_by_brightness_contrast_saturation_and_hue_in_a_random_order():
    clip = still(1)
    expected = F.adjust_brightness(clip, 1.4)
    expected = F.adjust_contrast(expected, 1.4)
    expected = F.adjust_saturation(expected, 1.2)
    assert (by_chance(0.51, 0.79, 0.21) == F.adjust_hue(expected, 0.1)).all()


class Crops(Drawn):
    """Chooses the size, how much wider, and the place of a crop."""

    def __init__(self, *chosen: int) -> None:
        super().__init__(0.9, 0.9)
        self._chosen = list(chosen)
        self.ranges: list[tuple[int, int | None]] = []

    def integers(self, low: int, high: int | None = None) -> int:
        self.ranges.append((low, high))
        return self._chosen.pop(0)


def crop(*chosen: int) -> tuple[int, int, int, int]:
    """Left and top of a crop of a picture of 100 by 80, and its width and height."""
    columns = torch.arange(100, dtype=torch.uint8).expand(80, 100)
    rows = torch.arange(80, dtype=torch.uint8)[:, None].expand(80, 100)
    picture = torch.stack([columns, rows, rows])[None]
    random = Crops(*chosen)
    cut = Augmentation((80, 80), flip=False)(picture, random)[0]  # type: ignore[arg-type]
    assert random.ranges == [(4, None), (-1, 2), (13, None)]
    left, top = int(cut[0, 0, 0]), int(cut[1, 0, 0])
    return left, top, int(cut[0, 0, -1]) - left + 1, int(cut[1, -1, 0]) - top + 1


def test_crops_are_of_four_sizes_whose_sides_differ_by_one_step_at_most():
    # The place 0 is the upper left corner; sizes are parts of the shorter side.
    assert crop(0, 0, 0) == (0, 0, 80, 80)
    assert crop(0, 1, 0) == (0, 0, 70, 80)
    assert crop(0, -1, 0) == (0, 0, 80, 80)
    assert crop(1, 0, 0) == (0, 0, 70, 70)
    assert crop(2, -1, 0) == (0, 0, 70, 60)
    assert crop(3, 0, 0) == (0, 0, 53, 53)
    assert crop(3, 1, 0) == (0, 0, 53, 53)


def test_crops_lie_in_corners_at_edges_and_between():
    # A crop of 70 by 70 leaves 30 columns and 10 rows.
    assert [crop(1, 0, place)[:2] for place in range(13)] == [
        (0, 0), (0, 5), (0, 10), (7, 2), (7, 7), (15, 0), (15, 5), (15, 10),
        (22, 2), (22, 7), (30, 0), (30, 5), (30, 10),
    ]  # fmt: skip


def test_randaugment_changes_all_frames_of_a_clip_alike():
    frame = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, 48, 64), np.uint8))
    clip = frame.expand(4, -1, -1, -1)
    augmentation = Augmentation((32, 32), flip=False, changes=2, magnitude=20)
    changed = [augmentation._changed(clip, np.random.default_rng(seed)) for seed in range(8)]
    for one in changed:
        assert (one.shape, one.dtype) == (clip.shape, torch.uint8)
        assert all(torch.equal(one[0], other) for other in one)
    assert sum(not torch.equal(one, clip) for one in changed) > 4
    assert len({one.numpy().tobytes() for one in changed}) > 4


def test_randaugment_depends_on_its_own_chance_alone():
    clip = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (2, 3, 48, 64), np.uint8))
    augmentation = Augmentation((32, 32), flip=True, changes=2)
    torch.manual_seed(1)
    first, before = augmentation(clip, np.random.default_rng(5)), torch.random.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(first, augmentation(clip, np.random.default_rng(5)))
    torch.manual_seed(1)
    assert torch.equal(before, torch.random.get_rng_state())
