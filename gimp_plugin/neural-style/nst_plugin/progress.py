"""GIMP's progress bar: in the status bar of the image window, with GIMP's own Cancel beside it."""

from __future__ import annotations

from gi.repository import Gimp, GLib


def start() -> None:
    Gimp.progress_init("Neural Style: starting the engine")


def report(fraction: float, seconds_left: float | None, text: str) -> None:
    """Show how far the engine is."""
    Gimp.progress_set_text(text if seconds_left is None else f"{text} - {duration(seconds_left)} left")
    Gimp.progress_update(fraction)


def stay_responsive() -> None:
    """Answer what the desktop, such as a screen reader, asks of the plug-in in the meantime."""
    while GLib.MainContext.default().iteration(False):
        pass


def duration(seconds: float) -> str:
    """A time to wait, as precise as a guess deserves."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"
