"""Distilled models: a teacher's own words beside a student's picture tower, in a folder."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from models.clip.bundled import bundled_network, bundled_tokenizer
from models.clip.card import weights_digest
from models.clip.student_folders import CARD_FILE, CARD_KEY, PICTURES_FILE, WORDS_FILE, StudentCard
from models.clip.students import StudentTower, StudentUnfit, make_student
from models.errors import KinodexError, ModelUnavailable
from models.files import replaced_whole
from models.identity import BUNDLED, IMAGENET, ModelChoice
from models.tensor_files import plain, write_tensors

_VISUAL = "visual."
# Stands where the student's will be: nothing is drawn for it, and nothing is loaded.
_NO_PICTURES = {"layers": 1, "width": 32, "head_width": 32, "patch_size": 16, "image_size": 16}


def with_student(teacher: Any, tower: StudentTower, preprocessing: dict[str, Any]) -> Any:
    """The teacher with a student's picture tower in the place of its own, which it loses.

    preprocessing: the student's, as open_clip writes it

    Raises StudentUnfit for a teacher that asks more of its picture tower than an embedding.
    """
    from open_clip.factory import set_model_preprocess_cfg

    teacher.visual = tower
    side = preprocessing["size"][0]
    try:
        with torch.inference_mode():
            embeddings = teacher.eval().encode_image(torch.zeros(1, 3, side, side))
        is_one_vector = embeddings.ndim == 2
    except Exception:  # whatever such a teacher does with one vector
        is_one_vector = False
    if not is_one_vector:
        raise StudentUnfit(
            f"a {type(teacher).__name__} wants more of its picture tower than one vector a "
            "picture, so it can have no student"
        )
    set_model_preprocess_cfg(teacher, preprocessing)
    return teacher


def words_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """All weights but those of the picture tower."""
    return {name: one for name, one in model.state_dict().items() if not name.startswith(_VISUAL)}


def words_digest(model: torch.nn.Module) -> str:
    """A fingerprint of these, which tells whether two models read texts alike."""
    return weights_digest(words_of(model))


def save_words(folder: Path, model: torch.nn.Module) -> None:
    """Write what of a distilled model never changes."""
    write_tensors(folder / WORDS_FILE, plain(words_of(model)))


def save_pictures(folder: Path, tower: torch.nn.Module, card: StudentCard) -> None:
    """Write the student's weights with its card, and the card once more to read."""
    text = card.to_json()
    write_tensors(folder / PICTURES_FILE, plain(tower.state_dict()), {CARD_KEY: text})
    with replaced_whole(folder / CARD_FILE, durable=True, one_writer=True) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def load_distilled(choice: ModelChoice) -> tuple[Any, Callable[..., torch.Tensor]]:
    """The model of a folder, and its tokenizer. Raises ModelUnavailable."""
    file = choice.weights
    if file is None:
        raise ModelUnavailable(f"{choice.name!r} lies in a folder: name that folder with --model")
    card, pictures = _read_pictures(file)
    if card.name != choice.name:
        raise ModelUnavailable(f"{str(file.parent)!r} holds {card.name}, not {choice.name}")
    try:
        tower = make_student(card.shape, pretrained=False)
        tower.load_state_dict(pictures)
        with _quiet():
            model, tokenize = _unlearnt(card.teacher)
    except RuntimeError as error:  # weights that do not fit the network
        raise _damaged(file) from error
    words = _read(file.with_name(WORDS_FILE))[1]
    if words.keys() != words_of(model).keys():
        raise _damaged(file.with_name(WORDS_FILE))
    try:
        model.load_state_dict(words, strict=False)
    except RuntimeError as error:  # of another teacher, whose words have other sizes
        raise _damaged(file.with_name(WORDS_FILE)) from error
    if words_digest(model) != card.words_digest:
        raise ModelUnavailable(
            f"{WORDS_FILE} in {str(file.parent)!r} belongs to another model than {file.name}: "
            "distil it again"
        )
    return with_student(model, tower, card.preprocessing), tokenize


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without open_clip's warning that a model has random weights: it gets others at once."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _unlearnt(name: str) -> tuple[Any, Callable[..., torch.Tensor]]:
    """A model of this name before any weights, its picture tower a mere stand-in."""
    if name == BUNDLED:
        model: Any = bundled_network(None, vision_cfg=_NO_PICTURES)
        return model, bundled_tokenizer(model)
    if name == IMAGENET:
        from models.imagenet.joint import untrained_joint_model
        from models.imagenet.sentences import load_tokenizer

        return untrained_joint_model(), load_tokenizer()
    import open_clip

    try:
        model = open_clip.create_model(
            name, load_weights=False, pretrained_text=False, vision_cfg=_NO_PICTURES
        )
        return model, open_clip.get_tokenizer(name)
    except Exception as error:  # no such name any more, or words that lie on a hub
        raise ModelUnavailable(
            f"the words of {name} cannot be read here: {str(error).splitlines()[0][:160]}"
        ) from error


def _read_pictures(file: Path) -> tuple[StudentCard, dict[str, torch.Tensor]]:
    metadata, tensors = _read(file)
    try:
        return StudentCard.from_json(metadata[CARD_KEY]), tensors
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(file) from error


def _read(file: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    if not file.is_file():
        raise ModelUnavailable(
            f"there is no {str(file)!r}: bring the folder back that 'kinodex distil' made, or "
            "say where it lies now with 'kinodex fuse --head HEAD --model FOLDER'"
        )
    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return opened.metadata() or {}, tensors
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> KinodexError:
    return ModelUnavailable(
        f"{str(file)!r} is damaged, or Kinodex did not write it: distil the model again"
    )
