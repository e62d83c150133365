"""Three names that stand for a model, by what a machine computes with. Free of torch."""

from models.identity import ModelChoice

FAST, GOOD, BEST = "fast", "good", "best"
NAMES = (FAST, GOOD, BEST)

_ON_CPU = {
    FAST: ModelChoice("ViT-B-32", "laion2b_s34b_b79k"),
    GOOD: ModelChoice("PE-Core-B-16", "meta"),
    BEST: ModelChoice("PE-Core-L-14-336", "meta"),
}
_ON_GPU = {
    FAST: ModelChoice("PE-Core-B-16", "meta"),
    GOOD: ModelChoice("PE-Core-L-14-336", "meta"),
    BEST: ModelChoice("PE-Core-bigG-14-448", "meta"),
}


def meant_by(name: str, device: str) -> ModelChoice:
    """The model that one of NAMES stands for. device: "cpu", or the kind of another"""
    return _on(device)[name]


def name_of(choice: ModelChoice, device: str) -> str | None:
    """Which of NAMES stands for a model; None if none does."""
    return next((name for name, one in _on(device).items() if one == choice), None)


def usual_tag(architecture: str) -> str | None:
    """The weights with which one of NAMES stands for a model of this open_clip name."""
    named = (*_ON_CPU.values(), *_ON_GPU.values())
    return next((one.pretrained for one in named if one.name == architecture), None)


def _on(device: str) -> dict[str, ModelChoice]:
    return _ON_CPU if device == "cpu" else _ON_GPU
