"""What is said of cached clips, against the same worked out clip by clip."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames import action_scoring
from indexer.datasets.frames.action_scoring import (
    ONE_VIEW,
    THIRTY_VIEWS,
    ActionScorer,
    ClipViews,
    view_cache,
)
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.labelled import LabelledClip, LabelledDataset
from indexer.reading.sampling import SegmentSampling
from models.heads.card import ActionCard
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.labels.label_texts import LabelTexts
from models.labels.tagging import Calibration
from models.towers.visual_prompts import use_visual_prompt
from models.training.actions import ActionModel
from tests.tiny import tiny_backbone

CLIPS, SEGMENTS, TEMPLATES, LABELS, DIM = 7, 4, 3, 5, 24
SCALE = 3.0


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture
def texts() -> LabelTexts:
    random = torch.Generator().manual_seed(2)
    labels = torch.randn(TEMPLATES, LABELS, DIM, generator=random)
    return LabelTexts(labels, torch.randn(6, DIM, generator=random))


@pytest.fixture
def dataset() -> LabelledDataset:
    clips = [
        LabelledClip(str(number), Path(f"{number}.mp4"), (number % LABELS,))
        for number in range(CLIPS)
    ]
    return LabelledDataset("some", "test", tuple("abcde"), tuple(clips))


def filled(cache: FrameCache, dataset: LabelledDataset, views: ClipViews) -> torch.Tensor:
    """Puts random embeddings into the cache; shape: (clips, frames, dim)."""
    random = np.random.default_rng(4)
    count = SEGMENTS * views.shifts * views.crops
    rows = random.standard_normal((len(dataset), count, DIM)).astype(np.float16)
    with cache._store.filling() as appender:
        for window, one in zip(dataset.windows, rows, strict=True):
            appender.add(window, None, one)
    return torch.from_numpy(rows).float()


def head(name: str = "MeanP") -> torch.nn.Module:
    return make_head(HeadConfig(name, DIM, attention_heads=2)).eval()


def softmax(video: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """Of the scaled cosines of one video with the texts of all labels."""
    cosines = F.cosine_similarity(video[None], texts, dim=-1)
    return (np.exp(SCALE) * cosines).softmax(dim=0)


def test_probabilities_are_averaged_over_templates_or_the_texts_are(
    backbone, texts, dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr(action_scoring, "_FRAMES_AT_ONCE", {True: 3 * SEGMENTS, False: 0})
    cache = view_cache(tmp_path, backbone, frames=SEGMENTS, views=ONE_VIEW)
    frames = filled(cache, dataset, ONE_VIEW)
    scorer = ActionScorer(ActionModel(head()), texts, cache, logit_scale=SCALE)
    said = scorer.scores_of(dataset, averages=("probabilities", "embeddings"))
    unit = F.normalize(texts.labels, dim=-1)
    for clip in range(CLIPS):
        video = frames[clip].mean(dim=0)
        over_templates = torch.stack([softmax(video, part) for part in unit]).mean(dim=0)
        assert torch.allclose(said.probabilities["probabilities"][clip], over_templates, atol=1e-5)
        of_mean = softmax(video, unit.mean(dim=0))
        assert torch.allclose(said.probabilities["embeddings"][clip], of_mean, atol=1e-5)


def test_no_clip_is_encoded_twice(backbone, texts, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(action_scoring, "_FRAMES_AT_ONCE", {True: 3 * SEGMENTS, False: 0})
    cache = view_cache(tmp_path, backbone, frames=SEGMENTS, views=ONE_VIEW)
    filled(cache, dataset, ONE_VIEW)
    model = ActionModel(head())
    embed, encoded = model.embed_videos, []

    def note(frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        encoded.append(len(frames))
        return embed(frames, mask)

    monkeypatch.setattr(model, "embed_videos", note)
    ActionScorer(model, texts, cache, logit_scale=SCALE).scores_of(dataset)
    assert encoded == [3, 3, 1]


def test_tags_are_calibrated_scores_against_the_neutral_sentences(
    backbone, texts, dataset, tmp_path
):
    cache = view_cache(tmp_path, backbone, frames=SEGMENTS, views=ONE_VIEW)
    frames = filled(cache, dataset, ONE_VIEW)
    said = ActionScorer(
        ActionModel(head()),
        texts,
        cache,
        logit_scale=SCALE,
        calibration=Calibration(scale=0.5, offset=1.0),
    ).scores_of(dataset)
    video = F.normalize(frames[2].mean(dim=0), dim=0)
    labels = F.normalize(F.normalize(texts.labels, dim=-1).mean(dim=0), dim=-1)
    neutral = F.normalize(texts.neutral, dim=-1)
    factor = np.exp(SCALE)
    scores = factor * labels @ video - (factor * neutral @ video).logsumexp(dim=0)
    assert torch.allclose(said.tag_scores[2], scores, atol=1e-4)
    assert torch.allclose(said.tag_probabilities[2], (0.5 * scores + 1).sigmoid(), atol=1e-5)


def test_thirty_views_are_ten_samplings_of_three_crops_and_their_mean_counts(
    backbone, texts, dataset, tmp_path
):
    cache = view_cache(tmp_path, backbone, frames=SEGMENTS, views=THIRTY_VIEWS)
    frames = filled(cache, dataset, THIRTY_VIEWS)
    fuse = head("Transf")
    scorer = ActionScorer(ActionModel(fuse), texts, cache, views=THIRTY_VIEWS, logit_scale=SCALE)
    said = scorer.scores_of(dataset, averages=("embeddings",))
    # Frames lie segment by segment, in each the ten samplings, of each frame the three crops.
    by_place = frames[5].view(SEGMENTS, 10, 3, DIM)
    texts_of_labels = F.normalize(texts.labels, dim=-1).mean(dim=0)
    whole = torch.ones(1, SEGMENTS, dtype=torch.bool)
    found = []
    for shift in range(10):
        for crop in range(3):
            with torch.no_grad():
                video = fuse(by_place[None, :, shift, crop], whole)[0]
            found.append(softmax(video, texts_of_labels))
    expected = torch.stack(found).mean(dim=0)
    assert torch.allclose(said.probabilities["embeddings"][5], expected, atol=1e-5)


def test_every_clip_has_a_row_and_of_undecoded_ones_nothing_is_said(
    backbone, texts, dataset, tmp_path
):
    cache = view_cache(tmp_path, backbone, frames=SEGMENTS, views=ONE_VIEW)
    filled(cache, dataset, ONE_VIEW)
    scorer = ActionScorer(ActionModel(head()), texts, cache, logit_scale=SCALE)
    whole = scorer.scores_of(dataset).probabilities["probabilities"]
    said = scorer.scores_of(dataset, undecoded={ClipWindow(Path("3.mp4"))})
    assert said.tag_scores.shape == (CLIPS, LABELS)
    others = [0, 1, 2, 4, 5, 6]
    for matrix in (said.probabilities["probabilities"], said.tag_scores, said.tag_probabilities):
        assert matrix[3].tolist() == [-np.inf] * LABELS
        assert matrix[others].isfinite().all()
    assert torch.allclose(said.probabilities["probabilities"][others], whole[others], atol=1e-6)


@pytest.mark.parametrize("visual", ["shift", "joint"])
def test_towers_that_see_several_frames_get_pixels(texts, dataset, tmp_path, visual):
    backbone = tiny_backbone()
    cache = FrameCache.of_pixels(tmp_path, backbone.preprocessing, SegmentSampling(SEGMENTS))
    random = np.random.default_rng(4)
    pixels = random.integers(0, 256, (CLIPS, SEGMENTS, 3, 32, 32), dtype=np.uint8)
    with cache._store.filling() as appender:
        for window, one in zip(dataset.windows, pixels, strict=True):
            appender.add(window, None, one)
    use_visual_prompt(backbone.model.visual, ActionCard((), visual=visual, frames=SEGMENTS))
    model = ActionModel(head(), backbone=backbone.model, preprocessing=backbone.preprocessing)
    said = ActionScorer(model.eval(), texts, cache, logit_scale=SCALE).scores_of(dataset)
    with torch.no_grad():
        mask = torch.ones(1, SEGMENTS, dtype=torch.bool)
        video = model.embed_videos(torch.from_numpy(pixels[4:5]), mask)[0]
    parts = [softmax(video, part) for part in texts.labels]
    expected = torch.stack(parts).mean(dim=0)
    assert torch.allclose(said.probabilities["probabilities"][4], expected, atol=1e-5)


@pytest.mark.parametrize("visual", ["shift", "joint"])
def test_each_view_of_such_a_tower_is_a_clip_of_its_own(texts, dataset, tmp_path, visual):
    backbone, sampling = tiny_backbone(), SegmentSampling(SEGMENTS, shifts=2)
    cache = FrameCache.of_pixel_crops(tmp_path, backbone.preprocessing, sampling)
    pixels = np.random.default_rng(4).integers(
        0, 256, (CLIPS, SEGMENTS, 2, 3, 3, 32, 32), dtype=np.uint8
    )  # clip, segment, shift, crop
    with cache._store.filling() as appender:
        for window, one in zip(dataset.windows, pixels, strict=True):
            appender.add(window, None, one.reshape(-1, 3, 32, 32))
    use_visual_prompt(backbone.model.visual, ActionCard((), visual=visual, frames=SEGMENTS))
    model = ActionModel(head(), backbone=backbone.model, preprocessing=backbone.preprocessing)
    scorer = ActionScorer(model.eval(), texts, cache, views=ClipViews(2, 3), logit_scale=SCALE)
    said = scorer.scores_of(dataset).probabilities["probabilities"][4]
    mask = torch.ones(1, SEGMENTS, dtype=torch.bool)
    expected = []
    for shift in range(2):
        for crop in range(3):
            view = torch.from_numpy(pixels[4:5, :, shift, crop].copy())
            with torch.no_grad():
                video = model.embed_videos(view, mask)[0]
            expected.append(torch.stack([softmax(video, part) for part in texts.labels]).mean(0))
    assert torch.allclose(said, torch.stack(expected).mean(dim=0), atol=1e-5)
