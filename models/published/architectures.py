"""Which open_clip architecture a bare set of CLIP weights belongs to, told by its shapes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from models.errors import KinodexError

_CHANNELS_PER_HEAD = 64  # in every CLIP of OpenAI's; shapes do not tell the number of heads
# A configuration with any other property is not OpenAI's plain architecture.
_PLAIN = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"}
_PLAIN_VISION = {"image_size", "layers", "width", "patch_size"}
_PLAIN_TEXT = {"context_length", "vocab_size", "width", "heads", "layers"}


class UnknownArchitecture(KinodexError):
    """Weights that belong to no architecture we know."""


@dataclass(frozen=True)
class ClipShape:
    """The sizes of a CLIP with a vision transformer."""

    embed_dim: int
    image_size: int
    patch_size: int
    vision_width: int
    vision_layers: int
    text_width: int
    text_layers: int
    context_length: int
    vocab_size: int

    def __str__(self) -> str:
        return (
            f"patches of {self.patch_size} in {self.image_size} pixels, "
            f"vision {self.vision_layers} × {self.vision_width}, "
            f"text {self.text_layers} × {self.text_width}, embedding {self.embed_dim}"
        )

    @classmethod
    def of_weights(cls, state: Mapping[str, torch.Tensor]) -> "ClipShape":
        """The shape of a state dict with OpenAI's names. Raises UnknownArchitecture."""
        if any(name.startswith("visual.layer1.") for name in state):
            raise UnknownArchitecture("its image tower is a ResNet, not a vision transformer")
        try:
            width, _, patch_size, _ = state["visual.conv1.weight"].shape
            # One for the picture as a whole before those of a square: the root is rounded down.
            side = math.isqrt(state["visual.positional_embedding"].shape[0])
            context_length, text_width = state["positional_embedding"].shape
            return cls(
                embed_dim=state["text_projection"].shape[1],
                image_size=side * patch_size,
                patch_size=patch_size,
                vision_width=width,
                vision_layers=_layers(state, "visual.transformer.resblocks."),
                text_width=text_width,
                text_layers=_layers(state, "transformer.resblocks."),
                context_length=context_length,
                vocab_size=state["token_embedding.weight"].shape[0],
            )
        except (KeyError, ValueError, IndexError) as error:
            raise UnknownArchitecture("it holds no whole CLIP model") from error


def find_quick_gelu_architecture(shape: ClipShape) -> str:
    """open_clip's name for OpenAI's CLIP (QuickGELU) of these sizes. Raises UnknownArchitecture."""
    import open_clip

    configs = ((name, open_clip.get_model_config(name)) for name in open_clip.list_models())
    fitting = [name for name, config in configs if config and _plain_shape(config) == shape]
    if not fitting:
        raise UnknownArchitecture(f"open_clip has no CLIP of its sizes with QuickGELU ({shape})")
    return min(fitting, key=lambda name: (len(name), name))


def expected_shapes(architecture: str) -> dict[str, torch.Size]:
    """Names and shapes of all weights of an open_clip architecture. Nothing is allocated."""
    import open_clip

    with torch.device("meta"):
        model = open_clip.CLIP(**open_clip.get_model_config(architecture))
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def _layers(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    numbers = {name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)}
    return len(numbers)


def _plain_shape(config: dict[str, Any]) -> ClipShape | None:
    """None for an architecture that is not OpenAI's plain one."""
    vision, text = config["vision_cfg"], config["text_cfg"]
    is_plain = config.keys() == _PLAIN and vision.keys() == _PLAIN_VISION
    if not (is_plain and text.keys() == _PLAIN_TEXT and config["quick_gelu"]):
        return None
    if text["heads"] * _CHANNELS_PER_HEAD != text["width"]:
        return None
    return ClipShape(
        embed_dim=config["embed_dim"],
        image_size=vision["image_size"],
        patch_size=vision["patch_size"],
        vision_width=vision["width"],
        vision_layers=vision["layers"],
        text_width=text["width"],
        text_layers=text["layers"],
        context_length=text["context_length"],
        vocab_size=text["vocab_size"],
    )
