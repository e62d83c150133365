import torch

from smallworld.stills.line_drawings import line_drawings
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import SpriteAtlas


def _picture(thing: str, size: float = 0.6) -> Picture:
    return Picture("grass", 1, (Placement(thing, 0.5, 0.5, size),))


def _drawn(atlas: SpriteAtlas, pictures: list[Picture], seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return line_drawings(pictures, atlas, generator, size=64)


def test_a_drawing_is_black_lines_on_white(atlas: SpriteAtlas) -> None:
    drawings = _drawn(atlas, [_picture("cat"), _picture("bus"), _picture("pizza")])
    assert drawings.shape == (3, 3, 64, 64)
    assert 0 <= float(drawings.min()) < 0.5
    assert float(drawings.max()) == 1.0
    assert 0.01 < float((drawings < 0.6).float().mean()) < 0.25


def test_no_ink_lies_off_the_thing(atlas: SpriteAtlas) -> None:
    drawings = _drawn(atlas, [_picture("cat", size=0.4)] * 8)
    outside = torch.ones(64, 64, dtype=torch.bool)
    outside[16:48, 16:48] = False
    assert bool((drawings[:, :, outside] == 1).all())


def test_drawings_of_one_thing_differ(atlas: SpriteAtlas) -> None:
    drawings = _drawn(atlas, [_picture("cat")] * 4)
    ink = (1 - drawings).sum(dim=(1, 2, 3))
    assert len({round(float(value), 3) for value in ink}) == 4


def test_the_same_generator_draws_the_same(atlas: SpriteAtlas) -> None:
    pictures = [_picture("dog"), _picture("bus")]
    assert torch.equal(_drawn(atlas, pictures, seed=5), _drawn(atlas, pictures, seed=5))
