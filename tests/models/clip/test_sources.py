"""Which models can be had, and what is said of those that cannot."""

from collections.abc import Callable
from types import SimpleNamespace

import huggingface_hub
import open_clip
import pytest
from huggingface_hub.errors import EntryNotFoundError

from models.clip.sources import choose_model, load_model
from models.errors import ModelUnavailable
from models.identity import ModelChoice


@pytest.mark.parametrize(
    ("name", "tag"),
    [("xlm-roberta-base-ViT-B-32", "laion5b_s13b_b90k"), ("ViT-B-16-SigLIP-i18n-256", "webli")],
)
def test_a_multilingual_model_says_which_package_it_needs(name, tag, monkeypatch):
    monkeypatch.setattr("models.clip.sources.find_spec", lambda _: None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'kinodex\[languages\]'"):
        load_model(choose_model(name, pretrained=tag), talk=print)


class Hub:
    """Stands in for the model hub and its cache: which files there are, and what is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sizes: dict[str, int | None]) -> None:
        self.sizes = sizes
        self.cached: set[str] = set()
        self.asked: list[str] = []
        monkeypatch.setattr(huggingface_hub, "hf_hub_url", lambda repo, name: f"{repo}/{name}")
        monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", self._metadata)
        monkeypatch.setattr(
            huggingface_hub,
            "try_to_load_from_cache",
            lambda repo, name: name if f"{repo}/{name}" in self.cached else None,
        )
        # The download itself is open_clip's.
        monkeypatch.setattr(open_clip, "create_model", self._no_download)

    def _metadata(self, url: str, *, timeout: float) -> SimpleNamespace:
        self.asked.append(url)
        if url not in self.sizes:
            raise EntryNotFoundError("no such file")
        return SimpleNamespace(size=self.sizes[url])

    @staticmethod
    def _no_download(*_: object, **__: object) -> None:
        raise RuntimeError("cut off")

    def heard(self, choice: ModelChoice) -> list[str]:
        """What is said before the download, which then fails."""
        said: list[str] = []
        with pytest.raises(
            ModelUnavailable, match=r"could not be downloaded: use '--model imagenet"
        ):
            load_model(choice, talk=said.append)
        return said


REPOSITORY = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
SAFE, PLAIN = (
    f"{REPOSITORY}/open_clip_model.safetensors",
    f"{REPOSITORY}/open_clip_pytorch_model.bin",
)


def test_a_download_is_told_with_its_size(monkeypatch):
    hub = Hub(monkeypatch, {SAFE: 605_143_316, PLAIN: 7})
    assert hub.heard(choose_model("ViT-B-32")) == [
        "downloading ViT-B-32 (laion2b_s34b_b79k) from the model hub (once, 605 MB)"
    ]
    assert hub.asked == [SAFE]


def test_older_weights_have_another_name(monkeypatch):
    hub = Hub(monkeypatch, {PLAIN: 7_400_000})
    assert hub.heard(choose_model("ViT-B-32")) == [
        "downloading ViT-B-32 (laion2b_s34b_b79k) from the model hub (once, 7 MB)"
    ]
    assert hub.asked == [SAFE, PLAIN]


@pytest.mark.parametrize("sizes", [{}, {SAFE: None}], ids=["no such file", "no size"])
def test_a_size_that_is_not_known_is_not_told(monkeypatch, sizes):
    hub = Hub(monkeypatch, sizes)
    assert hub.heard(choose_model("ViT-B-32")) == [
        "downloading ViT-B-32 (laion2b_s34b_b79k) from the model hub (once)"
    ]


@pytest.mark.parametrize("name", [SAFE, PLAIN])
def test_what_lies_in_the_cache_is_loaded_without_a_word(monkeypatch, name):
    hub = Hub(monkeypatch, {SAFE: 1})
    hub.cached = {name}
    assert (hub.heard(choose_model("ViT-B-32")), hub.asked) == ([], [])


def test_a_model_named_by_its_repository_is_looked_for_there(monkeypatch):
    hub = Hub(monkeypatch, {f"{SAFE}": 2_000_000})
    assert hub.heard(choose_model(f"hf-hub:{REPOSITORY}")) == [
        f"downloading hf-hub:{REPOSITORY} from the model hub (once, 2 MB)"
    ]


def test_weights_under_a_name_of_their_own_are_looked_for_under_it(monkeypatch):
    hub = Hub(monkeypatch, {"someone/models/theirs.pt": 3_000_000})
    monkeypatch.setattr(
        open_clip, "get_pretrained_cfg", lambda *_: {"hf_hub": "someone/models/theirs.pt"}
    )
    assert hub.heard(choose_model("ViT-B-32")) == [
        "downloading ViT-B-32 (laion2b_s34b_b79k) from the model hub (once, 3 MB)"
    ]


def test_weights_that_are_on_no_hub_are_left_to_open_clip(monkeypatch):
    hub = Hub(monkeypatch, {})
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: {"url": "https://x/y.pt"})
    assert (hub.heard(choose_model("ViT-B-32")), hub.asked) == ([], [])


def test_a_model_of_one_language_needs_no_other_package(monkeypatch):
    monkeypatch.setattr("models.clip.sources.find_spec", lambda _: None)
    assert len(Hub(monkeypatch, {}).heard(choose_model("ViT-B-32"))) == 1


def test_a_local_file_is_asked_of_no_hub(monkeypatch, tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"")
    hub = Hub(monkeypatch, {})
    with pytest.raises(
        ModelUnavailable, match=r"the weights in 'mine.pt' do not fit ViT-B-32: cut"
    ):
        load_model(choose_model("ViT-B-32", weights=tmp_path / "mine.pt"), talk=pytest.fail)
    assert hub.asked == []


def test_a_defect_of_what_comes_with_the_program_is_not_disguised(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(open_clip, "create_model", fail)
    with pytest.raises(ZeroDivisionError):
        load_model(choose_model("bundled"), talk=pytest.fail)


def test_a_model_is_never_left_without_its_weights(monkeypatch):
    """Left to itself, open_clip warns and goes on with random ones."""
    asked: list[dict[str, object]] = []

    def refuse(name: str, **how: object) -> None:
        asked.append({"name": name, **how})
        raise RuntimeError("no such weights")

    Hub(monkeypatch, {}).cached = {SAFE}
    monkeypatch.setattr(open_clip, "create_model", refuse)
    with pytest.raises(ModelUnavailable):
        load_model(choose_model("ViT-B-32"), talk=pytest.fail)
    weights = {"pretrained": "laion2b_s34b_b79k", "load_weights": True, "require_pretrained": True}
    assert asked == [{"name": "ViT-B-32", **weights}]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("x" * 161 + "\nand more"), "x" * 160),
        (RuntimeError("one\ntwo"), "one"),
        (KeyError(), "KeyError"),
    ],
)
def test_of_a_long_reason_the_first_line_is_told(monkeypatch, tmp_path, error, reason):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(open_clip, "create_model", fail)
    (tmp_path / "mine.pt").write_bytes(b"")
    for name in ("ViT-B-32", "bundled"):
        with pytest.raises(ModelUnavailable) as told:
            load_model(choose_model(name, weights=tmp_path / "mine.pt"), talk=pytest.fail)
        assert str(told.value) == f"the weights in 'mine.pt' do not fit {name}: {reason}"


def test_what_reads_the_words_is_asked_for_once_and_its_lack_is_one_sentence(monkeypatch):
    hub = Hub(monkeypatch, {})
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", hub_that_is_away(hub.asked))
    choice = ModelChoice("ViT-B-32-SigLIP2-256", "random")
    with pytest.raises(ModelUnavailable) as caught:
        load_model(choice, talk=pytest.fail)
    assert str(caught.value).startswith(
        "what reads the words of ViT-B-32-SigLIP2-256 (random) could not be downloaded: use "
        "'--model imagenet'"
    )
    assert "\n" not in str(caught.value)
    assert hub.asked == ["timm/ViT-B-32-SigLIP2-256/tokenizer_config.json"]


@pytest.mark.parametrize("here", [True, False])
def test_the_hub_is_left_alone_where_all_lies_on_this_machine(here, monkeypatch):
    weights = "timm/ViT-B-32-SigLIP2-256/open_clip_model.safetensors"
    words = "timm/ViT-B-32-SigLIP2-256/tokenizer.json"
    hub = Hub(monkeypatch, {weights: 1, words: 1})
    hub.cached = {weights, words} if here else {weights}
    offline = []

    def create_model(*_: object, **__: object) -> None:
        offline.append(huggingface_hub.constants.HF_HUB_OFFLINE)
        raise OSError("no weights here")

    monkeypatch.setattr(open_clip, "create_model", create_model)
    with pytest.raises(ModelUnavailable):
        load_model(ModelChoice("ViT-B-32-SigLIP2-256", "webli"), talk=pytest.fail)
    # What is missing after all may be asked for.
    assert offline == ([True, False] if here else [False])
    assert huggingface_hub.constants.HF_HUB_OFFLINE is False


def hub_that_is_away(asked: list[str]) -> Callable[..., None]:
    """A hub that does not answer, and notes what it was asked for."""

    def metadata(url: str, *, timeout: float) -> None:
        asked.append(url)
        raise OSError(f"no answer in {timeout} s")

    return metadata
