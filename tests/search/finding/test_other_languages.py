"""Models that read other languages, from the words to the hits."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import cosine_similarity

from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from search.catalog.store import Store
from search.finding.engine import SearchEngine
from search.queries.language import parse
from tests import multilingual
from tests.tiny import index

QUERIES = [
    "собака",
    "犬",
    "كلب",
    "शाम",
    "hund",
    "犬 + 海",
    "собака - 2:пляж",
    "«ein» hund? --per-video 1",
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    multilingual.make_model(tmp_path_factory.mktemp("multilingual"))
    choice = choose_model(multilingual.NAME, pretrained="random")
    return load_backbone(choice, device="cpu")


def test_a_text_alone_and_in_company_is_encoded_as_open_clip_does(backbone: Backbone) -> None:
    texts = ["hund", "", "собака пляж " * 12, "犬 海", "كلب the beach"]
    with torch.no_grad():
        expected = backbone.model.encode_text(backbone.tokenize(texts))  # type: ignore[operator]

    assert not backbone.engine.pads_texts  # its padding is masked
    together = backbone.embed_texts(texts)
    alone = torch.cat([backbone.embed_texts([text]) for text in texts])

    assert cosine_similarity(torch.as_tensor(together), expected).min() > 0.99999
    assert cosine_similarity(torch.as_tensor(alone), expected).min() > 0.99999


def test_such_a_model_is_compiled_like_any_other(backbone: Backbone) -> None:
    assert backbone.engine.name == "openvino"


def test_words_of_any_script_make_a_difference(backbone: Backbone) -> None:
    embeddings = torch.as_tensor(backbone.embed_texts(["собака", "犬", "كلب", "शाम", "dog"]))

    alike = cosine_similarity(embeddings[:, None], embeddings[None], dim=-1)

    assert alike[~torch.eye(5, dtype=torch.bool)].max() < 0.999


def test_a_library_is_searched_in_any_script(
    backbone: Backbone, good_videos: dict[str, Path], tmp_path: Path
) -> None:
    with Store.open(tmp_path / "library", create=True) as library:
        index(library, good_videos["plain.mp4"], backbone=backbone)
        engine = SearchEngine.for_library(library, backbone)
        for text in QUERIES:
            query = parse(text)

            hits = engine.search(query)

            assert [hit.paths[0].name for hit in hits] == ["plain.mp4"], text
            assert hits[0].match is not None
