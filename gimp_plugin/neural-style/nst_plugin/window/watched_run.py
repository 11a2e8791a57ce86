"""A run that somebody watches: engine, forming layer and window, brought together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from gi.repository import Gimp, GLib

from nst_plugin import progress_bar
from nst_plugin.image.forming_layer import FormingLayer
from nst_plugin.image.jobs import Job
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import Canceled, LineBroken
from nst_plugin.shared.messages import Preview, Progress, Result
from nst_plugin.shared.translation import _
from nst_plugin.window.run_window import RunWindow

TICK_MS = 40
"""Longest time without a look at the engine."""

DRAWING_SHARE = 0.1
"""How much of the time may go into showing previews."""


def stylize(engine: Engine, job: Job) -> Gimp.Layer:
    """Let the new layer form on the canvas and return it finished; without a result it is gone again."""
    forming = FormingLayer(job)
    try:
        with closing(RunWindow(job.name)) as window:
            engine.paint(job.request)
            result = watch(engine, forming, window)
            layer = forming.finish(result)
    except LineBroken as problem:
        if not (forming.has_preview and forming.is_there):
            forming.remove()
            raise
        raise LineBroken(_("{problem} The layer has what came by then.").format(problem=problem)) from None
    except BaseException:
        forming.remove()
        raise
    progress_bar.remark(result.remark)
    return layer


def watch(engine: Engine, forming: FormingLayer, window: RunWindow) -> Result:
    """Show what the engine tells until there is the result. Removing the layer is a Cancel, as is the button."""
    brush = Brush(forming)
    stop_sent = False
    with ticking():
        while True:
            GLib.MainContext.default().iteration(True)
            if window.is_canceled or not forming.is_there:
                raise Canceled
            if window.is_stopped and not stop_sent:
                engine.stop()
                stop_sent = True
            try:
                event = engine.poll()
            except LineBroken:
                brush.finish()
                raise
            if isinstance(event, Result):
                return event
            if isinstance(event, Progress):
                window.report(event.fraction, event.seconds_left)
            elif isinstance(event, Preview):
                brush.preview = event
            brush.draw_some()


class Brush:
    """Draws the newest preview, a part at a time, and then rests so that most of the time is the user's."""

    def __init__(self, forming: FormingLayer) -> None:
        self.preview: Preview | None = None
        self._forming = forming
        self._drawing: Iterator[None] | None = None
        self._spent = self._rested_at = 0.0

    def finish(self) -> None:
        """Draw the newest preview to its end."""
        drawing = self._drawing if self.preview is None else self._forming.drawing(self.preview)
        for _part in drawing or ():
            pass

    def draw_some(self) -> None:
        started = time.monotonic()
        if self._drawing is None:
            if self.preview is None or started < self._rested_at:
                return
            self._drawing, self.preview, self._spent = self._forming.drawing(self.preview), None, 0.0
        is_done = next(self._drawing, self) is self
        now = time.monotonic()
        self._spent += now - started
        if is_done:
            self._drawing = None
            self._rested_at = now + self._spent * (1 / DRAWING_SHARE - 1)


@contextmanager
def ticking() -> Iterator[None]:
    """Let every wait for GTK's next event end soon, whether there is one or not."""
    clock = GLib.timeout_add(TICK_MS, lambda: True)
    try:
        yield
    finally:
        GLib.source_remove(clock)
