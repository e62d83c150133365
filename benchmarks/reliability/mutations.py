"""Videos that somebody has damaged on purpose: real containers, changed in one to three ways."""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.corpus import good_videos

_HEADER = 4096  # most of what a demuxer believes stands here
_SIGNATURE = 16
_LIES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_FRAMES = (9, 9)  # two shots

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


@dataclass(frozen=True)
class Mutant:
    """A damaged file: the name of the one that it was, and what it holds now."""

    name: str
    content: bytes


def originals(folder: Path) -> dict[str, bytes]:
    """Small videos in every kind of container, by name."""
    made = good_videos(folder, _FRAMES)
    return {name: path.read_bytes() for name, path in made.items()}


def mutants(whole: dict[str, bytes], count: int, seed: int) -> Iterator[Mutant]:
    """Damaged copies of these, of each in turn; the same ones for the same seed."""
    names, contents = list(whole), list(whole.values())
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        name = names[number % len(names)]
        yield Mutant(name, _changed(whole[name], chance, contents))


def _changed(content: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(_CHANGES)(changed, chance, others)
    if chance.random() < 0.8:  # else most would be refused by their first bytes
        changed[:_SIGNATURE] = content[:_SIGNATURE]
    return bytes(changed)


def _place(content: bytearray, chance: random.Random) -> int:
    """Somewhere; more often near the start or the end, where indexes stand."""
    near = min(_HEADER, len(content))
    start = chance.choice((0, 0, max(0, len(content) - near), chance.randrange(len(content) + 1)))
    return min(len(content), start + chance.randrange(near + 1))


def _flip_bits(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    for _number in range(chance.choice((1, 4, 16, 64))):
        if place := _place(content, chance):
            content[place - 1] ^= 1 << chance.randrange(8)


def _cut_off(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    del content[chance.randrange(_SIGNATURE, max(_SIGNATURE + 1, len(content))) :]


def _lie(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    """Say of something that it is huge, empty or negative."""
    for _number in range(chance.choice((1, 1, 3))):
        form = chance.choice((">H", ">I", "<I", ">Q", "<Q"))
        size = struct.calcsize(form)
        place = _place(content, chance)
        if place + size <= len(content):
            value = chance.choice(_LIES) & ((1 << 8 * size) - 1)
            content[place : place + size] = struct.pack(form, value)


def _lie_of_a_box(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    """Lie where mp4, AVI and RIFF tell sizes: before and after a name of four letters."""
    names = [b"moov", b"trak", b"stsz", b"stco", b"stts", b"ctts", b"stsd", b"avc1", b"mdat"]
    names += [b"elst", b"tkhd", b"hdrl", b"strf", b"strh", b"idx1", b"movi", b"LIST", b"avih"]
    places = [place for name in names if (place := content.find(name)) >= 4]
    if places:
        place = chance.choice(places) + chance.choice((-4, 4, 8, 12, 16, 24))
        form = chance.choice((">I", "<I"))
        if 0 <= place <= len(content) - 4:
            content[place : place + 4] = struct.pack(form, chance.choice(_LIES))


def _another_head(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> None:
    length = chance.choice((16, 64, 512, _HEADER))
    content[:length] = chance.choice(others)[:length]


def _another_part(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    start, length = chance.randrange(len(other)), chance.choice((8, 64, 1024))
    place = _place(content, chance)
    content[place : place + length] = other[start : start + length]


def _swap(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    length = chance.choice((4, 16, 188, 1024))
    first, second = sorted((_place(content, chance), _place(content, chance)))
    if first + length <= second:
        one, other = content[first : first + length], content[second : second + length]
        content[second : second + length] = one
        content[first : first + length] = other


def _repeat(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    place, length = _place(content, chance), chance.choice((1, 8, 188, 2048))
    content[place:place] = content[place : place + length] * chance.choice((1, 3, 50))


def _leave_out(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    place = _place(content, chance)
    del content[place : place + chance.choice((1, 4, 64, 2048))]


def _noise(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    place, length = _place(content, chance), chance.choice((4, 32, 512))
    content[place : place + length] = chance.randbytes(length)


_CHANGES: tuple[Change, ...] = (
    _flip_bits,
    _flip_bits,
    _cut_off,
    _lie,
    _lie,
    _lie_of_a_box,
    _another_head,
    _another_part,
    _swap,
    _repeat,
    _leave_out,
    _noise,
)
