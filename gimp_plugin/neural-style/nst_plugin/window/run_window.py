"""The small window of a run: how far it is, Stop and Cancel. GIMP and its images stay usable beside it.

GIMP's own progress bar is not used, for its Cancel kills the plug-in without notice.
"""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, Gtk  # noqa: E402  (the versions come first)

from nst_plugin.shared.durations import time_left  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402

SPACING = 6
BORDER = 12
WIDTH = 360


class RunWindow:
    """Shown from its making until :meth:`close`; the buttons only leave a note of the user's wish."""

    def __init__(self, title: str) -> None:
        self.is_stopped = self.is_canceled = False
        self._window = Gtk.Dialog(title=title, resizable=False)
        self._window.set_default_size(WIDTH, -1)
        GimpUi.window_set_transient(self._window)
        self._window.set_focus_on_map(False)  # the keyboard stays where somebody may be typing
        cancel = self._window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        cancel.set_tooltip_text(_("Remove the new layer."))
        self._stop = self._window.add_button(_("_Stop"), Gtk.ResponseType.ACCEPT)
        self._stop.set_tooltip_text(_("Keep the picture as it is now."))
        self._stop.set_sensitive(False)
        self._bar = Gtk.ProgressBar(show_text=True, text="")
        self._bar.get_accessible().set_name(_("Progress"))
        self._line = Gtk.Label(label=_("Starting the engine…"), xalign=0.0)
        area = self._window.get_content_area()
        area.set_border_width(BORDER)
        area.set_spacing(SPACING)
        for row in (self._bar, self._line):
            area.pack_start(row, False, False, 0)
        self._window.connect("response", self._answer)
        self._window.connect("delete-event", lambda *_: True)  # closing it is a wish like the others
        self._window.show_all()

    def report(self, fraction: float, seconds_left: float | None) -> None:
        """Show how far the engine is. From now on there is a picture that Stop can keep."""
        self._bar.set_fraction(fraction)
        self._bar.set_text(f"{fraction:.0%}")
        if not self.is_stopped:
            if not self._stop.get_sensitive():
                self._stop.set_sensitive(True)
                self._stop.grab_focus()
            self._line.set_text(_("Painting…") if seconds_left is None else time_left(seconds_left))

    def close(self) -> None:
        self._window.destroy()

    def _answer(self, _window: Gtk.Dialog, response: int) -> None:
        """Closing the window is a Stop, too, if there is anything to keep: what was painted is not lost by it."""
        if response == Gtk.ResponseType.CANCEL or not self._stop.get_sensitive():
            self.is_canceled = True
            return
        self.is_stopped = True
        self._stop.set_sensitive(False)
        self._line.set_text(_("Finishing…"))
