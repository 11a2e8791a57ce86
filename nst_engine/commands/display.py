"""What a command shows of its progress, and what Ctrl-C means while it works."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nst_engine.painting import Step

LINE_SECONDS = 5.0
"""Time between two lines of progress where there is no terminal for a bar."""


class Display:
    """Progress for people: a bar on a terminal, a line every few seconds elsewhere; both on stderr.

    Within the ``with`` block the first Ctrl-C asks for the picture as it stands, and the second one cancels.
    ``parts`` pictures share the bar.
    """

    def __init__(self, parts: int = 1) -> None:
        self.parts = parts
        self.done = 0
        self.name = ""
        self.stopped = False
        self.bar: Any = None
        self.last_line = time.monotonic()
        self.former: Any = None

    def __enter__(self) -> Display:
        if sys.stderr.isatty():
            from tqdm import tqdm

            layout = "{percentage:3.0f}% |{bar}| {desc}"
            self.bar = tqdm(total=1.0, bar_format=layout, file=sys.stderr, dynamic_ncols=True, leave=False)
        self.former = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self.former)
        if self.bar:
            self.bar.close()

    def begin(self, name: str) -> None:
        """Show what follows as progress of the picture of this name."""
        self.name = f"{name}: "

    def next(self) -> None:
        """One of the parts is done."""
        self.done += 1

    def show(self, step: Step) -> None:
        """Show one step."""
        left = "" if step.seconds_left is None else f", about {step.seconds_left:.0f} s left"
        fraction = (self.done + step.fraction) / self.parts
        if self.bar:
            self.bar.set_description_str(self.name + step.text + left, refresh=False)
            self.bar.update(fraction - self.bar.n)
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            print(f"{fraction:4.0%}  {self.name}{step.text}{left}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line above the bar."""
        if self.bar:
            self.bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
        self.say("Finishing with the picture as it stands; press Ctrl-C again to cancel.")
