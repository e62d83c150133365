"""Folded batch norms: the same embeddings, and nothing of them in the model's identity."""

import copy

import pytest
import torch
from torch import nn

from models.clip.backbone import Backbone, load_backbone
from models.clip.card import weights_digest
from models.folding import folded
from models.identity import ModelChoice
from models.imagenet.joint import PictureTower


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(ModelChoice("imagenet"), device="cpu")


@pytest.fixture
def network() -> nn.Sequential:
    """A convolution with a batch norm that has seen something, and a last layer."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(5)
    network = nn.Sequential(
        nn.Conv2d(3, 5, 3, bias=False), norm, nn.ReLU(), nn.Flatten(), nn.LazyLinear(4)
    )
    network(3 + 2 * torch.randn(8, 3, 6, 6))
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_frames_are_embedded_without_batch_norms_and_all_the_same(backbone):
    visual = backbone.model.visual
    frames = torch.randint(0, 256, (3, 3, 224, 224), dtype=torch.uint8)
    inputs = backbone.preprocessing.normalise(frames)
    with torch.no_grad():
        plain = visual(inputs)  # as in training
    with torch.inference_mode():
        quick = visual(inputs)
    torch.testing.assert_close(quick, plain, atol=1e-5, rtol=0)
    assert norms(visual.classifier) == 49
    assert norms(folded(visual.classifier)) == 0


def test_the_identity_knows_nothing_of_folding(backbone):
    with torch.inference_mode():
        backbone.model.visual(torch.zeros(1, 3, 224, 224))
    assert weights_digest(backbone.model) == backbone.identity.weights_digest
    assert weights_digest(backbone.model.visual) == backbone.identity.frames_digest
    assert weights_digest(copy.deepcopy(backbone.model)) == backbone.identity.weights_digest


def test_in_inference_the_folded_copy_is_what_runs(network):
    tower = PictureTower(network, torch.eye(4)).eval()
    ran: list[str] = []
    network.register_forward_hook(lambda *_: ran.append("as it is"))
    pictures = torch.randn(2, 3, 6, 6)
    with torch.inference_mode():
        tower(pictures)
        first = tower._folded.of(network)
        tower(pictures)
        assert tower._folded.of(network) is first
    assert norms(first) == 0
    assert ran.count("as it is") == 2  # a deep copy keeps its hooks, so each of them is the copy's
    made = []
    tower._folded.of = lambda _network: made.append(True)  # type: ignore[assignment, method-assign]
    with torch.no_grad():
        tower(pictures)
    with torch.inference_mode():
        tower.train()(pictures)
    assert made == []


def test_a_batch_is_taken_few_at_a_time_and_gives_the_same(network):
    tower = PictureTower(network, torch.eye(4)).eval()
    pictures = torch.randn(11, 3, 6, 6)
    with torch.no_grad():
        expected = tower(pictures)
    sizes: list[int] = []
    network.register_forward_hook(lambda _module, given, _found: sizes.append(len(given[0])))
    with torch.inference_mode():
        found = tower(pictures)
        assert tower(pictures[:0]).shape == (0, 8)
    assert sizes == [4, 4, 3, 0]
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("change", ["a step of training", "weights that are loaded", "a statistic"])
def test_after_a_change_the_copy_is_made_anew(network, change):
    tower = PictureTower(network, torch.eye(4)).eval()
    pictures = torch.randn(2, 3, 6, 6)
    with torch.inference_mode():
        before = tower(pictures)
    with torch.no_grad():
        if change == "a step of training":
            network[0].weight.mul_(-1.5)
        elif change == "weights that are loaded":
            state = {name: weight + 1 for name, weight in network.state_dict().items()}
            network.load_state_dict(state)
        else:
            network[1].running_mean.add_(1)
        plain = tower(pictures)
    with torch.inference_mode():
        quick = tower(pictures)
    assert not torch.allclose(quick, before, atol=1e-3)
    torch.testing.assert_close(quick, plain, atol=1e-5, rtol=0)
