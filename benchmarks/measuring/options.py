"""The options that several benchmarks share."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from models.identity import BUNDLED, HUB_PREFIX, IMAGENET, RANDOM, ModelChoice

if TYPE_CHECKING:
    from models.clip.backbone import Backbone
    from models.clip.sources import LoadedModel


def parser_for(text: str | None) -> argparse.ArgumentParser:
    """A parser that explains a benchmark by its module's text and takes --out."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="the JSON file (benchmarks/results/NAME.json)")
    return parser


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The options by which `kinodex index` chooses a model too."""
    parser.add_argument(
        "--model", help="fast, good, best, bundled, imagenet, an open_clip name, or hf-hub:ORG/REPO"
    )
    parser.add_argument("--pretrained", help=f"an open_clip tag ({RANDOM} weights)")
    parser.add_argument("--weights", type=Path, help="a local weight file")


def numbers_in(text: str) -> list[int]:
    """The value of an option that takes several numbers: "10000,50000"."""
    return [int(part) for part in text.split(",")]


def chosen_choice(options: argparse.Namespace, *, usual: str) -> ModelChoice:
    """The model that the options name, or the usual one. Raises ModelUnavailable."""
    from models.clip.sources import choose_model

    name = options.model or usual
    brings_weights = name in (BUNDLED, IMAGENET) or name.startswith(HUB_PREFIX) or options.weights
    pretrained = options.pretrained or (None if brings_weights else RANDOM)
    return choose_model(name, pretrained=pretrained, weights=options.weights)


def chosen_backbone(
    options: argparse.Namespace, *, usual: str, engine: str | None = None
) -> "Backbone":
    """The same, loaded; with this engine, or the usual one."""
    from models.clip.backbone import load_backbone
    from models.clip.engines.choice import EngineChoice

    choice = chosen_choice(options, usual=usual)
    return load_backbone(choice, engine=EngineChoice(engine) if engine else None, talk=print)


def bundled_backbone() -> "Backbone":
    """The model that comes with the program."""
    from models.clip.backbone import load_backbone
    from models.clip.sources import choose_model

    return load_backbone(choose_model(BUNDLED))


def bare_model(backbone: "Backbone") -> "LoadedModel":
    """The same model once more, as open_clip makes it: whatever is done to ours, not to this."""
    from models.clip.sources import load_model

    loaded = load_model(backbone.choice, talk=print)
    loaded.model.to(backbone.device)
    return loaded
