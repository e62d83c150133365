"""Any open_clip model behind one interface. Random weights: nothing here needs a download."""

from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file

from models.clip.backbone import TEXTS_REMEMBERED, Backbone, load_backbone
from models.clip.card import weights_digest
from models.clip.devices import find_device
from models.clip.engines.choice import EngineChoice
from models.clip.engines.protocol import OutOfMemory
from models.clip.sources import LoadedModel, choose_model
from models.errors import KinodexError, ModelUnavailable
from models.identity import ModelChoice
from models.known_texts import KnownTexts

ARCHITECTURE = "RN50"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load(choose_model(ARCHITECTURE, pretrained="random"))


def load(choice: ModelChoice, **options: Any) -> Backbone:
    return load_backbone(choice, device="cpu", engine=EngineChoice("torch"), **options)


def frames(count: int, height: int = 240, width: int = 320) -> np.ndarray:
    small = np.random.default_rng(count).integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
    pictures = [Image.fromarray(picture).resize((width, height)) for picture in small]
    return np.stack([np.asarray(picture) for picture in pictures])


def test_frames_give_what_open_clip_gives(backbone):
    pictures = frames(3)
    transform = image_transform_v2(
        PreprocessCfg(**open_clip.get_model_preprocess_cfg(backbone.model)), is_train=False
    )
    inputs = torch.stack([transform(Image.fromarray(picture)) for picture in pictures])
    with torch.inference_mode():
        expected = backbone.model.encode_image(inputs)
    found = backbone.embed_frames(pictures)
    assert found.shape == (3, 1024)
    assert found.dtype == torch.float32
    assert torch.cosine_similarity(found, expected).min() > 0.999


def test_clips_of_different_sizes_share_batches_without_mixing(backbone):
    clips = [frames(3), frames(2, 320, 240), frames(4, 224, 224)]
    together = backbone.embed_clips(clips)
    assert [len(one) for one in together] == [3, 2, 4]
    for clip, embeddings in zip(clips, together, strict=True):
        torch.testing.assert_close(embeddings, backbone.embed_frames(clip), atol=1e-4, rtol=1e-3)


def test_texts_give_unnormalised_embeddings_in_order(backbone):
    both = backbone.embed_texts(["a dog", "a cat"])
    assert both.shape == (2, 1024)
    torch.testing.assert_close(both[1], backbone.embed_texts(["a cat"])[0], atol=1e-5, rtol=1e-4)


def test_texts_give_what_open_clip_gives_in_full_precision(backbone):
    texts = ["a dog on a sofa", "a cat"]
    with torch.inference_mode():
        expected = backbone.model.encode_text(backbone.tokenize(texts))
    torch.testing.assert_close(backbone.embed_texts(texts), expected, atol=1e-5, rtol=1e-4)
    assert backbone.logit_scale == pytest.approx(2.6592600369)
    assert backbone.dim == 1024
    assert backbone.identity.preprocessing["size"] == (224, 224)


class Odd(torch.nn.Module):
    """A model that says more of itself than open_clip's do."""

    tag_calibration = (2.0, -1.0)
    knows_actions = False
    known_texts = KnownTexts(np.eye(2, 3, dtype=np.float32), 0.9)

    def __init__(self) -> None:
        super().__init__()
        self.visual = torch.nn.Linear(2, 3)
        self.text = torch.nn.Embedding(9, 3)
        self.logit_scale = torch.nn.Parameter(torch.tensor(1.5))
        self.visual.preprocess_cfg = vars(PreprocessCfg(size=8))

    def encode_text(self, token_ids: torch.Tensor) -> torch.Tensor:
        return self.text(token_ids).sum(dim=1)


def test_a_model_is_a_clip_unless_it_says_otherwise(backbone):
    texts = np.eye(3, backbone.dim, dtype=np.float32)
    assert backbone.knows(texts).tolist() == [True] * 3
    assert (backbone.tag_calibration, backbone.knows_actions) == ((1.0, 0.0), True)
    odd = Odd()
    open_clip.factory.set_model_preprocess_cfg(odd, vars(PreprocessCfg(size=8)))
    loaded = LoadedModel(odd, lambda texts: torch.ones(len(texts), 4, dtype=torch.int64))
    other = Backbone.in_torch(ModelChoice("odd"), loaded, torch.device("cpu"))
    assert (other.tag_calibration, other.knows_actions) == ((2.0, -1.0), False)
    assert (other.dim, other.logit_scale) == (3, 1.5)
    told = np.array([[0, 1, 0], [0, 0, 1], [3, 1, 0]], np.float32)
    assert other.knows(told).tolist() == [True, False, True]


def test_a_batch_that_does_not_fit_is_halved_until_it_does(backbone, monkeypatch):
    whole = backbone.embed_frames(frames(8))
    pictures = backbone.engine.pictures
    sizes = []

    def limited(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise OutOfMemory
        return pictures(batch)

    monkeypatch.setattr(backbone.engine, "pictures", limited)
    monkeypatch.setattr(backbone, "batch_size", 8)
    torch.testing.assert_close(backbone.embed_frames(frames(8)), whole, atol=1e-4, rtol=1e-3)
    assert sizes == [8, 4, 2, 2, 2, 2]


def test_a_model_too_large_for_single_frames_says_so(backbone, monkeypatch):
    def never(_: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(backbone.model, "encode_image", never)
    monkeypatch.setattr(backbone, "batch_size", 4)
    with pytest.raises(KinodexError, match="does not fit into the memory of cpu"):
        backbone.embed_frames(frames(4))


def test_a_text_seen_before_is_not_encoded_again(backbone, monkeypatch):
    seen = []
    tokens = backbone.engine.tokens
    monkeypatch.setattr(backbone.engine, "tokens", lambda ids: seen.append(len(ids)) or tokens(ids))
    first = backbone.embed_texts(["one cat", "one dog", "one cat"])
    again = backbone.embed_texts(["one dog"])
    assert seen == [2]
    assert torch.equal(first[0], first[2])
    assert torch.equal(first[1], again[0])


def test_the_oldest_texts_are_forgotten(backbone, monkeypatch):
    encoded = []

    def tokens(ids: np.ndarray) -> np.ndarray:
        encoded.append(len(ids))
        return np.zeros((len(ids), backbone.dim), np.float32)

    monkeypatch.setattr(backbone.engine, "tokens", tokens)
    backbone.embed_texts([f"text {number}" for number in range(TEXTS_REMEMBERED)])
    backbone.embed_texts(["text 0"])
    backbone.embed_texts([f"new {number}" for number in range(5)])
    backbone.embed_texts(["text 0", "text 6"])
    assert encoded == [TEXTS_REMEMBERED, 5]
    backbone.embed_texts(["text 5", "text 6"])
    assert encoded == [TEXTS_REMEMBERED, 5, 1]


def test_more_texts_than_are_remembered_come_in_order_and_make_no_query_forgotten(
    backbone, monkeypatch
):
    backbone.embed_texts(["a query"])
    read = []

    def one_each(ids: np.ndarray) -> np.ndarray:
        read.append(len(ids))
        return np.arange(len(ids), dtype=np.float32)[:, None].repeat(backbone.dim, axis=1)

    monkeypatch.setattr(backbone.engine, "tokens", one_each)
    many = backbone.embed_texts([f"label {number}" for number in range(TEXTS_REMEMBERED + 1)])
    assert many[:, 0].tolist() == list(range(TEXTS_REMEMBERED + 1))
    backbone.embed_texts(["a query"])
    assert read == [TEXTS_REMEMBERED + 1]


def test_random_weights_are_the_same_every_time(backbone):
    again = load(choose_model(ARCHITECTURE, pretrained="random"))
    assert again.identity == backbone.identity


def test_other_weights_have_another_digest(backbone):
    before = backbone.identity.weights_digest
    other = load(choose_model("RN50-quickgelu", pretrained="random"))
    assert other.identity.model != backbone.identity.model
    with torch.no_grad():
        weight = other.model.visual.conv1.weight
        changed = {**other.model.state_dict(), "visual.conv1.weight": weight + 0.01}
    other.model.load_state_dict(changed)
    assert weights_digest(other.model) != before


def test_a_digest_stays_the_same_from_version_to_version():
    # Libraries and heads know their model by it.
    layers = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 2), "b": torch.nn.Linear(5000, 1)})
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(torch.arange(float(parameter.numel())).reshape(parameter.shape))
    assert weights_digest(layers) == "164a3f5292b264bd87e46e992b8f3ea0"
    with torch.no_grad():
        layers["b"].weight[0, 1] += 1.0  # between the samples, of which there are a thousand
    assert weights_digest(layers) == "164a3f5292b264bd87e46e992b8f3ea0"
    with torch.no_grad():
        layers["b"].weight[0, 4] += 1.0
    assert weights_digest(layers) != "164a3f5292b264bd87e46e992b8f3ea0"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_local_weights_are_loaded(backbone, tmp_path, suffix):
    file = tmp_path / f"mine{suffix}"
    weights = {name: value.clone() for name, value in backbone.model.state_dict().items()}
    if suffix == ".pt":
        torch.save(weights, file)
    else:
        save_file(weights, file)
    loaded = load(choose_model(ARCHITECTURE, weights=file))
    assert loaded.identity.weights_digest == backbone.identity.weights_digest


def test_weights_of_another_model_are_refused_by_name(tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"something": torch.zeros(3)}, file)
    with pytest.raises(
        ModelUnavailable, match=r"the weights in 'other.safetensors' do not fit RN50"
    ):
        load(choose_model(ARCHITECTURE, weights=file))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_whose_numbers_are_none_are_refused(backbone, tmp_path, number):
    file = tmp_path / "broken.safetensors"
    weights = {name: value.clone() for name, value in backbone.model.state_dict().items()}
    weights["visual.conv1.weight"][0, 0, 0, 0] = number
    save_file(weights, file)
    with pytest.raises(ModelUnavailable, match=r"'broken.safetensors' hold numbers that are not"):
        load(choose_model(ARCHITECTURE, weights=file))


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    file = tmp_path / "bomb.pt"
    torch.save({"weights": Bomb()}, file)
    with pytest.raises(ModelUnavailable, match=r"'bomb.pt'"):
        load(choose_model(ARCHITECTURE, weights=file))
    assert not (tmp_path / "owned").exists()


@pytest.fixture
def no_network(monkeypatch, tmp_path) -> None:
    """A hub that nobody listens at, and an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )


@pytest.mark.parametrize("name", ["ViT-B-32", "hf-hub:someone/something"])
def test_no_network_names_the_ways_out_at_once(name, no_network, monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the download would be tried again and again")

    monkeypatch.setattr(open_clip, "create_model", never)
    heard: list[str] = []
    with pytest.raises(ModelUnavailable) as caught:
        load(choose_model(name), talk=heard.append)
    assert "--model imagenet" in str(caught.value)
    assert "--model bundled" in str(caught.value)
    assert "--weights FILE" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert heard == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "ViT-B-23"}, r"did you mean ViT-B-32 or [^ ]+ or [^ ]+\?$"),
        ({"name": "RN51"}, "did you mean RN50 or"),
        ({"name": "bundle"}, "did you mean bundled"),
        ({"name": "nonsense-42"}, "there is no model named 'nonsense-42'$"),
        ({"name": "ViT-B-32", "pretrained": "nope"}, "no weights tagged 'nope': choose from"),
        ({"name": "bundled", "pretrained": "openai"}, "brings its own weights"),
        ({"name": "hf-hub:a/b", "pretrained": "openai"}, "brings its own weights"),
        ({"name": "coca_base"}, "no published weights are known for coca_base: give"),
    ],
)
def test_wrong_names_are_explained(arguments, sentence):
    with pytest.raises(ModelUnavailable, match=sentence):
        choose_model(**arguments)


def test_missing_and_odd_weight_files_are_explained(tmp_path):
    with pytest.raises(ModelUnavailable, match="there is no weight file"):
        choose_model("RN50", weights=tmp_path / "gone.pt")
    (tmp_path / "weights.zip").write_bytes(b"PK")
    with pytest.raises(ModelUnavailable, match=r"must end in \.safetensors"):
        choose_model("RN50", weights=tmp_path / "weights.zip")


def test_weights_come_from_one_place(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(ModelUnavailable, match="either --pretrained or --weights, not both"):
        choose_model("RN50", pretrained="openai", weights=tmp_path / "weights.pt")


def test_a_bare_name_gets_its_usual_weights():
    assert choose_model("ViT-B-32") == ModelChoice("ViT-B-32", "laion2b_s34b_b79k")
    assert choose_model("RN50") == ModelChoice("RN50", "cc12m")  # the newest


def test_a_graphics_card_runs_larger_models_by_the_same_names():
    assert choose_model("fast") == choose_model("ViT-B-32")
    assert [choose_model("good", device=kind) for kind in ("cpu", "cuda", "mps")] == [
        choose_model("PE-Core-B-16"),
        choose_model("PE-Core-L-14-336"),
        choose_model("PE-Core-L-14-336"),
    ]
    assert choose_model("best", device="cuda").name == "PE-Core-bigG-14-448"


def test_a_name_may_have_other_weights_than_it_stands_for(tmp_path):
    assert choose_model("good", pretrained="random") == ModelChoice("PE-Core-B-16", "random")
    file = tmp_path / "own.safetensors"
    file.touch()
    assert choose_model("fast", weights=file) == ModelChoice("ViT-B-32", weights=file.resolve())


def test_a_device_that_is_not_there_is_an_error():
    for absent in ("tpu", *(["cuda"] if not torch.cuda.is_available() else [])):
        with pytest.raises(KinodexError, match=f"there is no device '{absent}'.* use .*cpu$"):
            find_device(absent)
    assert find_device("cpu") == torch.device("cpu")


def test_without_a_graphics_card_the_processor_works(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device() == torch.device("cpu")
