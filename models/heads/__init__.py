"""Heads, which fuse frames into one embedding: those of CLIP4Clip and ActionCLIP, and their files.

Both papers keep CLIP's towers and differ in what they make of a video's frame embeddings. Each
head is an `nn.Module` that takes frame embeddings (videos, frames, dim) and a mask of real frames
(videos, frames), and gives unit video embeddings (videos, dim); `make.make_head` makes one from a
`config.HeadConfig`.

CLIP4Clip (arXiv 2104.08860), search:

* meanP, seqLSTM, seqTransf: `loose`, of `blocks`.
* tightTransf, which looks at the query too and so only re-ranks: `tight`.
* The loss and its gathered batches: `models.training.losses`, `models.training.distributed`.

ActionCLIP (arXiv 2109.08472), actions:

* Textual prompts put a label into sentences: `models.labels.prompts`.
* The pre-network visual prompt, Joint: patches of all frames in one sequence with one class token:
  `models.towers.joint_tokens`.
* The in-network visual prompt, Shift: channels of patches come from the frames beside:
  `models.towers.temporal_shift`.
* Post-network visual prompts, the heads MeanP, Conv1D, LSTM, Transf, Transf_cls: `action`.
* The loss, Kullback-Leibler divergence of the similarities from the equality of labels:
  `models.training.losses`. What becomes of cosines: `models.labels.tagging`.

From frames to a classification, with a head that has no weights:

    frame_embeddings = encode_clips(clip.visual, pixels, mask)            # (videos, frames, dim)
    head = make_head(HeadConfig("MeanP", dim))
    videos = head(frame_embeddings, mask)                                 # (videos, dim), unit
    cosines = videos @ text_embeddings.T                                  # (videos, labels)

Trained heads on disk are `checkpoints`; those that others published, `models.published`.
"""
