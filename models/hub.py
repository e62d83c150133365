"""The model hub: what a model needs from it, what of that lies here, and what is to be fetched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.choice import HUB_PREFIX, ModelChoice
from models.errors import KinodexError

CONFIG_FILE = "open_clip_config.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
WORDS = "words"

_WEIGHTS = "weights"
_ANSWERS_S = 10


class NotOnThisMachine(KinodexError):
    """Something has to be fetched and the hub does not give it; `part` is what."""

    def __init__(self, part: "Part") -> None:
        super().__init__(f"{part.repository} could not be had from the model hub")
        self.part = part


@dataclass(frozen=True)
class Part:
    """What a model needs from a repository of the hub: the first of these files that it has."""

    what: str
    repository: str
    names: Sequence[str]

    @property
    def is_here(self) -> bool:
        """Whether it was fetched before."""
        from huggingface_hub import try_to_load_from_cache

        return any(
            isinstance(try_to_load_from_cache(self.repository, name), str) for name in self.names
        )


def weight_parts(choice: ModelChoice) -> list[Part]:
    """Where the weights of a choice lie on the hub; nothing for a file, or a place elsewhere."""
    import open_clip
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    usual = (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
    if choice.name.startswith(HUB_PREFIX):
        repository = choice.name.removeprefix(HUB_PREFIX)
        weights = [] if choice.weights else [Part(_WEIGHTS, repository, usual)]
        return [*weights, Part("configuration", repository, (CONFIG_FILE,))]
    if choice.weights is not None:
        return []
    place = open_clip.get_pretrained_cfg(choice.name, choice.pretrained).get("hf_hub", "")
    # open_clip writes "organisation/repository/" or "organisation/repository/file".
    repository, _, name = place.rpartition("/")
    return [Part(_WEIGHTS, repository, (name,) if name else usual)] if repository else []


def word_parts(text_config: Mapping[str, Any]) -> list[Part]:
    """What a text tower needs from the hub beside its weights; nothing for names of folders."""
    wanted = {"hf_tokenizer_name": TOKENIZER_FILES, "hf_model_name": ("config.json",)}
    return [
        Part(WORDS, str(text_config[key]), names)
        for key, names in wanted.items()
        if text_config.get(key) and not Path(text_config[key]).is_dir()
    ]


def announce(choice: ModelChoice, parts: Sequence[Part], talk: Callable[[str], None]) -> bool:
    """Say what is about to be fetched and how big it is; → whether anything is.

    Raises NotOnThisMachine at once when the hub does not answer: the download itself would
    try again for a minute.
    """
    missing = [part for part in parts if not part.is_here]
    for part in missing:
        size_bytes = _size_on_hub(part)
        if part.what == _WEIGHTS:
            size = f", {size_bytes / 1e6:.0f} MB" if size_bytes else ""
            talk(f"downloading {choice} from the model hub (once{size})")
        elif part.what == WORDS:
            talk(f"downloading the {WORDS} of {part.repository} from the model hub (once)")
    return bool(missing)


def network(*, wanted: bool) -> Any:
    """A block in which the hub may be asked, or in which nothing leaves this machine."""
    return nullcontext() if wanted else _no_network()


@contextmanager
def _no_network() -> Iterator[None]:
    # Even for files that lie here the hub is asked for newer ones, for minutes if it is away.
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _size_on_hub(part: Part) -> int | None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    for name in part.names:
        try:
            metadata = get_hf_file_metadata(hf_hub_url(part.repository, name), timeout=_ANSWERS_S)
        except EntryNotFoundError:  # older repositories have one of the forms only
            continue
        except Exception as error:  # no network, no such repository, no permission
            raise NotOnThisMachine(part) from error
        return metadata.size
    return None
