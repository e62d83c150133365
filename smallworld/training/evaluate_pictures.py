"""How well a model knows the small world: figures on pictures and sentences held out of training.

Run as `python -m smallworld.training.evaluate_pictures --font FILE`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from smallworld.stills.pictures import WORDS, Picture, PictureSampler
from smallworld.stills.sprites import DEBIAN_FONT, font_atlas_or_exit, shipped_atlas, shipped_things
from smallworld.stills.things import Thing, load_things, things_by_name, without_article
from smallworld.training.model import BUNDLED_FOLDER, load_own_model, load_tokenizer
from smallworld.training.still_batches import StillMaker
from smallworld.words import grammar
from smallworld.words.captions import CaptionWriter

Tokenizer = Callable[[list[str]], torch.Tensor]

# Far from the seeds that anyone trains with.
EVALUATION_SEED = 990_001
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_CHUNK = 128


@dataclass(frozen=True)
class Figures:
    """Shares between 0 and 1. Things are told apart among all things that were shown."""

    pictures: int
    things: int
    thing_top1: float
    thing_top5: float
    text_to_image_r1: float
    text_to_image_r5: float
    text_to_image_r10: float
    scene_accuracy: float
    place_accuracy: float
    size_accuracy: float
    angle_accuracy: float


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Images in 0..1 as the model wants them: CLIP's mean and deviation, channels last."""
    mean, deviation = (torch.tensor(v)[None, :, None, None] for v in (_MEAN, _DEVIATION))
    return ((images - mean) / deviation).contiguous(memory_format=torch.channels_last)


class Examiner:
    """Asks a model about held-out pictures; everything it shows comes from a fixed seed."""

    def __init__(
        self, model: Any, tokenizer: Tokenizer, maker: StillMaker, things: Sequence[Thing]
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._maker = maker
        self._things = tuple(things)

    def figures(self, count: int) -> Figures:
        """All figures, each over `count` held-out pictures."""
        top1, top5 = self.thing_accuracy(count)
        recalls = self.text_to_image(count)
        return Figures(
            pictures=count,
            things=len(self._things),
            thing_top1=top1,
            thing_top5=top5,
            text_to_image_r1=recalls[0],
            text_to_image_r5=recalls[1],
            text_to_image_r10=recalls[2],
            scene_accuracy=self.scene_accuracy(count),
            place_accuracy=self.aspect_accuracy("place", count),
            size_accuracy=self.aspect_accuracy("size", count),
            angle_accuracy=self.aspect_accuracy("angle", count),
        )

    def thing_accuracy(self, count: int) -> tuple[float, float]:
        """How often "a photo of a …" of the right thing is first, and among the first five."""
        pictures = self._single_pictures(count)
        texts = [f"a photo of {thing.phrases[0]}" for thing in self._things]
        ranked = (self._image_embeddings(pictures) @ self._text_embeddings(texts).T).argsort(
            dim=1, descending=True
        )
        names = [thing.name for thing in self._things]
        right = torch.tensor([names.index(p.placements[0].thing) for p in pictures])
        hits = ranked[:, :5] == right[:, None]
        return _mean(hits[:, 0]), _mean(hits.any(dim=1))

    def text_to_image(self, count: int) -> tuple[float, float, float]:
        """Recall at 1, 5 and 10 among `count` pictures, for captions in held-out phrasings.

        Any picture of which the caption is true counts as right.
        """
        rng = np.random.default_rng([EVALUATION_SEED, 1])
        sampler, writer = PictureSampler(self._things, rng), CaptionWriter(rng, held_out=True)
        pictures = [sampler.picture(held_out=True) for _ in range(count)]
        captions = [writer.caption(picture) for picture in pictures]
        batch = self._maker.batch(pictures, captions, rng=rng)
        images = self._encode_images(batch.images)
        texts = self._text_embeddings([caption.text for caption in captions])
        ranked = (texts @ images.T).argsort(dim=1, descending=True)
        right = batch.matches.gather(1, ranked)
        first, fifth, tenth = (_mean(right[:, :k].any(dim=1)) for k in (1, 5, 10))
        return first, fifth, tenth

    def scene_accuracy(self, count: int) -> float:
        """How often the right scene is chosen, for the right thing."""
        pictures = self._single_pictures(count)
        scenes = list(grammar.SCENE_PHRASES)
        choices = [
            [f"{_phrase(p)} {grammar.SCENE_PHRASES[scene][0]}" for scene in scenes]
            for p in pictures
        ]
        return self._choice_accuracy(pictures, choices, [scenes.index(p.scene) for p in pictures])

    def aspect_accuracy(self, aspect: str, count: int) -> float:
        """How often the right one of the captions that differ in one word only is chosen.

        `aspect` is "place" (nine choices), "size" or "angle" (five).
        """
        words = WORDS[aspect]
        rng = np.random.default_rng([EVALUATION_SEED, 2])
        sampler = PictureSampler(self._things, rng)
        pictures: list[Picture] = []
        right: list[int] = []
        while len(pictures) < count:
            picture = sampler.picture(thing_count=1, held_out=True)
            if aspect == "angle" and not things_by_name()[picture.placements[0].thing].shows_angle:
                continue
            row = int(rng.integers(len(words)))
            pictures.append(_with_aspect(sampler, picture, aspect, words[row]))
            right.append(row)
        choices = [[_told(picture, aspect, word) for word in words] for picture in pictures]
        return self._choice_accuracy(pictures, choices, right)

    def _single_pictures(self, count: int) -> list[Picture]:
        sampler = PictureSampler(self._things, np.random.default_rng([EVALUATION_SEED, 0]))
        return [sampler.picture(thing_count=1, held_out=True) for _ in range(count)]

    def _choice_accuracy(
        self, pictures: Sequence[Picture], choices: Sequence[Sequence[str]], right: Sequence[int]
    ) -> float:
        texts = self._text_embeddings([text for row in choices for text in row])
        texts = texts.reshape(len(pictures), len(choices[0]), -1)
        chosen = torch.einsum("pd,pcd->pc", self._image_embeddings(pictures), texts).argmax(dim=1)
        return _mean(chosen == torch.tensor(right))

    def _image_embeddings(self, pictures: Sequence[Picture]) -> torch.Tensor:
        rng = np.random.default_rng([EVALUATION_SEED, 3])
        return self._encode_images(self._maker.images(pictures, rng=rng))

    @torch.inference_mode()
    def _encode_images(self, images: torch.Tensor) -> torch.Tensor:
        parts = [self._model.encode_image(normalised(part)) for part in images.split(_CHUNK)]
        return functional.normalize(torch.cat(parts).float(), dim=-1)

    @torch.inference_mode()
    def _text_embeddings(self, texts: list[str]) -> torch.Tensor:
        parts = [self._model.encode_text(part) for part in self._tokenizer(texts).split(_CHUNK)]
        return functional.normalize(torch.cat(parts).float(), dim=-1)


def _with_aspect(sampler: PictureSampler, picture: Picture, aspect: str, word: str) -> Picture:
    placement = picture.placements[0]
    if aspect == "place":
        placement = sampler.put(sampler.resize(placement, "medium"), word)
    elif aspect == "size":
        placement = sampler.put(sampler.resize(placement, word), "centre")
    else:
        placement = sampler.turn(placement, word)
    return Picture(picture.scene, picture.scene_seed, (placement,))


def _told(picture: Picture, aspect: str, word: str) -> str:
    phrase = _phrase(picture)
    if aspect == "size":
        return f"{grammar.SIZE_WORDS[word][0]} {without_article(phrase)}"
    told = grammar.PLACE_PHRASES if aspect == "place" else grammar.ANGLE_PHRASES
    return f"{phrase} {told[word][0]}"


def _phrase(picture: Picture) -> str:
    return things_by_name()[picture.placements[0].thing].phrases[0]


def _mean(hits: torch.Tensor) -> float:
    return round(float(hits.float().mean()), 4)


def main() -> None:
    """Print the figures of a model folder as JSON."""
    parser = argparse.ArgumentParser(description="Measure a small-world model.")
    parser.add_argument("--model", type=Path, default=BUNDLED_FOLDER, help="folder of the model")
    parser.add_argument("--font", type=Path, default=DEBIAN_FONT, help="Noto Color Emoji font")
    parser.add_argument("--shipped", action="store_true", help="only things with shipped sprites")
    parser.add_argument("--pictures", type=int, default=1000)
    options = parser.parse_args()
    things = shipped_things() if options.shipped else load_things()
    atlas = shipped_atlas() if options.shipped else font_atlas_or_exit(options.font)
    maker = StillMaker(things, atlas, seed=EVALUATION_SEED)
    model, tokenizer = load_own_model(options.model), load_tokenizer(options.model)
    figures = Examiner(model, tokenizer, maker, things).figures(options.pictures)
    sys.stdout.write(json.dumps(asdict(figures), indent=2) + "\n")


if __name__ == "__main__":
    main()
