"""Making heads, CLIP4Clip's (arXiv 2104.08860) and all others."""

from dataclasses import replace
from typing import Any

from models.heads.action import make_action_head
from models.heads.blocks import read_text_tower
from models.heads.config import ACTION_HEADS, HeadConfig
from models.heads.loose import LOOSE_HEADS, LooseHead, SequenceTransformer
from models.heads.tight import TightTransf


def make_head(config: HeadConfig, *, text_tower: Any = None) -> LooseHead | TightTransf:
    """A new head, in training mode.

    The blocks and positions of seqTransf and tightTransf begin as copies of those of
    `text_tower`, an open_clip model or its text tower, as far as shapes agree; blocks that
    are copied bring the tower's activation with them. What is not copied begins as CLIP
    does. `head.initialisation` and `head.config` tell what came of it. Heads for actions take
    nothing from a text tower.
    """
    if config.name in ACTION_HEADS:
        return make_action_head(config)
    make = LOOSE_HEADS.get(config.name, TightTransf)
    if text_tower is None or not issubclass(make, SequenceTransformer | TightTransf):
        return make(config)
    start = read_text_tower(config, text_tower)
    head: Any = make(replace(config, activation=start.activation or config.activation))
    head.transformer.begin_like(start)
    head.initialisation = start.report
    return head
