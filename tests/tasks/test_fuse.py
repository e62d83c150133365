"""Heads on the command line: `kinodex fuse`, `index --head`, `search --rerank`, `status`."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch

from models.clip.backbone import Backbone, load_backbone
from models.heads.checkpoints import save_backbone
from models.identity import ModelChoice
from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.fusing import FuseReport
from search.queries.language import parse
from tasks import fuse
from tests.calling import call
from tests.corpus import shots, write_clip
from tests.tiny import save_tiny_head
from ui.web.shared.open_library import OpenLibrary


@pytest.fixture(scope="module")
def bundled() -> Backbone:
    return load_backbone(ModelChoice("bundled"), device="cpu")


@pytest.fixture(scope="module")
def heads(bundled: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a head that fuses and one that re-ranks."""
    folder = tmp_path_factory.mktemp("heads")
    for name in ("seqTransf", "tightTransf"):
        save_tiny_head(folder / f"{name}.safetensors", bundled, name=name, dim=bundled.dim)
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "a.mp4", shots([30, 30]))
    return folder


@pytest.fixture(autouse=True)
def no_head_ships(monkeypatch, tmp_path):
    monkeypatch.setattr("models.heads.checkpoints._BUNDLED_HEAD", tmp_path / "none.safetensors")


@pytest.fixture(scope="module")
def indexed(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("made") / "library"
    assert call("index", clips, "-l", library, "-m", "bundled", "--head", "meanP") == 0
    return library


@pytest.fixture
def library(indexed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(indexed, tmp_path / "library"))


def head_of(library: Path) -> tuple[str, Path | None]:
    with Store.open(library) as opened, opened.reading() as session:
        space = active_space(session)
        return space.head, space.head_file


def test_fuse_takes_another_head_though_every_file_is_gone(library, heads, clips, capsys):
    hidden = clips.rename(clips.with_name("hidden"))
    try:
        head = heads / "seqTransf.safetensors"
        assert call("fuse", "--head", head, "-l", library, "--json") == 0
        shown = capsys.readouterr()
        report = json.loads(shown.out)
        assert (report["segments"], report["fused"], report["changed"]) == (2, 2, True)
        assert "2 segments fused with seqTransf" in shown.err
        assert head_of(library) == ("seqTransf", head)
        assert call("status", "-l", library) == 0
        assert "head seqTransf (seqTransf.safetensors)" in capsys.readouterr().out
        assert call("search", "a cat", "-l", library, "--json") == 0
        assert json.loads(capsys.readouterr().out)["why"]["rerank_score"] is None
        assert call("fuse", "--head", "meanP", "-l", library) == 0
        assert "0 segments fused with meanP, 2 were there before" in capsys.readouterr().err
    finally:
        hidden.rename(clips)


def test_a_library_of_an_older_program_learns_what_its_frames_were_made_with(
    library, bundled, monkeypatch
):
    with Store.open(library) as opened, opened.writing() as session:
        active_space(session).frames_digest = None
    assert call("fuse", "--head", "meanP", "-l", library) == 0
    with Store.open(library) as opened, opened.reading() as session:
        space = active_space(session)
        assert space.frames_digest == bundled.identity.frames_digest
        space.frames_digest = None
        monkeypatch.setattr(fuse, "load_talking", lambda _choice, _device: bundled)
        assert fuse._encoder(opened, space, None, None) == bundled.identity


def test_a_page_that_is_open_shows_the_new_embeddings(library, heads):
    with Store.open(library) as opened:
        page = OpenLibrary(opened, "none")
        before = page.search(parse("a cat --k 5"))
        assert call("fuse", "--head", heads / "seqTransf.safetensors", "-l", library) == 0
        after = page.search(parse("a cat --k 5"))
    assert (before.segments, after.segments) == (2, 2)
    assert before.hits[0].score != after.hits[0].score


def test_index_with_another_head_says_to_fuse_first(library, heads, clips, capsys):
    head = heads / "seqTransf.safetensors"
    assert call("index", clips, "-l", library, "--head", head) == 1
    assert f"'kinodex fuse --head {head}'" in capsys.readouterr().err
    assert call("fuse", "--head", head, "-l", library) == 0
    assert call("index", clips, "-l", library) == 0
    assert head_of(library) == ("seqTransf", head)


def test_fusing_gives_what_indexing_with_that_head_gives(library, heads, clips, tmp_path, capsys):
    head = heads / "seqTransf.safetensors"
    fresh = tmp_path / "fresh"
    assert call("index", clips, "-l", fresh, "-m", "bundled", "--head", head) == 0
    assert call("fuse", "--head", head, "-l", library) == 0
    scores = []
    capsys.readouterr()
    for place in (fresh, library):
        assert call("search", "a cat", "-l", place, "--json") == 0
        hit = json.loads(capsys.readouterr().out)
        scores.append([one["score"] for one in (hit, *hit["moments"])])
    assert scores[0] == pytest.approx(scores[1], abs=2e-3)


def test_a_head_that_ships_with_the_model_is_the_default_and_goes_by_its_name(
    heads, clips, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("models.heads.checkpoints._BUNDLED_HEAD", heads / "seqTransf.safetensors")
    library = tmp_path / "library"
    assert call("index", clips, "-l", library, "-m", "bundled") == 0
    assert head_of(library) == ("seqTransf", None)
    assert call("fuse", "--head", "meanP", "-l", library) == 0
    assert call("fuse", "--head", "seqTransf", "-l", library) == 0
    assert head_of(library) == ("seqTransf", None)
    assert call("index", clips, "-l", library) == 0


def test_a_trained_text_tower_is_taken_up_and_given_back(library, bundled, clips, tmp_path, capsys):
    weights = tmp_path / "backbone.safetensors"
    save_with_other_text_tower(bundled, weights, seed=1)
    assert call("search", "a cat", "-l", library, "--weights", weights) == 1
    assert "run 'kinodex fuse' with it" in capsys.readouterr().err
    assert call("fuse", "--head", "meanP", "--weights", weights, "-l", library) == 0
    assert call("search", "a cat", "-l", library) == 0
    assert call("index", clips, "-l", library) == 0
    save_with_other_text_tower(bundled, weights, seed=2)  # trained again, in its place
    capsys.readouterr()
    assert call("search", "a cat", "-l", library) == 1
    assert f"'kinodex fuse --head meanP --weights {weights}'" in capsys.readouterr().err
    assert call("fuse", "--head", "meanP", "--weights", weights, "-l", library) == 0
    assert call("search", "a cat", "-l", library) == 0
    capsys.readouterr()
    assert call("fuse", "--head", "meanP", "--model", "bundled", "-l", library, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["fused"], report["already_there"]) == ("bundled", 0, 2)


def save_with_other_text_tower(backbone: Backbone, file: Path, *, seed: int) -> None:
    model = copy.deepcopy(backbone.model)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(model.token_embedding.weight.shape, generator=generator)
    with torch.no_grad():
        model.token_embedding.weight += 0.1 * noise
    save_backbone(file, model.state_dict())


def test_search_re_ranks_with_a_tight_head(library, heads, capsys):
    rerank = heads / "tightTransf.safetensors"
    assert call("search", "a cat", "-l", library, "--json", "--rerank", rerank) == 0
    hit = json.loads(capsys.readouterr().out)
    assert hit["why"]["rerank_score"] == hit["score"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fuse", "--head", "seqTransf"], "seqTransf must be trained"),
        (["fuse", "--head", "gone.safetensors"], "there is no head 'gone.safetensors'"),
        (["fuse", "--head", "tightTransf"], "use it with 'kinodex search --rerank'"),
        (["search", "a cat", "--rerank", "nonsense"], "there is no re-ranker 'nonsense'"),
    ],
)
def test_mistakes_end_in_one_sentence(library, arguments, sentence, capsys):
    assert call(*arguments, "-l", library) == 1
    assert sentence in capsys.readouterr().err


def test_a_head_file_that_is_gone_is_named_and_searching_goes_on(
    library, heads, clips, tmp_path, capsys
):
    head = Path(shutil.copy(heads / "seqTransf.safetensors", tmp_path / "mine.safetensors"))
    assert call("fuse", "--head", head, "-l", library) == 0
    head.unlink()
    assert call("index", clips, "-l", library) == 1
    assert f"the head of this library, '{head}', is gone" in capsys.readouterr().err
    assert call("search", "a cat", "-l", library) == 0


def test_an_empty_library_cannot_be_fused(tmp_path, capsys):
    Store.open(tmp_path / "library", create=True).close()
    assert call("fuse", "--head", "meanP", "-l", tmp_path / "library") == 1
    assert "nothing is indexed in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (FuseReport(3), "the library has the head meanP already: there was nothing to fuse"),
        (FuseReport(3, fused=1, changed=True), "1 segment fused with meanP"),
        (FuseReport(3, fused=2, already_there=1, changed=True),
         "2 segments fused with meanP, 1 were there before"),
        (FuseReport(3, fused=2, interrupted=True),
         "2 segments fused with meanP, interrupted: searches stay as they are; run the same "
         "command to go on"),
    ],
)  # fmt: skip
def test_people_hear_what_was_fused(report, told, capsys):
    fuse._summarise(report, "meanP")
    assert capsys.readouterr().err == f"{told}\n"
