"""The model that a training run begins with."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import torch

from models.clip.backbone import Backbone, card_of
from models.clip.devices import find_device
from models.clip.patches import NoPatches, reach_of, use_3d_patches
from models.clip.shorter_texts import cut_texts
from models.clip.sources import LoadedModel, load_model
from models.heads.checkpoints import read_card
from models.identity import EncoderIdentity, ModelChoice
from models.towers.visual_prompts import remove_visual_prompt
from models.training.text_video import TextVideoModel
from tasks.terminal.printing import talk
from tasks.training.request import StartFlags

# Clips of pixels that are encoded together.
_CLIPS_AT_ONCE = 8
_CLIPS_TO_FIT = 1024  # more change mean and deviation of the frames by less than a percent


@dataclass
class StartingModel:
    """A backbone on its device, and the head file to begin with, if any.

    first_encoder: the backbone as it was found, which the first head knows; None where that is it
    """

    choice: ModelChoice
    loaded: LoadedModel
    backbone: Backbone
    head_file: Path | None
    first_encoder: EncoderIdentity | None = None
    _first_weights: dict[str, torch.Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        flags: StartFlags,
        *,
        patches: str | None = None,
        trains_pictures: bool = True,
        max_words: int | None = None,
    ) -> Self:
        """Raises KinodexError for a model that cannot be had, or not with these patches.

        patches: "2d" or "3d", see `models.clip.patches`; left out, those that the model has
        trains_pictures: whether new patches can learn
        max_words: see `cut_texts`
        """
        choice = flags.choice()
        loaded = load_model(choice, talk=talk)
        first = card_of(choice, loaded).identity if patches else None
        _use_patches(loaded, patches, trains_pictures=trains_pictures)
        if max_words is not None:
            cut = cut_texts(loaded.tokenize, loaded.model, max_words)
            loaded = LoadedModel(loaded.model, cut)
        backbone = Backbone.in_torch(choice, loaded, _own_device(flags.model.device))
        return cls(choice, loaded, backbone, flags.head_file(), first)

    def network(self, *, trains: bool) -> Any:
        """The open_clip model as it was loaded, whatever an earlier run has made of it."""
        network: Any = self.loaded.model
        remove_visual_prompt(network.visual)
        if trains:
            self._restore(network)
        return network

    def first_head(self, *means: str) -> Path | None:
        """The head to go on with. One of these ``means`` lends its backbone to any head."""
        if self.head_file is None or read_card(self.head_file).config.name in means:
            return None
        return self.head_file

    def set_logit_scale(self, model: TextVideoModel) -> None:
        """Begin with that of the first head."""
        if self.head_file is not None:
            with torch.no_grad():
                model.logit_scale.fill_(read_card(self.head_file).logit_scale)

    def origin(self) -> dict[str, str]:
        """What a run that goes on must share with the one that began."""
        return {
            "init": str(self.head_file),
            "model": f"{self.choice} {self.backbone.identity.weights_digest}",
        }

    def _restore(self, network: Any) -> None:
        if self._first_weights:
            network.load_state_dict(self._first_weights)
            return
        state = network.state_dict()
        self._first_weights = {name: value.to("cpu", copy=True) for name, value in state.items()}


def fit_inputs(
    model: TextVideoModel, frames: torch.Tensor, mask: torch.Tensor, texts: torch.Tensor
) -> None:
    """Bring the inputs of a standardised head to mean 0 and deviation 1.

    frames: pixels or embeddings of some clips, as in a `PairBatch`; texts: embeddings
    """
    device = model.logit_scale.device
    with torch.no_grad():
        if frames.dtype == torch.uint8:
            parts = zip(frames.split(_CLIPS_AT_ONCE), mask.split(_CLIPS_AT_ONCE), strict=True)
            frames = torch.cat([model.embed_frames(f.to(device), m.to(device)) for f, m in parts])
        model.head.fit_inputs(frames.float().to(device), mask.to(device), texts.to(device))


Item = TypeVar("Item")


def enough_to_fit(items: Sequence[Item]) -> Sequence[Item]:
    """Some of them, evenly spread: more would not change their statistics."""
    return items[:: max(1, len(items) // _CLIPS_TO_FIT)][:_CLIPS_TO_FIT]


def _use_patches(loaded: LoadedModel, patches: str | None, *, trains_pictures: bool) -> None:
    """Raises NoPatches."""
    visual = loaded.model.get_submodule("visual")
    if patches == "2d" and reach_of(visual):
        raise NoPatches("this model has learnt with 3D patches: leave --patches out")
    if patches == "3d" and not reach_of(visual):
        if not trains_pictures:
            raise NoPatches(
                "--patches 3d begins equal to 2d and learns from pixels: train the picture tower "
                "too, with --tune all"
            )
        use_3d_patches(visual)


def _own_device(name: str | None) -> torch.device:
    """The device asked for; under torchrun each process has a GPU of its own."""
    device = find_device(name)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device
