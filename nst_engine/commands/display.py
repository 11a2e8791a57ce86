"""What a command shows of its progress."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from nst_engine.commands import streams

if TYPE_CHECKING:
    from nst_engine.progress import Step

LINE_SECONDS = 5.0
"""Time between two lines of progress where there is no terminal for a bar."""

COLUMNS, ROWS = 80, 24
"""Size of a terminal that says 0×0, as those do that a program opened and no person sees."""


class Display:
    """Progress for people: a bar on a terminal, a line every few seconds elsewhere; both on stderr.

    ``parts`` pictures share the bar.
    """

    def __init__(self, parts: int = 1) -> None:
        self.parts = parts
        self.done = 0
        self.name = ""
        self.bar: Any = None
        self.last_line = time.monotonic()

    def __enter__(self) -> Display:
        if sys.stderr.isatty():
            from tqdm import tqdm

            layout = "{percentage:3.0f}% |{bar}| {desc}"
            self.bar = tqdm(total=1.0, bar_format=layout, file=sys.stderr, ncols=_columns(), nrows=ROWS, leave=False)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar:
            self.bar.close()

    def begin(self, name: str) -> None:
        """Show what follows as progress of the picture of this name."""
        self.name = streams.shown(f"{name}: ")

    def next(self) -> None:
        """One of the parts is done."""
        self.done += 1

    def show(self, step: Step) -> None:
        """Show one step."""
        self.tell((self.done + step.fraction) / self.parts, self.name + step.text, step.seconds_left)

    def tell(self, fraction: float, text: str, seconds_left: float | None) -> None:
        """Show how far all is."""
        text += "" if seconds_left is None else f", about {seconds_left:.0f} s left"
        if self.bar:
            self.bar.ncols = _columns()
            self.bar.set_description_str(text, refresh=False)
            self.bar.update(fraction - self.bar.n)
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            streams.say(f"{fraction:4.0%}  {text}")

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self.bar:
            self.bar.write(streams.shown(line), file=sys.stderr)
        else:
            streams.say(line)


def _columns() -> int:
    """What a bar may fill of the terminal as it is now."""
    try:
        return (os.get_terminal_size(sys.stderr.fileno()).columns or COLUMNS) - 1
    except OSError:  # it was closed
        return COLUMNS
