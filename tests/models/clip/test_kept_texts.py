"""What a model has read of the program's own texts is found again, and for no other model."""

import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from models.clip import backbone as backbones
from models.clip.backbone import Backbone
from models.clip.engines import cache
from models.clip.kept_texts import COUNT, are_kept, read_texts
from models.clip.sources import LoadedModel
from models.identity import ModelChoice
from tests.texts_read import count_texts_read
from tests.tiny import tiny_backbone, with_other_text_tower

TEXTS = [f"a video of {what}" for what in ("a dog", "a cat", "two horses", "a very red car")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return tiny_backbone().text_arrays(TEXTS)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts were read each time, by any model in PyTorch."""
    return count_texts_read(monkeypatch)


def kept(backbone: Backbone, texts: list[str] | None = None, **options: str) -> np.ndarray:
    return read_texts(backbone, texts or TEXTS, keep=True, **options)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_was_read_once_is_read_no_more(read, expected):
    first = kept(tiny_backbone())
    same(first, expected)
    assert read == [4]
    again = kept(tiny_backbone())
    assert read == [4]
    assert np.array_equal(again, first)
    assert are_kept(tiny_backbone(), TEXTS)


def test_texts_come_in_their_order_and_as_often_as_they_are_asked_for(read, expected):
    kept(tiny_backbone(), TEXTS[:2])
    order = [3, 1, 1, 0, 3]
    same(kept(tiny_backbone(), [TEXTS[row] for row in order]), expected[order])
    assert read == [2, 1]
    assert read_texts(tiny_backbone(), [], keep=True).shape == (0, 24)


def test_a_list_with_one_more_has_only_that_one_read(read, expected):
    kept(tiny_backbone(), TEXTS[:3])
    assert not are_kept(tiny_backbone(), TEXTS)
    same(kept(tiny_backbone()), expected)
    same(kept(tiny_backbone()), expected)
    assert read == [3, 1]


def test_words_of_somebodys_own_leave_nothing_behind(read, expected, folder):
    same(read_texts(tiny_backbone(), TEXTS, keep=False), expected)
    assert not folder.exists()
    kept(tiny_backbone(), TEXTS[:2])
    before = sorted(folder.rglob("*"))
    same(read_texts(tiny_backbone(), TEXTS, keep=False), expected)
    assert read == [4, 2, 2]  # but what is there serves them
    assert sorted(folder.rglob("*")) == before
    texts = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"dog" not in texts


@pytest.mark.parametrize("other", [lambda one: tiny_backbone(2), with_other_text_tower])
def test_another_models_are_never_taken(read, other):
    kept(tiny_backbone())
    another = other(tiny_backbone())
    same(kept(another), another.text_arrays(TEXTS))
    assert read[:2] == [4, 4]


@pytest.mark.parametrize("what", ["engine", "device", "precision", "library", "processor"])
def test_what_was_made_otherwise_is_made_anew(read, what, monkeypatch):
    kept(tiny_backbone())
    other, options = tiny_backbone(), {}
    if what == "engine":
        other.engine.name = "another"
    elif what == "device":
        other.device_type = "cuda"
    elif what == "precision":
        options = {"precision": "bfloat16"}
    elif what == "library":
        monkeypatch.setattr("models.clip.engines.keys._version", lambda _: "0.0")
    else:
        monkeypatch.setattr("models.clip.engines.keys.processor_key", lambda: "another")
    kept(other, **options)
    assert read == [4, 4]


def test_another_tokenizer_of_the_same_model_is_no_mistake(read):
    """It reads other ids into the same words, and what is kept goes by these."""
    one = tiny_backbone()
    kept(one)
    model = one.model
    reversed_ids = open_clip.tokenizer.SimpleTokenizer(context_length=16)

    def tokenize(texts: list[str], **length: int) -> torch.Tensor:
        return reversed_ids([" ".join(reversed(text.split())) for text in texts], **length)

    other = Backbone.in_torch(
        ModelChoice("tiny-1"), LoadedModel(model, tokenize), torch.device("cpu")
    )
    assert other.identity == one.identity
    same(kept(other), other.text_arrays(TEXTS))
    assert read[:2] == [4, 4]


@pytest.mark.parametrize("name", ["texts.npy", "embeddings.npy", "card.json"])
@pytest.mark.parametrize("damage", ["flipped", "one bit", "shorter", "empty", "gone"])
def test_what_is_damaged_is_read_again_and_never_believed(read, expected, folder, name, damage):
    kept(tiny_backbone())
    [file] = folder.glob(f"*/{name}")
    content = bytearray(file.read_bytes())
    for place in [len(content) - 3] if damage == "one bit" else range(3, len(content), 41):
        content[place] ^= 4
    if damage == "gone":
        file.unlink()
    else:
        changed = {"shorter": bytes(content[:-7]), "empty": b""}
        file.write_bytes(changed.get(damage, bytes(content)))
    same(kept(tiny_backbone(), TEXTS[:3]), expected[:3])
    same(kept(tiny_backbone(), TEXTS[:3]), expected[:3])
    assert read == [4, 3]
    if name != "card.json":
        assert len(list(folder.glob("*/card.json"))) == 1  # what is damaged has made room


@pytest.mark.parametrize(
    "wrong", [np.full((4, 24), np.nan), np.ones((4, 23)), np.ones((3, 24)), np.ones(4)]
)
def test_numbers_that_are_no_embeddings_are_not_believed(read, expected, folder, wrong):
    """As if another version had written them: whole, but not what they should be."""
    kept(tiny_backbone())
    [file] = folder.glob("*/embeddings.npy")
    content = BytesIO()
    np.save(content, wrong.astype(np.float32))
    file.write_bytes(content.getvalue())
    card = json.loads((file.parent / "card.json").read_text())
    card["sums"][file.name] = zlib.crc32(content.getvalue())
    (file.parent / "card.json").write_text(json.dumps(card))
    same(kept(tiny_backbone()), expected)
    assert read == [4, 4]


def test_where_nothing_can_be_kept_texts_are_read_each_time(read, expected, folder):
    folder.write_text("a file is in the way")
    for _ in range(2):
        same(kept(tiny_backbone()), expected)
    assert read == [4, 4]


def test_a_full_disk_is_no_error(read, expected, folder, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        same(kept(tiny_backbone()), expected)
    assert list(folder.iterdir()) == []
    same(kept(tiny_backbone()), expected)
    assert read == [4, 4]


def test_who_gives_up_keeps_what_was_read(read, expected, monkeypatch):
    monkeypatch.setitem(
        sys.modules["models.clip.engines.in_torch"]._TOKENS_AT_ONCE, "cpu", 8
    )  # a text at a time

    class Enough(Exception):
        pass

    left = [None, None, Enough]

    def until_then() -> None:
        if raised := left.pop(0):
            raise raised

    with pytest.raises(Enough):
        kept(tiny_backbone(), on_batch=until_then)
    same(kept(tiny_backbone()), expected)
    assert read == [4, 1]


def test_they_are_listed_counted_and_cleared_with_what_is_compiled():
    kept(tiny_backbone())
    [entry] = cache.entries()
    assert (entry.card["name"], entry.card[COUNT]) == ("tiny-1", 4)
    assert cache.clear()[0] == 1
    assert not are_kept(tiny_backbone(), TEXTS)


def test_those_that_serve_are_not_the_first_to_go(folder):
    kept(tiny_backbone(), TEXTS[:2])
    kept(tiny_backbone(), TEXTS[2:])
    for entry in cache.entries():
        os.utime(entry.folder, (1000, 1000))
    kept(tiny_backbone(), TEXTS[2:])
    ages = sorted(entry.folder.stat().st_mtime for entry in cache.entries())
    assert ages[0] == 1000 < ages[1]


def test_a_kill_while_they_are_written_leaves_none(read, expected, folder):
    program = """
        import os
        from pathlib import Path
        from models.clip.kept_texts import read_texts
        from tests.models.clip.test_kept_texts import TEXTS
        from tests.tiny import tiny_backbone

        write = Path.write_bytes
        def deadly(self, content):
            write(self, bytes(content)[:100])
            if self.name == "embeddings.npy":
                os._exit(9)
            write(self, content)

        Path.write_bytes = deadly
        read_texts(tiny_backbone(), TEXTS, keep=True)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(backbones.__file__).parents[2])},
    )
    assert ran.returncode == 9
    assert [one.suffix for one in folder.iterdir()] == [".tmp"]
    assert cache.entries() == []
    same(kept(tiny_backbone()), expected)
    assert read == [4]


def _reads(number: int) -> list[list[float]]:
    torch.set_num_threads(1)
    return kept(tiny_backbone(), TEXTS[: 3 + number % 2]).tolist()


def test_several_processes_at_once_all_get_what_is_right(expected):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for number, found in enumerate(pool.map(_reads, range(6), chunksize=1)):
            same(np.array(found), expected[: 3 + number % 2])
    assert are_kept(tiny_backbone(), TEXTS)
