from models.heads.checkpoints import default_action_head, read_card
from models.identity import BUNDLED, ModelChoice
from search.tags.vocabulary import read_vocabulary
from smallworld.clips.actions import LABELS


def test_the_small_worlds_vocabulary_is_what_the_bundled_head_was_trained_on() -> None:
    file = default_action_head(ModelChoice(BUNDLED)).file
    assert file is not None
    action = read_card(file).action
    assert action is not None
    assert action.labels == LABELS == tuple(read_vocabulary("small-world").labels)
