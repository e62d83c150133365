"""The processor that this runs on. Free of torch."""

import functools
import hashlib
import platform
from pathlib import Path


@functools.cache
def processor_key() -> str:
    """A digest that differs where compiled code may differ: kind, name and abilities."""
    abilities = ""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        text = ""
    wanted = ("model name", "flags", "Features", "CPU part")
    for line in text.partition("\n\n")[0].splitlines():
        if line.startswith(wanted):
            abilities += line
    known = [platform.system(), platform.machine(), abilities]
    return hashlib.blake2b("\n".join(known).encode(), digest_size=8).hexdigest()
