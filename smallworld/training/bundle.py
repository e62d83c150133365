"""Put a trained model and head into the program's own folder, as float16.

Run as `python -m smallworld.training.bundle --model FOLDER --head FOLDER`, the folders being those
of `smallworld.training.train_pictures` and of one run of `smallworld.training.train_heads`; then,
with a run of `smallworld.training.train_actions`, as `python -m smallworld.training.bundle
--actions FOLDER`.
"""

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.clip.backbone import load_backbone
from models.heads.checkpoints import (
    HEAD_FILE,
    LoadedHead,
    load_action_head,
    load_head,
    read_card,
    save_head,
)
from models.heads.fit import BACKBONE_FILE
from models.heads.make import make_head
from models.identity import BUNDLED, EncoderIdentity, HeadChoice, ModelChoice
from smallworld.training.model import (
    BUNDLED_FOLDER,
    CONFIG_FILE,
    MERGES_FILE,
    export_weights,
    fresh_model,
)
from smallworld.training.runs import FIGURES_FILE

ACTIONS_FILE = "actions.safetensors"


def bundle(model: Path, head: Path) -> None:
    """Replace the bundled model's files. The text tower is the one that the head trained."""
    for name in (CONFIG_FILE, MERGES_FILE):
        shutil.copyfile(model / name, BUNDLED_FOLDER / name)
    towers = fresh_model(model)
    towers.load_state_dict(load_file(head / BACKBONE_FILE))
    export_weights(towers, BUNDLED_FOLDER)
    _ship(head, BUNDLED_FOLDER / HEAD_FILE, load_head)


def bundle_actions(head: Path) -> None:
    """Replace the head for actions, which was trained on the bundled model as it is."""
    _ship(head, BUNDLED_FOLDER / ACTIONS_FILE, load_action_head)


def _ship(
    head: Path, shipped: Path, load: Callable[[HeadChoice, EncoderIdentity, int], LoadedHead]
) -> None:
    """Save a head as float16, with its figures, and see that it loads."""
    card = read_card(head / HEAD_FILE)
    trained = make_head(card.config)
    trained.load_state_dict(load_file(head / HEAD_FILE))
    # Float16 may have moved every weight a little: the card must name the model as it is now.
    backbone = load_backbone(ModelChoice(BUNDLED), device="cpu")
    figures = json.loads((head / FIGURES_FILE).read_text(encoding="utf-8"))
    card = dataclasses.replace(card, encoder=backbone.identity, figures=figures)
    save_head(shipped, trained, card, dtype=torch.float16)
    load(HeadChoice(card.config.name, shipped), backbone.identity, backbone.dim)


def main() -> None:
    """Bundle what the options name."""
    parser = argparse.ArgumentParser(description="Ship a trained model with the program.")
    parser.add_argument("--model", type=Path, help="folder of the trained towers")
    parser.add_argument("--head", type=Path, help="folder of the trained head, with --model")
    parser.add_argument("--actions", type=Path, help="folder of the trained head for actions")
    options = parser.parse_args()
    if (options.model is None) != (options.head is None):
        parser.error("--model and --head belong together")
    if options.model is not None:
        bundle(options.model, options.head)
    if options.actions is not None:
        bundle_actions(options.actions)
    for file in sorted(BUNDLED_FOLDER.iterdir()):
        sys.stdout.write(f"{file.name}: {file.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
