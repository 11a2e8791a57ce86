"""Engines that stand in for the real one and speak its protocol, as the plug-in's end of the pipe meets them."""

from __future__ import annotations

import array
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp_plugin/neural-style"))

from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.messages import Picture, Request, Style

ENGINES = Path(__file__).parent / "gimp/engines"
CONTENT = Picture(2, 1, array.array("f", [0.1, 0.2, 0.3, 1.0, 0.4, 0.5, 0.6, 0.5]).tobytes())
STYLE = Style("painting", Picture(1, 1, array.array("f", [0.9, 0.8, 0.7, 1.0]).tobytes()), 1.0)
JOB = Request(CONTENT, [STYLE], {}, None, None)


def command(stand_in: str, *arguments: str) -> list[str]:
    return [sys.executable, str(ENGINES / f"{stand_in}.py"), *arguments]


def saying(code: str) -> list[str]:
    """An engine that greets and then does as the code says."""
    return [
        sys.executable,
        "-c",
        f"import os, sys\nsys.path.insert(0, {str(ENGINES)!r})\nimport pipe\npipe.greet()\n{code}",
    ]


def log_of(logs: Path) -> str:
    """What the newest run left."""
    return max(logs.iterdir()).read_text()


def next_event(engine: Engine) -> Any:
    while (event := engine.poll()) is None:
        time.sleep(0.01)
    return event
