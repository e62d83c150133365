"""What must be known of a model before it is loaded: who it is, and what its numbers mean.

Free of torch: a model that an engine has compiled is used by its card alone.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models.clip.preprocess import Preprocessing
from models.identity import EncoderIdentity

if TYPE_CHECKING:
    import torch

_SAMPLES_PER_TENSOR = 1024


@dataclass(frozen=True)
class ModelCard:
    """A model's identity, and the numbers that go with its embeddings.

    logit_scale: as CLIP stores it, the natural logarithm of the factor on the cosines
    tag_calibration: factor and offset of how likely labels hold by their scores, without an
        action head
    reach: how many frames to each side a frame's embedding depends on, see `models.clip.patches`
    knows_actions: whether words for actions, as tags are, mean more to it than the things of them
    """

    identity: EncoderIdentity
    dim: int
    logit_scale: float
    tag_calibration: tuple[float, float] = (1.0, 0.0)
    knows_actions: bool = True
    reach: int = 0

    @classmethod
    def of(cls, name: str, model: Any, preprocessing: Preprocessing, dim: int) -> "ModelCard":
        """The card of an open_clip model, or of one with its interface.

        A model that is no CLIP says so by `tag_calibration` and `knows_actions` of its own.
        """
        from models.clip.patches import reach_of  # it brings torch

        identity = EncoderIdentity(
            name,
            weights_digest(model),
            preprocessing.identity(),
            frames_digest=weights_digest(model.get_submodule("visual")),
        )
        scale, offset = getattr(model, "tag_calibration", (1.0, 0.0))
        return cls(
            identity,
            dim,
            float(model.logit_scale.detach().reshape(())),
            (scale, offset),
            bool(getattr(model, "knows_actions", True)),
            reach_of(model.get_submodule("visual")),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, to keep."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "ModelCard":
        """From what `as_json` gave. Raises KeyError or TypeError for anything else."""
        identity = dict(kept["identity"])
        identity["preprocessing"] = Preprocessing.from_config(identity["preprocessing"]).identity()
        scale, offset = kept["tag_calibration"]
        rest = {name: kept[name] for name in ("dim", "logit_scale", "knows_actions")}
        return cls(
            identity=EncoderIdentity(**identity),
            tag_calibration=(float(scale), float(offset)),
            **rest,
        )


def weights_digest(model: "torch.nn.Module | Mapping[str, torch.Tensor]") -> str:
    """A fingerprint of names, shapes and evenly spaced values of every tensor.

    Training moves nearly every weight, so samples tell models apart; hashing all of a large
    model would cost each search most of a second.
    """
    digest = hashlib.blake2b(digest_size=16)
    weights = model if isinstance(model, Mapping) else model.state_dict()
    for name, tensor in sorted(weights.items()):
        values = tensor.detach().reshape(-1)
        step = max(1, len(values) // _SAMPLES_PER_TENSOR)
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(values[::step].float().numpy().tobytes())
    return digest.hexdigest()
