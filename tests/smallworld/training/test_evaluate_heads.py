import pytest
import torch

from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.training.text_video import TextVideoModel
from smallworld.stills.sprites import SpriteAtlas, shipped_things
from smallworld.training.cached_clips import CachedClips, cache_clips
from smallworld.training.clip_frames import ClipPainter
from smallworld.training.evaluate_heads import Examination, figures, lifted, pair_sentences
from smallworld.training.held_out_clips import retrieval_set, time_pairs
from smallworld.training.model import load_own_model, load_tokenizer


@pytest.fixture(scope="module")
def examination(atlas: SpriteAtlas) -> Examination:
    painter = ClipPainter(atlas, seed=3, scene_variants=2)
    told = retrieval_set(shipped_things(), seed=4, count=10)
    pairs = time_pairs(shipped_things(), seed=4, count=11)
    both = [clip for pair in pairs for clip in (pair.forwards, pair.backwards)]

    def cached(clips: list) -> CachedClips:
        return cache_clips(load_own_model(), painter, clips, seed=1)

    return Examination(
        cached(list(told.clips)),
        tuple(caption.text for caption in told.captions),
        cached(both),
        pair_sentences(pairs),
    )


@pytest.mark.parametrize("name", ["meanP", "seqTransf", "tightTransf"])
def test_every_head_has_figures(examination: Examination, name: str) -> None:
    head = make_head(HeadConfig(name, 256, blocks=1))
    model = TextVideoModel(head, backbone=load_own_model()).eval()
    found = figures(model, examination, load_tokenizer())
    assert 0 <= found.text_to_video_r1 <= found.text_to_video_r5 <= found.text_to_video_r10
    # Of ten clips all are among the first ten.
    assert found.text_to_video_r10 == 100
    assert 0 <= found.time_direction <= 100
    assert found.chase_roles in (0, 50, 100)


def test_mean_pooling_cannot_know_the_direction_of_time(examination: Examination) -> None:
    """The frames of a clip and of its reversal are the same but for the moments they are taken."""
    frames = examination.pairs.frame_embeddings
    mirrored = CachedClips(
        examination.pairs.clips,
        torch.stack([frames[i - i % 2] for i in range(len(frames))]),
        torch.stack([examination.pairs.mask[i - i % 2] for i in range(len(frames))]),
    )
    same = Examination(
        examination.clips, examination.sentences, mirrored, examination.pair_sentences
    )
    model = TextVideoModel(make_head(HeadConfig("meanP", 256)), backbone=load_own_model()).eval()
    # Equal scores choose no clip.
    assert figures(model, same, load_tokenizer()).time_direction == 0


def test_candidates_come_first_in_their_new_order() -> None:
    scores = torch.tensor([[0.9, 0.8, 0.7, 0.1], [0.1, 0.9, 0.2, 0.8]])
    candidates = torch.tensor([[0, 1], [1, 3]])
    new_scores = torch.tensor([[-5.0, -3.0], [7.0, -7.0]])
    order = lifted(scores, candidates, new_scores).argsort(dim=1, descending=True)
    assert order.tolist() == [[1, 0, 2, 3], [1, 3, 2, 0]]
