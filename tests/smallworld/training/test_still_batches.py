import hashlib
import subprocess
import sys

import numpy as np

from smallworld.stills.pictures import is_held_out
from smallworld.training.still_batches import StillBatch, StillMaker

_DIGEST_IN_ANOTHER_PROCESS = """
from smallworld.stills.sprites import shipped_atlas, shipped_things
from smallworld.training.still_batches import StillMaker
import hashlib
maker = StillMaker(shipped_things(), shipped_atlas(), seed=3, scene_variants=2)
batch = maker.training_batch(5, size=16)
told = "|".join(caption.text for caption in batch.captions).encode()
print(hashlib.sha256(batch.images.numpy().tobytes() + told).hexdigest())
"""


def digest(batch: StillBatch) -> str:
    told = "|".join(caption.text for caption in batch.captions).encode()
    return hashlib.sha256(batch.images.numpy().tobytes() + told).hexdigest()


def test_a_batch_is_fixed_by_seed_and_step(still_maker: StillMaker) -> None:
    first = digest(still_maker.training_batch(5, size=16))
    assert first == digest(still_maker.training_batch(5, size=16))
    assert first != digest(still_maker.training_batch(6, size=16))


def test_another_process_makes_the_same_batch(still_maker: StillMaker) -> None:
    command = [sys.executable, "-c", _DIGEST_IN_ANOTHER_PROCESS]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == digest(still_maker.training_batch(5, size=16))


def test_images_are_what_a_model_takes(still_maker: StillMaker) -> None:
    batch = still_maker.training_batch(0, size=12, easy_share=0.3)
    assert batch.images.shape == (12, 3, 64, 64)
    assert float(batch.images.min()) >= 0
    assert float(batch.images.max()) <= 1
    assert len(batch.captions) == len(batch.pictures) == 12


def test_every_caption_matches_its_own_picture(still_maker: StillMaker) -> None:
    batch = still_maker.training_batch(1, size=64)
    assert bool(batch.matches.diagonal().all())
    assert int(batch.matches.sum()) < 64 * 8


def test_batches_hold_one_thing_in_several_ways(still_maker: StillMaker) -> None:
    # First pairs at two angles (12 pictures), then things anywhere (5), then groups of four.
    batch = still_maker.training_batch(2, size=32)
    for group in (batch.pictures[:2], batch.pictures[17:21]):
        assert len({picture.placements[0].thing for picture in group}) == 1
        assert len(set(group)) == len(group)


def test_an_easy_batch_names_one_large_thing_in_each_picture(still_maker: StillMaker) -> None:
    batch = still_maker.training_batch(3, size=16, easy_share=1.0)
    assert {len(picture.placements) for picture in batch.pictures} == {1}
    assert min(picture.placements[0].size for picture in batch.pictures) >= 0.4
    assert {caption.claim.scene for caption in batch.captions} == {None}


def test_training_batches_never_hold_a_held_out_pair(still_maker: StillMaker) -> None:
    batches = [still_maker.training_batch(step, size=32, easy_share=0.25) for step in range(10)]
    pictures = [picture for batch in batches for picture in batch.pictures]
    pairs = [(placement.thing, p.scene) for p in pictures for placement in p.placements]
    assert [pair for pair in pairs if is_held_out(*pair)] == []


def test_the_same_picture_is_damaged_in_other_ways_by_another_generator(
    still_maker: StillMaker,
) -> None:
    picture = still_maker.training_batch(0, size=1).pictures
    first, second = (
        still_maker.images(picture, rng=np.random.default_rng(seed)) for seed in (1, 2)
    )
    assert float((first - second).abs().max()) > 0.01
