"""Rows of the dialog that are our own, beside those that GIMP makes of a procedure's arguments."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk  # noqa: E402  (the version comes first)

SPACING = 6


class Row(Gtk.Box):
    """Widgets in a line, the wide one of which takes what space there is, and the label that names it."""

    def __init__(self, label: Gtk.Label, tooltip: str, widgets: list[Gtk.Widget], wide: Gtk.Widget) -> None:
        super().__init__(spacing=SPACING, tooltip_text=tooltip)
        self.label = label
        for widget in widgets:
            self.pack_start(widget, widget is wide, True, 0)


def label_of(text: str, widget: Gtk.Widget) -> Gtk.Label:
    """A label whose underlined letter leads to the widget, and which names it to a screen reader."""
    return Gtk.Label(label=text, use_underline=True, xalign=0.0, mnemonic_widget=widget)


def make_low(dialog: Gtk.Dialog) -> None:
    """Let a dialog be no higher than what is in it by now."""
    dialog.resize(dialog.get_size()[0], 1)
