import torch

from models.labels.label_texts import LabelTexts
from models.labels.tagging import Calibration
from smallworld.clips.actions import LABELS
from smallworld.training.evaluate_actions import SeenClips, calibrated, naming, tagging

COUNT = len(LABELS)
# Labels and the one neutral sentence at right angles.
AXES = torch.eye(COUNT + 1)
TEXTS = LabelTexts(AXES[None, :COUNT], AXES[COUNT:])
SCALE = 3.0
NOTHING = torch.zeros(5, COUNT, dtype=torch.bool)
NONE = SeenClips(AXES[COUNT:].expand(5, -1), NOTHING, NOTHING)


def singles(*, wrong: int = 0) -> SeenClips:
    """A clip of each action, the first ones taken for their neighbours."""
    videos = AXES[:COUNT].clone()
    videos[:wrong] = AXES[1 : wrong + 1]
    holds = AXES[:COUNT, :COUNT].bool()
    return SeenClips(videos, holds, torch.zeros_like(holds))


def doubles() -> SeenClips:
    """Each action with the next one."""
    videos = (AXES[: COUNT - 1] + AXES[1:COUNT]) / 2**0.5
    holds = videos[:, :COUNT] > 0
    return SeenClips(videos, holds, torch.zeros_like(holds))


def test_a_model_that_knows_everything_gets_all_figures() -> None:
    named = naming(singles(), TEXTS, logit_scale=SCALE)
    assert (named.top1, named.top5, named.mean_per_class, named.top1_averaged) == (100,) * 4
    assert (named.directed, named.others) == (100, 100)
    calibration = calibrated([singles(), doubles(), NONE], TEXTS, logit_scale=SCALE)
    tagged = tagging(doubles(), NONE, TEXTS, calibration, logit_scale=SCALE)
    assert (tagged.tag_precision, tagged.tag_recall, tagged.untagged) == (100, 100, 100)


def test_directed_labels_are_counted_apart() -> None:
    named = naming(singles(wrong=4), TEXTS, logit_scale=SCALE)
    # The four are left, right, up and down, of ten directed labels.
    assert (named.directed, named.others) == (60.0, 100.0)
    assert named.top1 == round(100 * 14 / 18, 1)


def test_who_says_everything_of_everything_has_recall_but_no_precision() -> None:
    tagged = tagging(doubles(), NONE, TEXTS, Calibration(0.0, 9.0), logit_scale=SCALE)
    assert (tagged.tag_recall, tagged.untagged) == (100, 0)
    assert tagged.tag_precision == round(100 * 2 / 18, 1)


def test_arguable_tags_are_neither_right_nor_wrong() -> None:
    seen = doubles()
    open_to_doubt = SeenClips(seen.videos, seen.holds, ~seen.holds)
    tagged = tagging(open_to_doubt, NONE, TEXTS, Calibration(0.0, 9.0), logit_scale=SCALE)
    assert (tagged.tag_recall, tagged.tag_precision) == (100, 100)
