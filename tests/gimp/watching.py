"""What a test of the filter does and sees in GIMP's window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from window import PATIENCE, WindowSession

ENGINES = Path(__file__).with_name("engines")
DIALOG = "Neural Style"
BEFORE = ["photo", "painting"]
RESULT = "photo in the style of painting"
UNFINISHED = [RESULT + " (unfinished)", *BEFORE]
AFTER = [RESULT, *BEFORE]

IMAGE = "min(Gimp.get_images(), key=Gimp.Image.get_id)"
"""The image that was loaded first, and none of those that a plug-in works with and may delete at any moment."""


def start(window: WindowSession) -> None:
    """Choose Filters > Neural Style and press OK."""
    window.action("Neural Style")
    window.press(DIALOG, "OK")


def opened(window: WindowSession) -> Iterator[WindowSession]:
    """Open the dialog, and close it when whoever works it is done."""
    window.action("Neural Style")
    window.wait_window(f"^{DIALOG}$")
    yield window
    window.press(DIALOG, "Cancel")
    wait_until(lambda: not window.find_window(f"^{DIALOG}$"))


def layer_names(window: WindowSession) -> list[str]:
    return ask(window, f"[layer.get_name() for layer in {IMAGE}.get_layers()]")  # type: ignore[no-any-return]


def pixel(window: WindowSession, x: int, y: int) -> list[int]:
    """A pixel of the topmost layer: red, green, blue, alpha from 0 to 255."""
    read = """get_buffer().get(Gegl.Rectangle.new({}, {}, 1, 1), 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)"""
    return ask(window, f"list({IMAGE}.get_layers()[0].{read.format(x, y)})")  # type: ignore[no-any-return]


def ask(window: WindowSession, expression: str) -> Any:
    """What an expression is worth inside GIMP."""
    return eval(window.batch(f"from gi.repository import Gegl\nprint({expression})"))


def wait_for_layers(window: WindowSession, names: list[str], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while (found := layer_names(window)) != names:
        assert time.monotonic() < deadline, f"{found}\n{window.log[-1000:]}"
        time.sleep(0.2)


def wait_until(done: Callable[[], object], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def engines(window: WindowSession) -> list[int]:
    """The living processes of this window that run a stand-in."""
    return processes(window, str(ENGINES))


def processes(window: WindowSession, name: str) -> list[int]:
    """The living processes of this window that have the name in their command lines."""
    found = []
    for pid in window.processes:
        try:
            if name in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            continue
    return found
