"""Pictures and sentences in one space, by the names of the things that a classifier knows.

A picture's embedding has two parts, and so has a text's:

* what it means: for a picture the mean of the class names' sentence embeddings, weighted by how
  likely each class is (ConSE: Norouzi et al., 2014, "Zero-Shot Learning by Convex Combination of
  Semantic Embeddings"); for a text its own sentence embedding. Both are taken from the middle of
  all class names, so that a picture of which the classifier can make nothing means little, instead
  of a little of everything;
* what it shows: for a picture by how much each class stands out; for a text how near it is to each
  class's name. This part tells what is there from what is not.

The numbers were chosen on other pictures and questions than the documented figures are measured on:
see benchmarks/real_pictures.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from models.folding import FoldedCopy
from models.imagenet.packages import PackageUnusable, classifier_weights
from models.imagenet.sentences import PADDING, WIDTH, SentenceEncoder, load_sentence_encoder
from models.known_texts import KnownTexts

_ARCHITECTURE = "tf_efficientnet_lite0"
_PICTURE_SIZE = 224
_MEAN = _STD = (0.5, 0.5, 0.5)

# How near a text must be to a class's name, as a share of their cosine.
_NEARNESS = 0.08
# What the second part weighs beside the first.
_SHOWN_WEIGHT = 2.0
# As CLIP stores it, the logarithm of the factor on cosines: 1 / 0.05.
_LOGIT_SCALE = math.log(20.0)
# The least cosine with the nearest class's name, both from the middle of all names, of a text that
# the classifier can tell of. Further off, a text that something shows is missed about as often as
# one that nothing shows is turned down: benchmarks/real_pictures/choosing.py.
KNOWN_FROM = 0.3
# How likely a label holds, by its score: the factor and the offset of a logistic curve, which was
# fitted there too, to questions as labels.
_TAG_CALIBRATION = (1.09, -1.3)

# The maps of so many pictures fit into a processor's cache: all of a batch at once, which must be
# fetched from memory between layers, take nearly twice as long.
_AT_ONCE = 4

NAMES_FILE = Path(__file__).with_name("class_names.safetensors")


class PictureTower(nn.Module):
    """Pictures to the joint space, by a classifier.

    classifier: float32 pictures (batch, 3, side, side) → logits (batch, classes)
    names: the class names' sentence embeddings, (classes, width), unit length
    """

    names: torch.Tensor

    def __init__(self, classifier: nn.Module, names: torch.Tensor) -> None:
        super().__init__()
        self.classifier = classifier
        self.register_buffer("names", names)
        self._folded = FoldedCopy()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(batch, 3, side, side) → (batch, width + classes), not normalised."""
        logits = self._logits(pictures).float()
        meant = logits.softmax(dim=-1) @ (self.names - self.names.mean(dim=0))
        shown = F.relu(logits - logits.mean(dim=-1, keepdim=True))
        return _joined(meant, shown)

    def _logits(self, pictures: torch.Tensor) -> torch.Tensor:
        # Whoever trains, or looks into the layers, has the classifier as it is. On a GPU, which
        # computes in bfloat16, folding would be seen in the embeddings.
        only_reads = torch.is_inference_mode_enabled() and not self.training
        if not only_reads or pictures.device.type != "cpu":
            logits: torch.Tensor = self.classifier(pictures)
            return logits
        network = self._folded.of(self.classifier)
        return torch.cat([network(few) for few in pictures.split(_AT_ONCE)])


class TextTower(nn.Module):
    """Sentences to the joint space."""

    names: torch.Tensor

    def __init__(self, sentences: SentenceEncoder, names: torch.Tensor) -> None:
        super().__init__()
        self.sentences = sentences
        self.register_buffer("names", names)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(texts, tokens) ids → (texts, width + classes), not normalised."""
        sentences = self.sentences(token_ids)
        near = (sentences @ self.names.T / _NEARNESS).softmax(dim=-1)
        meant = F.normalize(sentences - self.names.mean(dim=0), dim=-1)
        return _joined(meant, near - 1 / near.shape[-1])


def _joined(meant: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
    return torch.cat([meant, _SHOWN_WEIGHT * F.normalize(shown, dim=-1)], dim=-1)


class JointModel(nn.Module):
    """Both towers, with the interface of an open_clip model."""

    tag_calibration = _TAG_CALIBRATION
    knows_actions = False
    padding_id = PADDING

    def __init__(self, visual: PictureTower, text: TextTower) -> None:
        super().__init__()
        self.visual = visual
        self.text = text
        self.logit_scale = nn.Parameter(torch.tensor(_LOGIT_SCALE))

    def encode_image(self, image: torch.Tensor, normalize: bool = False) -> torch.Tensor:
        """float32 pictures (batch, 3, 224, 224) → (batch, dim)."""
        features = self.visual(image)
        return F.normalize(features, dim=-1) if normalize else features

    def encode_text(self, text: torch.Tensor, normalize: bool = False) -> torch.Tensor:
        """Token ids (texts, tokens) → (texts, dim)."""
        features = self.text(text)
        return F.normalize(features, dim=-1) if normalize else features

    @property
    def known_texts(self) -> KnownTexts:
        """Which texts the classifier can tell of."""
        names = self.text.names  # a student's picture tower has none
        centred = F.normalize(names - names.mean(dim=0), dim=-1)
        return KnownTexts(centred.cpu().numpy(), KNOWN_FROM)


def load_joint_model() -> JointModel:
    """The model of the two packages' weights, in evaluation mode. Raises PackageUnusable."""
    names = read_class_names()
    classifier = _load_classifier()
    visual = PictureTower(classifier, names)
    return JointModel(visual, TextTower(load_sentence_encoder(), names)).eval()


def untrained_joint_model() -> JointModel:
    """The model without weights, and without a classifier: its picture tower is put in later."""
    nothing = torch.zeros(len(class_texts()), WIDTH)
    return JointModel(PictureTower(nn.Identity(), nothing), TextTower(SentenceEncoder(), nothing))


def preprocessing() -> dict[str, Any]:
    """What pictures go through before the classifier, as open_clip writes it."""
    from open_clip.transform import PreprocessCfg

    size = _PICTURE_SIZE
    return {**vars(PreprocessCfg()), "size": size, "mean": _MEAN, "std": _STD}


def _load_classifier() -> nn.Module:
    import timm

    published = classifier_weights()
    classifier = timm.create_model(_ARCHITECTURE, pretrained=False)
    ours = classifier.state_dict()
    # Its makers name the layers otherwise, but in the same order.
    pairs = list(zip(ours.items(), published.values(), strict=True))
    if any(layer.shape != weight.shape for (_, layer), weight in pairs):
        raise PackageUnusable(f"this version of timm makes another {_ARCHITECTURE}")
    classifier.load_state_dict({name: weight for (name, _), weight in pairs})
    return classifier


def class_texts() -> list[str]:
    """The sentence that stands for each class, in the classifier's order."""
    from open_clip import IMAGENET_CLASSNAMES

    return [f"a photo of a {name}" for name in IMAGENET_CLASSNAMES]


def read_class_names() -> torch.Tensor:
    """The sentence embeddings of `class_texts`, (classes, width).

    They are kept in float16, for encoding them takes seconds: `python -m models.imagenet.names`.
    """
    from safetensors.torch import load_file

    return F.normalize(load_file(NAMES_FILE)["names"].float(), dim=-1)
