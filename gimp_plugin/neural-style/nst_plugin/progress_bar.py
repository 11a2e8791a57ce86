"""GIMP's own progress bar, for runs that nobody watches."""

from __future__ import annotations

from gi.repository import Gimp, GLib

from nst_plugin.shared.durations import time_left
from nst_plugin.shared.translation import _


def start() -> None:
    Gimp.progress_init(_("Neural Style: starting the engine"))


def report(fraction: float, seconds_left: float | None, text: str) -> None:
    """Show how far the engine is."""
    Gimp.progress_set_text(text if seconds_left is None else f"{text} - {time_left(seconds_left)}")
    Gimp.progress_update(fraction)


def remark(sentence: str) -> None:
    """Show what kept a finished picture from being as good as it could be, if anything did."""
    if sentence:
        Gimp.message(sentence)


def stay_responsive() -> None:
    """Answer what the desktop, such as a screen reader, asks of the plug-in in the meantime."""
    while GLib.MainContext.default().iteration(False):
        pass
