import pytest

from smallworld.stills.sprites import shipped_things
from smallworld.training.evaluate_pictures import Examiner
from smallworld.training.model import load_own_model, load_tokenizer
from smallworld.training.still_batches import StillMaker


@pytest.fixture(scope="module")
def examiner(still_maker: StillMaker) -> Examiner:
    return Examiner(load_own_model(), load_tokenizer(), still_maker, shipped_things())


def test_the_bundled_model_knows_things_in_scenes_where_it_never_saw_them(
    examiner: Examiner,
) -> None:
    first, among_five = examiner.thing_accuracy(200)
    # 0.745 and 0.975 when the weights were made.
    assert first > 0.65
    assert among_five > 0.92


def test_the_bundled_model_finds_pictures_by_phrasings_that_it_never_read(
    examiner: Examiner,
) -> None:
    first, among_five, among_ten = examiner.text_to_image(200)
    assert first > 0.6
    assert first <= among_five <= among_ten


@pytest.mark.parametrize(("aspect", "floor"), [("place", 0.65), ("size", 0.68)])
def test_the_bundled_model_tells_place_and_size(
    examiner: Examiner, aspect: str, floor: float
) -> None:
    assert examiner.aspect_accuracy(aspect, 200) > floor


def test_the_bundled_model_tells_scenes(examiner: Examiner) -> None:
    assert examiner.scene_accuracy(200) > 0.85
