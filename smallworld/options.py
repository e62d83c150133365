"""The options that the training scripts of the small world share."""

import argparse
from pathlib import Path

from smallworld.sprites import DEBIAN_FONT


def training_parser(description: str, *, out: str, steps: int) -> argparse.ArgumentParser:
    """A parser with --out, --font, --seed, --steps and --bfloat16.

    out: what the folder is for
    steps: how many are taken if nothing is said
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {out}")
    parser.add_argument("--font", type=Path, default=DEBIAN_FONT, help="Noto Color Emoji font")
    parser.add_argument("--seed", type=int, action="append", help="may be given several times")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument(
        "--bfloat16", action="store_true", help="faster where the processor has bfloat16 units"
    )
    return parser
