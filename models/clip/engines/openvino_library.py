"""OpenVINO, without the word that it sends home.

Its tools tell their makers of each import and conversion, and leave an identity in the user's home,
unless the package that does so cannot be imported. Whoever needs OpenVINO takes it from here.
"""

import sys
from typing import Any

_modules: dict[str, Any] = sys.modules
# An import of it fails from now on, and the tools take a stub of their own that sends nothing.
_modules.setdefault("openvino_telemetry", None)

import openvino as ov  # noqa: E402

__all__ = ["ov"]
