"""How nearly one model's answers are another's, for the same clips and texts. Free of torch."""

import numpy as np


def same_first_text(ours: np.ndarray, theirs: np.ndarray, texts: np.ndarray) -> float:
    """Percent of the clips for which both have the same text as the likeliest.

    ours, theirs: unit embeddings of the same clips (clips, dim)
    texts: unit embeddings that both models share (texts, dim)
    """
    return float(
        100 * ((ours @ texts.T).argmax(axis=1) == (theirs @ texts.T).argmax(axis=1)).mean()
    )


def first_clips_kept(
    ours: np.ndarray, theirs: np.ndarray, texts: np.ndarray, *, first: int
) -> float:
    """Percent of what they have among the first clips for a text that we have there too.

    Mean over the texts; arguments as above. Where there are no more than `first` clips it is 100.
    """
    ranked = [
        np.argsort(-(texts @ side.T), axis=1, kind="stable")[:, :first] for side in (ours, theirs)
    ]
    found = [len(np.intersect1d(one, other)) for one, other in zip(*ranked, strict=True)]
    return float(100 * np.mean(found) / min(first, len(ours)))
