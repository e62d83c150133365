"""A model with 3D patches through the commands: import, index, search, evaluate, train, sketch.

What is expected comes from the formulas of `tests.models.published_clip4clip`, in double precision.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sqlalchemy import select

from indexer.keyframes import KEYFRAME_SIDE
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodedSegment, decode_video
from models.clip.backbone import Backbone, load_backbone
from models.clip.engines.choice import EngineChoice
from models.clip.sources import choose_model
from models.heads.checkpoints import load_head, read_card
from models.identity import HeadChoice
from search.catalog.store import Store
from search.catalog.tables import SegmentEmbedding, SegmentFrames, Space
from tests.calling import call, said, shown_json
from tests.corpus import scene, shots, write_clip
from tests.models import published_clip4clip as published

ARCHITECTURE = published.ARCHITECTURE


@pytest.fixture(scope="module", autouse=True)
def architecture(tmp_path_factory: pytest.TempPathFactory) -> None:
    published.register_architecture(tmp_path_factory.mktemp("architecture"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints with 3D patches as they are published, and what the command makes of each."""
    folder = tmp_path_factory.mktemp("imported")
    for head in published.HEADS:
        torch.save(published.published_state(head, patches_3d=True), folder / f"{head}.bin")
        assert call("import", "clip4clip", folder / f"{head}.bin", "--out", folder / head) == 0
    return folder


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which things move, and one in which nothing does."""
    folder = tmp_path_factory.mktemp("videos")
    write_clip(folder / "moving.mp4", shots([75]))
    write_clip(folder / "still.mp4", [scene(9)] * 75)
    (folder / "pairs.csv").write_text(
        "path,caption\nmoving.mp4,a dog runs\nstill.mp4,a red wall\nmoving.mp4,it moves\n"
    )
    return folder


def state_of(folder: Path, head: str) -> published.State:
    state = torch.load(folder / f"{head}.bin", weights_only=True)
    return {key: value.double() for key, value in state.items()}


def backbone_of(folder: Path, head: str, **how: object) -> Backbone:
    weights = folder / head / "backbone.safetensors"
    return load_backbone(choose_model(ARCHITECTURE, weights=weights), device="cpu", **how)


def frames_of(lengths: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (length, 32, 32, 3), dtype=np.uint8) for length in lengths]


def padded(backbone: Backbone, clips: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised pixels and mask, as the formulas take them."""
    longest = max(map(len, clips))
    pixels = torch.zeros(len(clips), longest, 3, 32, 32)
    mask = torch.zeros(len(clips), longest, dtype=torch.bool)
    for row, clip in enumerate(clips):
        pictures = torch.from_numpy(clip).permute(0, 3, 1, 2)
        pixels[row, : len(clip)] = backbone.preprocessing.normalise(pictures)
        mask[row, : len(clip)] = True
    return pixels, mask


@pytest.mark.parametrize("head", published.HEADS)
def test_an_imported_3d_kernel_scores_as_the_formulas_do(folder, head):
    backbone = backbone_of(folder, head)
    loaded = load_head(
        HeadChoice(file=folder / head / "head.safetensors"), backbone.identity, backbone.dim
    )
    clips = frames_of((5, 1, 7, 2))
    texts = ["a dog runs", "two cats", "a very long walk along the sea"]
    pixels, mask = padded(backbone, clips)
    state = state_of(folder, head)
    expected = published.logits(state, head, backbone.tokenize(texts), pixels, mask)
    frames = torch.zeros(*mask.shape, backbone.dim)
    frames[mask] = torch.cat(backbone.embed_clips(clips))
    with torch.no_grad():
        if head == "tightTransf":
            found = loaded.head(backbone.embed_texts(texts), frames, mask)
        else:
            unit = torch.nn.functional.normalize(backbone.embed_texts(texts), dim=1)
            found = np.exp(backbone.logit_scale) * unit @ loaded.head(frames, mask).T
    assert expected.std() > 0.01 * expected.abs().max()
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_frames_of_a_clip_are_the_same_however_few_are_encoded_at_a_time(folder):
    backbone = backbone_of(folder, "meanP")
    clips = frames_of((5, 1, 7, 2))
    whole = backbone.clip_arrays(clips)
    for batch_size in (1, 2, 3, 4):
        backbone.batch_size = batch_size
        for found, expected in zip(backbone.clip_arrays(clips), whole, strict=True):
            np.testing.assert_allclose(found, expected, atol=2e-5)
    # Without its neighbours a frame is another one.
    assert np.abs(backbone.clip_arrays([clips[0][:1]])[0] - whole[0][:1]).max() > 0.01


def test_openvino_leaves_such_a_model_to_torch(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path))
    said: list[str] = []
    for _ in range(2):  # the second time it is known
        asked = EngineChoice("openvino", "float32")
        backbone = backbone_of(folder, "meanP", engine=asked, talk=said.append)
        assert backbone.engine.name == "torch"
    [*_, why] = said
    assert why.endswith("runs in PyTorch: its frames see the frames beside them (3D patches)")
    assert len(said) == 2


def stored_frames(library: Path) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frame embeddings, which stands for which frame, and the segment's embedding."""
    with Store.open(library) as store, store.reading() as session:
        rows = session.execute(
            select(SegmentFrames.embeddings, SegmentFrames.unique_index, SegmentEmbedding.embedding)
            .join(SegmentEmbedding, SegmentEmbedding.segment_id == SegmentFrames.segment_id)
            .join(Space, Space.id == SegmentEmbedding.space_id)
            .where(Space.active)
        ).all()
    return [
        (
            np.frombuffer(frames, "<f2").reshape(-1, published.WIDTH).astype(float),
            np.frombuffer(index, "<u2"),
            np.frombuffer(embedding, "<f2").astype(float),
        )
        for frames, index, embedding in rows
    ]


def decoded(video: Path) -> np.ndarray:
    """All frames of the only segment, as indexing decodes them."""
    settings = IndexSettings(skip_duplicates=False)
    events = decode_video(video, short_side=KEYFRAME_SIDE, settings=settings)
    [segment] = [event for event in events if isinstance(event, DecodedSegment)]
    return segment.frames


@pytest.mark.parametrize("name", ["moving.mp4", "still.mp4"])
def test_index_and_search_see_every_frame_with_those_beside_it(
    folder, videos, tmp_path, capsys, name
):
    model = ("--model", ARCHITECTURE, "--weights", folder / "meanP" / "backbone.safetensors")
    index = ("index", videos / name, *model, "--library", tmp_path / "library")
    assert call(*index, "--head", folder / "meanP" / "head.safetensors") == 0
    [(frames, unique_index, embedding)] = stored_frames(tmp_path / "library")
    assert unique_index.tolist() == list(range(len(frames)))
    backbone = backbone_of(folder, "meanP")
    pixels, mask = padded(backbone, [backbone.preprocessing.fit(decoded(videos / name))])
    expected = published.embed_frames(state_of(folder, "meanP"), pixels.double(), mask)[0].numpy()
    scale = np.abs(expected).max()
    # Where nothing moves too, the first and the last frame have nothing on one side.
    assert np.abs(expected[0] - expected[1]).max() > 0.05 * scale
    assert np.abs(frames - expected).max() < 1e-3 * scale  # half precision is stored
    unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    mean = unit.mean(axis=0) / np.linalg.norm(unit.mean(axis=0))
    assert np.abs(embedding - mean).max() < 1e-3
    found = shown_json(capsys, "search", "a dog", "--library", tmp_path / "library")
    assert found["paths"] == [str(videos / name)]


def test_captions_are_measured_and_trained_with_it(folder, videos, tmp_path, capsys):
    weights = folder / "seqTransf" / "backbone.safetensors"
    model = ("--model", ARCHITECTURE, "--weights", weights)
    head = folder / "seqTransf" / "head.safetensors"
    data = ("--data", videos / "pairs.csv", "--cache", tmp_path / "cache", "--device", "cpu")
    assert call("evaluate", "retrieval", *data, *model, "--head", head) == 0
    trained = ("--out", tmp_path / "out", "--init", folder / "seqTransf", "--steps", 1)
    small = ("--batch-size", 2, "--validation-videos", 1)
    assert call("train", "retrieval", *data, *trained, *small, "--patches", "3d") == 0
    card = read_card(tmp_path / "out" / "head.safetensors")
    assert card.encoder.weights_digest == backbone_of(folder, "seqTransf").identity.weights_digest
    again = ("--out", tmp_path / "again", "--init", folder / "seqTransf", "--steps", 1)
    assert call("train", "retrieval", *data, *again, *small, "--patches", "2d") == 1
    assert "has learnt with 3D patches: leave --patches out" in said(capsys)


def test_a_plain_vit_learns_3d_patches(tmp_path, videos, capsys):
    torch.save(published.published_state("meanP"), tmp_path / "plain.bin")
    assert call("import", "clip4clip", tmp_path / "plain.bin", "--out", tmp_path / "plain") == 0
    data = ("--data", videos / "pairs.csv", "--cache", tmp_path / "cache", "--device", "cpu")
    run = ("train", "retrieval", *data, "--init", tmp_path / "plain", "--steps", 2)
    small = ("--batch-size", 2, "--validation-videos", 1, "--head", "meanP", "--warmup", 0)
    out = tmp_path / "out"
    assert call(*run, *small, "--patches", "3d", "--tune", "all", "--out", out) == 0
    kernel = load_file(out / "backbone.safetensors")["visual.conv1.weight"]
    assert kernel.shape == (published.WIDTH, 3, 3, published.PATCH, published.PATCH)
    assert kernel[:, :, 0].abs().max() > 0
    model = ("--model", ARCHITECTURE, "--weights", out / "backbone.safetensors")
    head = ("--head", out / "head.safetensors")
    capsys.readouterr()
    assert call("evaluate", "retrieval", *data, *model, *head, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["direction"] for line in lines] == ["text → video", "video → text"]
    assert call(*run, *small, "--patches", "3d", "--tune", "text", "--out", tmp_path / "text") == 1
    assert "train the picture tower too, with --tune all" in said(capsys)


def test_only_vits_have_patches(tmp_path, videos, capsys):
    data = ("--data", videos / "pairs.csv", "--cache", tmp_path / "cache", "--device", "cpu")
    run = ("train", "retrieval", *data, "--model", "bundled", "--tune", "all", "--steps", 1)
    small = ("--batch-size", 2, "--validation-videos", 1)
    assert call(*run, *small, "--patches", "3d", "--out", tmp_path / "out") == 1
    assert "3D patches need a model whose picture tower is CLIP's ViT" in said(capsys)
    assert not (tmp_path / "out").exists()


def test_frames_of_actions_are_not_mixed_from_what_was_encoded_together(
    folder, videos, tmp_path, capsys
):
    (tmp_path / "labels.csv").write_text(
        f"path,label\n{videos / 'moving.mp4'},moving\n{videos / 'still.mp4'},still\n"
    )
    weights = folder / "meanP" / "backbone.safetensors"
    data = ("--data", tmp_path / "labels.csv", "--cache", tmp_path / "cache", "--device", "cpu")
    model = (*data, "--model", ARCHITECTURE, "--weights", weights)
    run = ("train", "actions", *model, "--steps", 1, "--frames", 2, "--head", "Transf")
    assert call(*run, "--out", tmp_path / "out") == 1
    assert "(3D patches), so frames that were encoded together cannot be drawn" in said(capsys)
    capsys.readouterr()
    assert call("evaluate", "actions", *model, "--views", "10x3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["views"] == "10x3"
