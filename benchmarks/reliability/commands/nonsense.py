"""Commands as nobody means them: arguments and settings as they are typed by mistake."""

import random
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from indexer.reading.settings import IndexSettings
from search.catalog.settings import (
    LibrarySettings,
    SearchSettings,
    SketchSettings,
    TagSettings,
    UiSettings,
)

FORMS: tuple[type[BaseModel], ...] = (
    LibrarySettings,
    IndexSettings,
    SearchSettings,
    TagSettings,
    SketchSettings,
    UiSettings,
)
_VALUES: tuple[str, ...] = (
    *("inf", "-inf", "nan", "0", "-1", "1e308", "-1e308", "1e-320", "9" * 30, "9" * 5000),
    *("true", "false", '""', '"auto"', '"\\u0000"', '"~nobody-knows-her/x.safetensors"'),
    *('"../../../etc/passwd"', '"/dev/zero"', '"none.txt"', "[]", "[[[[]]]]", "{}", "2026-01-01"),
    *('["/", ""]', "'''\n'''", '"' + "x" * 3000 + '"', "0x10", "1_000", "'\\'"),
)
_WHOLE = (
    b"\xff\xfe\x00",
    b"x = " + b"[" * 9_000,
    b"a = " + b"{b = " * 1_500,
    b"[index]\n[index]\n",
    b"#" * 200_000,
    b"= =",
    b"",
)

_WORDS: tuple[str, ...] = (
    "a red ball",
    "growing",
    "",
    " ",
    "+",
    "-",
    "--",
    "\x00",
    "\x1b[31m",
    "\udcff",
    "ünï🐈",
)
_WORDS += ("x" * 5_000, "a + b - c", "'", '"', "%", "*", "a " * 2_000, "--then", "$(id)", "~", ".")
_DAYS = ("0001-01-01", "9999-12-31", "2026-02-30", "0000-00-00", "yesterday", "", "-1", "2026-W53")
_NUMBERS = ("0", "-1", "1", "5", "nan", "inf", "-inf", "1e308", "9" * 25, "", "x", "0x1", "1_0")
_TIMES = ("0:00", "-0:01", "99:99:99", "nan", "inf", "1e308", "9" * 400, "", "0:0:0:0")
_SEGMENTS: tuple[str, ...] = (
    "1",
    "0",
    "-1",
    "999999",
    "9" * 30,
    "clip-002.mp4@0:01",
    "clip-002.mp4@9999:00",
)
_SEGMENTS += ("x@", "@", "@1", "a@nan", "/@0", "", "1.5", "\x00@1", "clip-002.mp4@-5")


def settings_text(draw: random.Random) -> bytes:
    """A library.toml with a setting or more that nobody should have written."""
    if draw.random() < 0.2:
        return draw.choice(_WHOLE)
    lines = []
    for form in draw.sample(FORMS, draw.randint(1, 2)):
        lines.append(f"[{form.section}]")  # type: ignore[attr-defined]
        for name in draw.sample(sorted(form.model_fields), 1):
            lines.append(f"{name} = {draw.choice(_VALUES)}")
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def searching(draw: random.Random, place: Path) -> list[str]:
    """A search, with one option or two."""
    options: list[Callable[[], list[str]]] = [
        lambda: ["--after", draw.choice(_DAYS)],
        lambda: ["--before", draw.choice(_DAYS)],
        lambda: ["-k", draw.choice(_NUMBERS)],
        lambda: ["--per-video", draw.choice(_NUMBERS)],
        lambda: ["--tag", draw.choice(_WORDS)],
        lambda: ["--tag", "growing", "--tag-min", draw.choice(_NUMBERS)],
        lambda: ["--min-length", draw.choice(_TIMES)],
        lambda: ["--max-length", draw.choice(_TIMES)],
        lambda: ["--in", draw.choice([*_WORDS, str(place)])],
        lambda: ["--then", draw.choice(_WORDS), "--within", draw.choice(_NUMBERS)],
        lambda: ["--image", draw.choice([*_WORDS, str(place), "/dev/zero", str(place / "pipe")])],
        lambda: ["--like", draw.choice(_SEGMENTS)],
        lambda: ["--rerank", draw.choice([*_WORDS, "query-aware", str(place / "catalog.db")])],
        lambda: ["--device", draw.choice(_WORDS)],
        lambda: [draw.choice(["--json", "--paths", "--csv", "--m3u", "--edl", "--otio", "--vtt"])],
    ]
    chosen = [word for option in draw.sample(options, draw.randint(1, 2)) for word in option()]
    return ["search", *([draw.choice(_WORDS)] if draw.random() < 0.7 else ["growing"]), *chosen]


def other_command(draw: random.Random, place: Path, videos: Path) -> list[str]:
    """Some other command, with arguments that mean something or nothing."""
    paths = [str(videos), str(place), "/dev/null", str(place / "pipe"), *_WORDS]
    commands: list[Callable[[], list[str]]] = [
        lambda: ["status"],
        lambda: ["status", "--json"],
        lambda: ["failed"],
        lambda: ["where"],
        lambda: ["tags"],
        lambda: ["tags", "--all"],
        lambda: ["tags", draw.choice(_SEGMENTS)],
        lambda: ["tag", "--correct", draw.choice(_SEGMENTS), draw.choice(_WORDS)],
        lambda: ["tag", "--wrong", draw.choice(_SEGMENTS), "growing"],
        lambda: ["tag", "--forget", "1", draw.choice(_WORDS)],
        lambda: ["tag", "--vocabulary", draw.choice(paths)],
        lambda: ["tag", "--min-probability", draw.choice(_NUMBERS)],
        lambda: ["index", draw.choice(paths)],
        lambda: ["index", str(videos), "--head", draw.choice(paths)],
        lambda: ["index", str(videos), "--model", draw.choice(_WORDS)],
        lambda: ["failed", "--retry"],
        lambda: ["fuse", "--head", draw.choice(["meanP", *paths])],
        lambda: ["remove", draw.choice(paths)],
        lambda: ["clean"],
        lambda: ["sketch", draw.choice(_SEGMENTS), "--strokes", "1"],
        lambda: ["sketch", "1", "--strokes", draw.choice([one for one in _NUMBERS if one != "5"])],
        lambda: ["sketch", "1", "--strokes", "1", "--out", draw.choice(paths)],
        lambda: ["export", draw.choice(_WORDS), "--out", draw.choice(paths)],
        lambda: ["verify", *draw.choice([[], ["--repair"], ["--content"], ["--json"]])],
        lambda: ["backup", draw.choice([str(place.parent / "backup.tar"), *paths])],
        lambda: ["restore", draw.choice([str(place / "catalog.db"), *paths]), "--replace"],
    ]
    return draw.choice(commands)()
