"""ActionCLIP (arXiv 2109.08472): actions recognised by matching videos with labels in words.

This module is the map of the method; each part lives in a module of its own.

* Textual prompts put a label into sentences: `PromptTemplates`, `readable_label` (`prompts`).
* Pre-network visual prompt, Joint: patches of all frames in one sequence with one class token:
  `use_joint_space_time`, `encode_videos` (`joint_tokens`).
* In-network visual prompt, Shift: channels of patches come from the frames beside:
  `use_temporal_shift` (`temporal_shift`), with `encode_clips` (`patches`).
* Post-network visual prompts, the heads MeanP, Conv1D, LSTM, Transf, Transf_cls: `ACTION_HEADS`,
  `HeadConfig`, `make_head` (`action_heads`).
* The loss: Kullback-Leibler divergence of the similarities from the equality of labels: `kl_loss`
  (`losses`).

From frames to a classification, with a head that has no weights:

    frame_embeddings = encode_clips(clip.visual, pixels, mask)            # (videos, frames, dim)
    head = make_head(HeadConfig("MeanP", dim))
    videos = head(frame_embeddings, mask)                                 # (videos, dim), unit
    cosines = videos @ text_embeddings.T                                  # (videos, labels)

What becomes of cosines is in `tagging`, training in `action_training`, trained heads on disk in
`checkpoints`, published ones in `published_actions`.
"""

from models.action_heads import (
    ActionClassToken,
    ActionConvolution,
    ActionHead,
    ActionLstm,
    ActionMean,
    ActionTransformer,
)
from models.clip4clip import make_head
from models.head_config import ACTION_HEADS, PUBLISHED_ACTION_BLOCKS, HeadConfig
from models.joint_tokens import encode_videos, use_joint_space_time
from models.losses import kl_loss
from models.patches import encode_clips
from models.prompts import PromptTemplates, readable_label
from models.temporal_shift import use_temporal_shift

__all__ = [
    "ACTION_HEADS",
    "PUBLISHED_ACTION_BLOCKS",
    "ActionClassToken",
    "ActionConvolution",
    "ActionHead",
    "ActionLstm",
    "ActionMean",
    "ActionTransformer",
    "HeadConfig",
    "PromptTemplates",
    "encode_clips",
    "encode_videos",
    "kl_loss",
    "make_head",
    "readable_label",
    "use_joint_space_time",
    "use_temporal_shift",
]
