"""Picture towers that learn from another one: any network of timm, with embeddings as its own."""

import difflib
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from models.clip.preprocess import Preprocessing
from models.clip.student_folders import StudentShape
from models.errors import KinodexError, ModelUnavailable

# The pictures that the weights of the extra package were made for, and those networks themselves:
# timm has them twice, with two ways to fill up the edges.
_IMAGENET_NETWORKS = ("efficientnet_lite0", "tf_efficientnet_lite0")
_IMAGENET_MEAN = _IMAGENET_STD = (0.5, 0.5, 0.5)
# PyTorch's own: some networks gather their statistics over more steps than a student takes.
_MOMENTUM = 0.1
_TRIED = 2  # pictures: with one, batch norms could not tell what is wrong with a network


class StudentUnfit(KinodexError):
    """A network that cannot be a picture tower."""


class StudentTower(nn.Module):
    """A network's pooled features, and one linear layer that makes embeddings of them.

    keeps_statistics: whether batch norms stay as for inference in training too. A network that has
        seen a million pictures knows better what is usual than the frames of a few videos tell
    """

    def __init__(
        self, network: nn.Module, width: int, dim: int, *, keeps_statistics: bool = False
    ) -> None:
        super().__init__()
        self.network = network
        self.projection = nn.Linear(width, dim)
        self._keeps_statistics = keeps_statistics

    def train(self, mode: bool = True) -> "StudentTower":
        """Like any module's, but for batch norms that keep their statistics."""
        super().train(mode)
        if self._keeps_statistics:
            for norm in _batch_norms(self):
                norm.eval()
        return self

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """float32 pictures (batch, 3, side, side) → (batch, dim), not normalised."""
        embeddings: torch.Tensor = self.projection(self.network(pictures))
        return embeddings


class _FirstStages(nn.Module):
    """The first stages of a network; its features are the means of the last map."""

    def __init__(self, network: Any, stages: int) -> None:
        super().__init__()
        self.network = network
        self._last = network.prune_intermediate_layers([stages - 1], prune_norm=True)
        # Whoever looks at its maps is told of those that are left: `models.towers.hooked`.
        network.feature_info = list(network.feature_info)[:stages]

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        [features] = self.network.forward_intermediates(
            pictures, indices=self._last, stop_early=True, intermediates_only=True
        )
        means: torch.Tensor = features.mean(dim=(-2, -1))
        return means


def make_student(shape: StudentShape, *, pretrained: bool) -> StudentTower:
    """A student before its first step.

    pretrained: with ImageNet's weights, for one of the networks that have them

    Raises StudentUnfit for a network that timm has not, or that gives no single vector of a
    picture of this size; PackageUnusable where the weights are wanted and not installed.
    """
    network = _network(shape, pretrained=pretrained)
    for norm in _batch_norms(network):
        norm.momentum = _MOMENTUM
    width = _width(network, shape)
    return StudentTower(network, width, shape.dim, keeps_statistics=pretrained)


def has_imagenet_weights(network: str) -> bool:
    """Whether a package that is installed brings weights for a network."""
    from models.imagenet.packages import is_installed

    return network in _IMAGENET_NETWORKS and is_installed()


def student_preprocessing(
    teacher: dict[str, Any], shape: StudentShape, *, pretrained: bool
) -> dict[str, Any]:
    """The teacher's, as open_clip writes it, for pictures of the student's size.

    Both see the same part of a frame. Colours are scaled as the student's first weights want them.
    """
    changed: dict[str, Any] = {"size": (shape.side, shape.side)}
    if pretrained:
        changed |= {"mean": _IMAGENET_MEAN, "std": _IMAGENET_STD}
    return teacher | changed


def check_square(teacher: Preprocessing) -> None:
    """Raises StudentUnfit where the teacher's pictures are no squares: a student's always are."""
    height, width = teacher.size
    if height != width:
        raise StudentUnfit(
            f"the teacher's pictures have {width} × {height} pixels: only one whose pictures are "
            "square can have a student"
        )


def _batch_norms(module: nn.Module) -> Iterator[Any]:
    return (one for one in module.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm))


def _network(shape: StudentShape, *, pretrained: bool) -> nn.Module:
    import timm

    if not timm.is_model(shape.network):
        near = difflib.get_close_matches(shape.network, timm.list_models(), n=3, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise StudentUnfit(f"timm has no network named {shape.network!r}{hint}")
    try:
        network = _built(shape.network, shape.side)
        if pretrained:
            _load_imagenet(network)
        network.reset_classifier(0)
        return network if shape.stages is None else _first_stages(network, shape.stages)
    except ModelUnavailable:
        raise
    except Exception as error:  # every network of timm has its own way to fail
        raise _unfit(shape, _first_line(error)) from error


def _first_stages(network: Any, stages: int) -> nn.Module:
    count = len(getattr(network, "feature_info", ()))
    if not 1 <= stages <= count:
        raise StudentUnfit(f"it has {count} stages, and {stages} cannot be kept of them")
    return _FirstStages(network, stages)


def _built(name: str, side: int, **how: Any) -> Any:
    """A network of timm with weights as they are drawn; those that ask learn the pictures' size."""
    import timm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # timm tells its own developers what is outdated
        try:
            return timm.create_model(name, pretrained=False, img_size=side, **how)
        except TypeError:  # most networks take pictures of any size
            return timm.create_model(name, pretrained=False, **how)


def _load_imagenet(network: nn.Module) -> None:
    from models.imagenet.packages import classifier_weights

    # Its makers name the layers otherwise, but in the same order.
    names, published = list(network.state_dict()), list(classifier_weights().values())
    network.load_state_dict(dict(zip(names, published, strict=True)))


def _width(network: nn.Module, shape: StudentShape) -> int:
    """How many features it makes of a picture. Raises StudentUnfit."""
    was_training = network.training
    try:
        with torch.inference_mode():
            features = network.eval()(torch.zeros(_TRIED, 3, shape.side, shape.side))
    except Exception as error:  # see above
        raise _unfit(shape, _first_line(error)) from error
    finally:
        network.train(was_training)
    if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != _TRIED:
        raise _unfit(shape, "it gives a sequence or a map, where one vector is wanted")
    if features.shape[1] == 0:
        raise _unfit(shape, "it gives no features")
    return int(features.shape[1])


def _unfit(shape: StudentShape, reason: str) -> StudentUnfit:
    return StudentUnfit(
        f"{shape.network} cannot be a student for pictures of {shape.side} × {shape.side} "
        f"pixels: {reason}"
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
