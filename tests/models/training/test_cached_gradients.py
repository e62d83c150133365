"""Gradients in chunks equal those of the whole batch, dropout included."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.training.cached_gradients import backward_in_chunks
from models.training.losses import contrastive_loss

PAIRS, WIDTH = 12, 8


class Towers(nn.Module):
    """Two small towers with dropout and a logit scale, in double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = nn.Sequential(nn.Linear(5, WIDTH), nn.GELU(), nn.Dropout(0.3))
        self.videos = nn.Sequential(nn.Linear(6, WIDTH), nn.Tanh(), nn.Dropout(0.3))
        self.logit_scale = nn.Parameter(torch.tensor(1.5))

    def loss(self, texts: torch.Tensor, videos: torch.Tensor) -> torch.Tensor:
        cosines = F.normalize(texts, dim=-1) @ F.normalize(videos, dim=-1).T
        return contrastive_loss(self.logit_scale.exp() * cosines)

    def gradients(self) -> dict[str, torch.Tensor]:
        return {name: parameter.grad for name, parameter in self.named_parameters()}


def towers() -> Towers:
    torch.manual_seed(3)
    return Towers().double()


@pytest.fixture
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    return tuple(torch.randn(PAIRS, n, generator=generator, dtype=torch.float64) for n in (5, 6))


def chunk_encoders(model: Towers, pairs: tuple[torch.Tensor, ...], size: int) -> list:
    texts, videos = (side.split(size) for side in pairs)
    return [
        lambda t=t, v=v: (model.texts(t), model.videos(v))
        for t, v in zip(texts, videos, strict=True)
    ]


def in_one_pass(model: Towers, pairs: tuple[torch.Tensor, ...], size: int) -> torch.Tensor:
    """The whole graph at once, drawing dropout chunk by chunk as the other way does."""
    parts = [encoder() for encoder in chunk_encoders(model, pairs, size)]
    loss = model.loss(*(torch.cat(side) for side in zip(*parts, strict=True)))
    loss.backward()
    return loss.detach()


@pytest.mark.parametrize("size", [1, 5, 6, 12, 50])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_those_of_the_whole_batch(pairs, size, training):
    whole, chunked = towers().train(training), towers().train(training)
    torch.manual_seed(11)
    expected_loss = in_one_pass(whole, pairs, size)
    torch.manual_seed(11)
    loss = backward_in_chunks(chunk_encoders(chunked, pairs, size), chunked.loss)
    torch.testing.assert_close(loss, expected_loss)
    assert not loss.requires_grad
    for name, gradient in whole.gradients().items():
        torch.testing.assert_close(chunked.gradients()[name], gradient, atol=1e-6, rtol=1e-6)
        assert gradient.abs().max() > 1e-4, name


@pytest.mark.parametrize(("size", "times"), [(12, 1), (6, 4), (5, 6)])
def test_several_chunks_are_encoded_twice_and_a_single_one_once(pairs, size, times):
    model, encoded = towers(), []
    encoders = [
        lambda encoder=encoder: encoded.append(0) or encoder()
        for encoder in chunk_encoders(model, pairs, size)
    ]
    backward_in_chunks(encoders, model.loss)
    assert len(encoded) == times


def test_random_numbers_go_on_as_after_one_pass(pairs):
    whole, chunked = towers(), towers()
    torch.manual_seed(11)
    in_one_pass(whole, pairs, 4)
    expected = torch.rand(3)
    torch.manual_seed(11)
    backward_in_chunks(chunk_encoders(chunked, pairs, 4), chunked.loss)
    torch.testing.assert_close(torch.rand(3), expected)


def test_gradients_add_up_over_calls(pairs):
    model = towers().eval()
    for _ in range(2):
        backward_in_chunks(chunk_encoders(model, pairs, 4), model.loss)
    once = towers().eval()
    in_one_pass(once, pairs, 4)
    for name, gradient in once.gradients().items():
        torch.testing.assert_close(model.gradients()[name], 2 * gradient)


def test_a_frozen_tower_is_left_alone(pairs):
    model = towers().eval()
    model.texts.requires_grad_(False)
    whole = towers().eval()
    in_one_pass(whole, pairs, 4)
    backward_in_chunks(chunk_encoders(model, pairs, 4), model.loss)
    assert all(parameter.grad is None for parameter in model.texts.parameters())
    for name, gradient in whole.gradients().items():
        if not name.startswith("texts"):
            torch.testing.assert_close(model.gradients()[name], gradient)


def test_whole_numbers_travel_with_the_embeddings(pairs):
    model = towers().eval()
    rows = torch.arange(PAIRS).split(4)
    encoders = [
        lambda encoder=encoder, ids=ids: (*encoder(), ids)
        for encoder, ids in zip(chunk_encoders(model, pairs, 4), rows, strict=True)
    ]

    def loss_of(texts, videos, ids):
        assert ids.tolist() == list(range(PAIRS))
        return model.loss(texts, videos)

    backward_in_chunks(encoders, loss_of)
    assert model.logit_scale.grad is not None


def test_encoders_may_autocast(pairs):
    """A weight that autocast remembers from the pass without gradient must not lose its own."""
    texts, videos = (side.float() for side in pairs)

    def gradients(size: int, *, autocast: bool) -> dict[str, torch.Tensor]:
        model = towers().float().eval()

        def cast(encoder):
            with torch.autocast("cpu", torch.bfloat16):
                return tuple(one.float() for one in encoder())

        encoders = chunk_encoders(model, (texts, videos), size)
        if autocast:
            encoders = [lambda encoder=encoder: cast(encoder) for encoder in encoders]
        backward_in_chunks(encoders, model.loss)
        return model.gradients()

    exact, rounded = gradients(12, autocast=False), gradients(4, autocast=True)
    for name, gradient in exact.items():
        torch.testing.assert_close(rounded[name], gradient, atol=0.02, rtol=0.1)
