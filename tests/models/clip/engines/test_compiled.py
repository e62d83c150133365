"""A compiled model gives what PyTorch gives, and is found again without torch."""

import json
import os
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from models.clip import backbone as backbones
from models.clip.backbone import Backbone, load_backbone
from models.clip.engines import cache, compiled, in_openvino
from models.clip.engines.agreement import agreement
from models.clip.engines.choice import EngineChoice
from models.clip.engines.conversion import ConversionRefused
from models.clip.engines.text_batches import in_order
from models.clip.sources import LoadedModel
from models.errors import ModelUnavailable
from models.identity import ModelChoice
from tests.tiny import CONFIG, tiny_backbone

TEXTS = ["", "a dog", "a man opens a bottle of wine and pours it into a glass, then drinks"]
IN_FLOAT32 = EngineChoice("openvino", "float32")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def in_torch() -> Backbone:
    return tiny_backbone()


@pytest.fixture
def loads(in_torch: Backbone, monkeypatch: pytest.MonkeyPatch) -> list[ModelChoice]:
    """How often the tiny model was loaded in PyTorch."""
    seen: list[ModelChoice] = []

    def load_model(choice: ModelChoice, **_: object) -> LoadedModel:
        seen.append(choice)
        return in_torch._load()

    monkeypatch.setattr("models.clip.sources.load_model", load_model)
    return seen


def load(in_torch: Backbone, said: list[str] | None = None, **options: object) -> Backbone:
    settings = {"engine": IN_FLOAT32, "stored": in_torch.identity, **options}
    talk = (said if said is not None else []).append
    return load_backbone(in_torch.choice, device="cpu", talk=talk, **settings)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 40, 64, 3), dtype=np.uint8)


def assert_same(one: Backbone, other: Backbone) -> None:
    np.testing.assert_allclose(one.text_arrays(TEXTS), other.text_arrays(TEXTS), atol=1e-5)
    shown = [pictures(3), pictures(20)]
    for ours, theirs in zip(one.clip_arrays(shown), other.clip_arrays(shown), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def run(program: str, **variables: str) -> str:
    """What a program of its own prints."""
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(backbones.__file__).parents[2]), **variables},
    )
    return ran.stdout


def test_both_engines_give_the_same(in_torch, loads):
    said: list[str] = []
    made = load(in_torch, said)
    assert said == ["compiling tiny-1 for this processor (once)"]
    assert (made.engine.name, made.engine.precision) == ("openvino", "float32")
    assert made.card == in_torch.card
    assert_same(made, in_torch)
    assert torch.equal(made.tokenize(TEXTS), in_torch.tokenize(TEXTS))


def test_it_is_compiled_once_and_found_again_without_loading_it(in_torch, loads):
    load(in_torch)
    said: list[str] = []
    found = load(in_torch, said)
    assert (said, len(loads)) == ([], 1)
    assert found.card == in_torch.card
    assert_same(found, in_torch)
    assert len(loads) == 1
    assert found.model is in_torch.model  # for those who look into its layers
    assert len(loads) == 2


def test_what_is_compiled_is_used_without_torch(in_torch, loads):
    load(in_torch)
    program = f"""
        import sys
        from models.clip.backbone import load_backbone
        from models.clip.engines.choice import EngineChoice
        from models.identity import EncoderIdentity, ModelChoice
        import numpy as np

        stored = EncoderIdentity(**{in_torch.identity.__dict__!r})
        engine = EngineChoice("openvino", "float32")
        one = load_backbone(ModelChoice("tiny-1"), device="cpu", engine=engine, stored=stored)
        [seen] = one.clip_arrays([np.zeros((2, 40, 64, 3), "u1")])
        told = one.text_arrays(["a dog"])
        heavy = {{"torch", "open_clip", "torchvision"}} & set(sys.modules)
        print(told.shape, seen.shape, sorted(heavy))
    """
    assert run(program) == "(1, 24) (2, 24) []\n"


def test_no_word_goes_out(tmp_path):
    """OpenVINO's tools and NNCF tell their makers of all that is done, unless kept from it."""
    program = """
        import sys
        told = []
        kinds = ("socket.connect", "socket.getaddrinfo", "socket.sendto")
        sys.addaudithook(lambda kind, args: told.append(kind) if kind in kinds else None)

        from models.clip.backbone import load_backbone
        from models.clip.engines.choice import EngineChoice
        from models.identity import ModelChoice

        engine = EngineChoice("openvino", "float32")
        for _ in range(2):
            one = load_backbone(ModelChoice("bundled"), device="cpu", engine=engine)
            one.text_arrays(["a dog"])
        from models.clip.engines.quantising import quantised
        import numpy as np

        frames = np.zeros((2, *one.preprocessing.size, 3), "u1")
        quantised(one.model, one.preprocessing, [frames])
        print(one.engine.name, told, sys.modules["openvino_telemetry"], "nncf" in sys.modules)
    """
    home = tmp_path / "home"
    home.mkdir()
    assert run(program, HOME=str(home), USERPROFILE=str(home)) == "openvino [] None True\n"
    assert not (home / "intel").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_signals_arrive_after_models_have_come_and_gone(in_torch, loads):
    """Each of OpenVINO's cores leaves a stack for signals behind, which it takes away later."""
    load(in_torch)
    program = f"""
        import gc, os, signal
        from models.clip.backbone import load_backbone
        from models.clip.engines.choice import EngineChoice
        from models.identity import EncoderIdentity, ModelChoice

        stored = EncoderIdentity(**{in_torch.identity.__dict__!r})
        def loaded():
            engine = EngineChoice("openvino", "float32")
            one = load_backbone(ModelChoice("tiny-1"), device="cpu", engine=engine, stored=stored)
            one.text_arrays(["a dog"])
            return one

        signal.signal(signal.SIGINT, lambda *_: print("heard"))
        models = [loaded(), loaded(), loaded()]
        while models:
            del models[0]  # the first that came goes first
            gc.collect()
            os.kill(os.getpid(), signal.SIGINT)
    """
    assert run(program) == "heard\n" * 3


@pytest.mark.parametrize("name", ["texts.blob", "pictures.blob", "tokenizer.json", "card.json"])
def test_a_damaged_one_is_made_again(in_torch, loads, folder, name):
    load(in_torch)
    [file] = folder.glob(f"*/{name}")
    content = bytearray(file.read_bytes())
    for place in range(0, len(content), 97):
        content[place] ^= 3
    file.write_bytes(content)
    assert_same(load(in_torch), in_torch)
    assert len(loads) == 2
    assert_same(load(in_torch), in_torch)
    assert len(loads) == 2


def test_one_whose_numbers_are_others_is_made_again(in_torch, loads, folder):
    """As if it had been compiled for another processor: whole, but not what it was."""
    load(in_torch)
    [own] = [entry.folder for entry in cache.entries()]
    other = tiny_backbone(2)
    kept = compiled.make(other.choice, "float32", other.card, other._load(), lambda: None)
    assert isinstance(kept, compiled.Compiled)
    [foreign] = [one.folder for one in cache.entries() if one.folder != own]
    blob = (foreign / "texts.blob").read_bytes()
    (own / "texts.blob").write_bytes(blob)
    card = json.loads((own / "card.json").read_text())
    card["sums"]["texts.blob"] = zlib.crc32(blob)
    (own / "card.json").write_text(json.dumps(card))
    assert_same(load(in_torch), in_torch)
    assert len(loads) == 2


def test_damage_beside_weights_that_have_changed_is_told(in_torch, loads, folder, monkeypatch):
    load(in_torch)
    found = load(in_torch)
    [file] = folder.glob("*/texts.blob")
    file.write_bytes(b"nothing")
    other = tiny_backbone(2)
    monkeypatch.setattr("models.clip.sources.load_model", lambda *_, **__: other._load())
    with pytest.raises(ModelUnavailable, match="is damaged, and the weights that it was made of"):
        found.text_arrays(["a dog"])


def test_weights_in_a_file_are_known_by_the_file(in_torch, loads, tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"these")
    choice = ModelChoice("tiny-1", weights=weights)
    for expected in (1, 1):
        load_backbone(choice, device="cpu", engine=IN_FLOAT32, stored=in_torch.identity)
        assert len(loads) == expected
    weights.write_bytes(b"those")
    load_backbone(choice, device="cpu", engine=IN_FLOAT32, stored=in_torch.identity)
    assert len(loads) == 2


def test_a_model_that_is_not_the_same_afterwards_stays_in_torch(in_torch, loads, monkeypatch):
    monkeypatch.setattr("models.clip.engines.conversion.LEAST_AGREEMENT", 1.1)
    said: list[str] = []
    refused = load(in_torch, said)
    assert (refused.engine.name, len(loads)) == ("torch", 1)
    assert said[1] == "tiny-1 runs in PyTorch: its texts would agree to 1.0000 only"
    again = load(in_torch, said)
    assert (again.engine.name, len(said)) == ("torch", 2)
    assert_same(again, in_torch)


def test_of_two_precisions_the_one_that_agrees_is_taken(in_torch, loads, monkeypatch):
    asked = []
    compile_tower = in_openvino.compiled

    def worse(graph: object, precision: str) -> object:
        asked.append(precision)
        return compile_tower(graph, precision)

    monkeypatch.setattr("models.clip.engines.conversion.compiled", worse)
    monkeypatch.setattr("models.clip.engines.conversion.LEAST_AGREEMENT", 0.9999999)
    made = load(in_torch, engine=EngineChoice("openvino", "bfloat16"))
    has_it = in_openvino.has_bfloat16()
    assert asked == (["float32", "bfloat16", "float32"] if has_it else asked)
    assert made.engine.precision == ("float32" if has_it else made.engine.precision)


def test_a_refused_model_takes_no_room(in_torch, loads, folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise ConversionRefused("its pictures would agree to 0.5000 only")

    monkeypatch.setattr("models.clip.engines.conversion.convert_pictures", refuse)
    assert load(in_torch).engine.name == "torch"
    assert [file.name for file in folder.glob("*/*")] == ["card.json"]


def test_what_cannot_be_made_again_is_told(in_torch, loads, folder, monkeypatch):
    load(in_torch)
    found = load(in_torch)
    [file] = folder.glob("*/texts.blob")
    file.write_bytes(b"nothing")
    monkeypatch.setattr("models.clip.engines.conversion.LEAST_AGREEMENT", 1.1)
    with pytest.raises(ModelUnavailable, match=r"again: its texts .* KINODEX_ENGINE=torch does"):
        found.text_arrays(["a dog"])


def test_a_tower_that_cannot_be_traced_stays_in_torch(in_torch, loads, monkeypatch):
    def by_the_day(_: torch.Tensor) -> torch.Tensor:
        raise ValueError("not on a Monday\nnor on any other day")

    encode_image = in_torch.model.encode_image

    def encode(image: torch.Tensor) -> torch.Tensor:
        return by_the_day(image) if torch.jit.is_tracing() else encode_image(image)

    monkeypatch.setattr(in_torch.model, "encode_image", encode)
    said: list[str] = []
    assert load(in_torch, said).engine.name == "torch"
    assert said[1] == "tiny-1 runs in PyTorch: it cannot be converted: not on a Monday"


def test_tokenizers_that_cannot_be_kept_leave_a_model_in_torch(in_torch, loads, monkeypatch):
    loaded = LoadedModel(
        in_torch.model, lambda texts: torch.ones(len(texts), 16, dtype=torch.int64)
    )
    monkeypatch.setattr("models.clip.sources.load_model", lambda *_, **__: loaded)
    said: list[str] = []
    assert load(in_torch, said).engine.name == "torch"
    assert said[1] == "tiny-1 runs in PyTorch: a tokenizer of the kind function"


def test_where_nothing_can_be_kept_the_model_stays_in_torch(in_torch, loads, folder):
    folder.write_text("a file is in the way")
    said: list[str] = []
    assert load(in_torch, said).engine.name == "torch"
    assert said == [
        f"'{folder}' cannot be written to, so the model cannot be compiled: going on in PyTorch, "
        "which takes longer"
    ]


def test_on_a_full_disk_it_serves_from_memory(in_torch, loads, folder, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        made = load(in_torch)
    assert made.engine.name == "openvino"
    assert_same(made, in_torch)
    assert cache.entries() == []


def test_an_engine_that_cannot_be_imported_is_told(in_torch, loads, monkeypatch):
    monkeypatch.setitem(sys.modules, "models.clip.engines.compiled", None)
    monkeypatch.delattr("models.clip.engines.compiled")
    said: list[str] = []
    assert load(in_torch, said).engine.name == "torch"
    assert said[0].startswith("OpenVINO cannot be used here (")


@pytest.mark.parametrize(
    "options",
    [
        {"custom_text": True, "pool_type": "eos", "eos_id": 49407},
        {"custom_text": True, "no_causal_mask": True},
    ],
    ids=["an end id", "not causal"],
)
def test_text_towers_of_all_kinds_are_served(options, monkeypatch):
    custom = bool(options.get("custom_text"))
    text = {**CONFIG["text_cfg"], **{k: v for k, v in options.items() if k != "custom_text"}}
    torch.manual_seed(5)
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    model = kind(**{**CONFIG, "text_cfg": text}).eval()
    open_clip.factory.set_model_preprocess_cfg(
        model, {**vars(open_clip.transform.PreprocessCfg()), "size": 32}
    )
    tokenize = open_clip.tokenizer.SimpleTokenizer(context_length=16)
    loaded = LoadedModel(model, tokenize)
    in_torch = Backbone.in_torch(ModelChoice("odd"), loaded, torch.device("cpu"))
    monkeypatch.setattr("models.clip.sources.load_model", lambda *_, **__: loaded)
    made = load(in_torch)
    assert made.engine.name == "openvino"
    padded = bool(options.get("no_causal_mask"))
    assert made.engine.pads_texts == in_torch.engine.pads_texts == padded
    np.testing.assert_allclose(many(made, "float32")[0], many(in_torch, "")[0], atol=1e-5)
    for texts in (TEXTS, [TEXTS[1]], [TEXTS[2]]):
        np.testing.assert_allclose(made.text_arrays(texts), in_torch.text_arrays(texts), atol=1e-5)


def many(backbone: Backbone, precision: str) -> tuple[np.ndarray, int]:
    """Embeddings of many texts, and in how many batches they were read."""
    texts = [f"{count} dogs and {count % 7} {what}" for count in range(99) for what in TEXTS]
    parts = list(backbone.engine.many_texts(backbone.token_ids(texts), precision=precision))
    assert max(len(rows) for rows, _ in parts) < len(texts)
    return in_order(parts, len(texts)), len(parts)


def test_many_texts_are_what_they_are_one_by_one(in_torch, loads):
    made = load(in_torch)
    found, _ = many(made, "float32")
    np.testing.assert_allclose(found, many(in_torch, "float32")[0], atol=1e-5)
    alone = made.engine.tokens(made.token_ids(["5 dogs and 5 a dog"]))
    np.testing.assert_allclose(found[3 * 5 + 1], alone[0], atol=1e-5)


def test_many_texts_are_read_in_fewer_digits_where_some_of_them_agree(in_torch, loads):
    made = load(in_torch)
    exact, _ = many(made, "float32")
    found, _ = many(made, "bfloat16")
    assert agreement(found, exact) >= 0.999
    assert (found != exact).any() == in_openvino.has_bfloat16()


def test_where_all_digits_are_wanted_no_second_tower_is_read(in_torch, loads, monkeypatch):
    made = load(in_torch)
    monkeypatch.setattr(in_openvino, "_imported", pytest.fail)
    assert np.isfinite(many(made, "float32")[0]).all()


def test_many_texts_keep_all_digits_where_fewer_do_not_do(in_torch, loads, monkeypatch):
    made = load(in_torch)
    monkeypatch.setattr(in_openvino, "LEAST_AGREEMENT", 0.9999999)
    assert np.array_equal(many(made, "bfloat16")[0], many(made, "float32")[0])


def test_a_model_that_the_disk_did_not_take_reads_many_texts_too(in_torch, loads, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        made = load(in_torch)
    np.testing.assert_allclose(many(made, "bfloat16")[0], many(in_torch, "float32")[0], atol=1e-5)


def test_what_an_older_version_has_noted_is_not_used(in_torch, loads, monkeypatch):
    """Its text towers take something else."""
    choice = ModelChoice("tiny-1", pretrained="random")
    with monkeypatch.context() as patch:
        patch.setattr("models.clip.engines.keys._FORM", 1)
        load_backbone(choice, device="cpu", engine=IN_FLOAT32)
    load_backbone(choice, device="cpu", engine=IN_FLOAT32)
    load_backbone(choice, device="cpu", engine=IN_FLOAT32)
    assert len(loads) == 2


def test_the_model_of_packages_knows_the_same_texts_in_both_engines():
    in_openvino, in_torch = (
        load_backbone(ModelChoice("imagenet"), device="cpu", engine=EngineChoice(name))
        for name in ("openvino", "torch")
    )
    assert (in_openvino.engine.name, in_torch.engine.name) == ("openvino", "torch")
    assert in_openvino.card == in_torch.card
    texts = ["a tench", "a cup of coffee", "money", "a group of friends", "word " * 150]
    ours, theirs = in_openvino.text_arrays(texts), in_torch.text_arrays(texts)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert in_openvino.knows(ours).tolist() == in_torch.knows(theirs).tolist()
    shown = [pictures(5)]
    [ours], [theirs] = in_openvino.clip_arrays(shown), in_torch.clip_arrays(shown)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
