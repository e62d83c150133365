"""Names of files that hold clips, made of the names of videos, which may hold anything."""

import os
import re

# Names of files end at 255 bytes, some of which a draft needs.
_LONGEST_NAME_BYTES = 200


def clip_name(text: str) -> str:
    """A name without ending: no separators, no characters that cannot be shown, not too long."""
    safe = re.sub(r'[\\/:*?"<>|]', "_", "".join(c if c.isprintable() else "_" for c in text))
    return shortened(safe.strip(" ."), _LONGEST_NAME_BYTES).rstrip(" .") or "clip"


def shortened(text: str, most_bytes: int) -> str:
    """As many letters of the text as fit."""
    while len(os.fsencode(text)) > most_bytes:
        text = text[:-1]
    return text
