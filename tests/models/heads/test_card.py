"""What a head's card may say, at its bounds."""

import json
import math
from typing import Any

import pytest

from models.heads.card import ActionCard, HeadCard
from models.heads.config import HeadConfig
from models.identity import EncoderIdentity

ENCODER = EncoderIdentity("tiny", "weights", {"size": 16}, "frames")


def card(**changes: Any) -> HeadCard:
    usual = {
        "config": HeadConfig("meanP", 64),
        "encoder": ENCODER,
        "pretrained": None,
        "dataset": "videos.csv",
        "figures": {"R@1": 40.0},
        "logit_scale": 4.6,
        "frames": 12,
    }
    return HeadCard(**usual | changes)


def test_what_a_card_leaves_out():
    assert (card().frame_rate, card().action) == (1.0, None)
    assert ActionCard(()) == ActionCard(
        labels=(), scale=1.0, offset=0.0, visual="plain", fold=8, placement="branch", frames=8
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"logit_scale": 80.0},
        {"logit_scale": -80.0},
        {"frame_rate": 0.0},
        {"frames": 1},
        {"frames": 65536},
        {"action": ActionCard((), fold=1, frames=65536)},
    ],
)
def test_a_card_at_its_bounds_is_read_as_it_was_written(changes):
    assert HeadCard.from_json(card(**changes).to_json()) == card(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"logit_scale": 80.5}, "no scale of scores: 80.5"),
        ({"logit_scale": -80.5}, "no scale of scores: -80.5"),
        ({"logit_scale": math.nan}, "no scale of scores: nan"),
        ({"frame_rate": -0.5}, "no frame rate: -0.5"),
        ({"frame_rate": math.nan}, "no frame rate: nan"),
        ({"frames": 0}, "frames must be a whole number from 1 to 65536, not 0"),
        ({"frames": 65537}, "frames must be a whole number from 1 to 65536, not 65537"),
        ({"frames": 8.0}, "frames must be a whole number from 1 to 65536, not 8.0"),
        ({"frames": True}, "frames must be a whole number from 1 to 65536, not True"),
    ],
)
def test_what_cannot_be_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        card(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"visual": "sideways"}, "visual must be one of plain, shift, joint, not 'sideways'"),
        ({"scale": math.inf}, "no calibration: scale inf, offset 0.0"),
        ({"offset": math.nan}, "no calibration: scale 1.0, offset nan"),
        ({"labels": ("yo yo", 3)}, "labels must be texts"),
        ({"fold": 0}, "fold must be a whole number from 1 to 65536, not 0"),
        ({"frames": 0}, "frames must be a whole number"),
    ],
)
def test_an_action_card_that_cannot_be_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        ActionCard(**{"labels": ("yo yo",)} | changes)


def test_a_card_is_written_to_be_read_and_leaves_out_actions_that_it_has_not():
    lines = card().to_json().splitlines()
    assert lines[:3] == ["{", '  "config": {', '    "name": "meanP",']
    assert "action" not in json.loads(card().to_json())
    assert json.loads(card(action=ActionCard(("yo yo",))).to_json())["action"] == {
        "labels": ["yo yo"],
        "scale": 1.0,
        "offset": 0.0,
        "visual": "plain",
        "fold": 8,
        "placement": "branch",
        "frames": 8,
    }


def test_a_card_tells_what_of_frames_was_seen_where_that_is_not_all():
    seen = card(action=ActionCard(("yo yo",), crop="centre"))
    assert json.loads(seen.to_json())["action"]["crop"] == "centre"
    assert HeadCard.from_json(seen.to_json()) == seen
    with pytest.raises(ValueError, match="crop must be one of whole, centre, not 'left'"):
        ActionCard((), crop="left")


def test_a_card_tells_which_frames_were_taken_where_that_is_not_usual():
    assert "choose" not in json.loads(card().to_json())
    taken = card(choose="tail")
    assert json.loads(taken.to_json())["choose"] == "tail"
    assert HeadCard.from_json(taken.to_json()) == taken
    with pytest.raises(ValueError, match="choose must be one of uniform, head, tail"):
        card(choose="middle")


def test_lists_without_end_are_no_card():
    with pytest.raises(ValueError, match="lists in lists without end"):
        HeadCard.from_json("[" * 200_000)
