"""The row of the dialog for the size: found by the engine, the layer's own, or a number."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, Gtk  # noqa: E402  (the version comes first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.shared.translation import N_, _  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402
from nst_plugin.window.rows import Row, label_of  # noqa: E402

HELP = N_(
    "Long side in pixels at which the picture is painted; the result has the layer's own size. Automatic is the "
    "layer's own, too, at most what this machine does in about 2 (draft), 6 (normal), 20 (high) or 60 (best) minutes."
)
FOUND, OWN, NUMBER = "found", "own", "number"
LEAST, STEP, PAGE = 64, 1, 64
"""Of the number: less is no picture."""


class SizeChoice(Row):
    """What the option means in words: 0 is the engine's choice, and as much as it allows is the layer's own."""

    def __init__(self, config: Gimp.ProcedureConfig, content: Gimp.Layer) -> None:
        option = procedures.option_row("size")
        most, own_side = int(option["high"]), max(content.get_width(), content.get_height())
        kinds, number = kinds_list(own_side), number_entry(most, own_side)
        label = label_of(_(option["label"]), kinds)
        super().__init__(label, _(HELP), [label, kinds, number], wide=kinds)
        self._config, self._own_side, self._most, self._kinds, self._number = config, own_side, most, kinds, number
        follow(config, ["size"], self, self._follow_config)
        kinds.connect("changed", self._follow_user)
        number.connect("value-changed", self._follow_user)

    def show_found(self, side: int) -> None:
        """Say which size the engine would work at, where that is left to it."""
        if self._kinds.get_active_id() == FOUND:
            self._kinds.get_model()[0][0] = _("Automatic ({side} px)").format(side=side)
            self._number.set_value(side)

    def _value(self) -> int:
        """What the option is set to by what is chosen here."""
        kind = self._kinds.get_active_id()
        return 0 if kind == FOUND else self._most if kind == OWN else self._number.get_value_as_int()

    def _follow_config(self, *_event: object) -> None:
        size = procedures.values(self._config)["size"]
        if size != self._value() or self._kinds.get_active_id() is None:
            if 0 < size < self._own_side:
                self._number.set_value(size)
            self._kinds.set_active_id(FOUND if size == 0 else OWN if size >= self._own_side else NUMBER)
        self._number.set_visible(self._kinds.get_active_id() == NUMBER)

    def _follow_user(self, _widget: Gtk.Widget) -> None:
        """Only the engine's choice is told in brackets, and only while it is asked for."""
        self._number.set_visible(self._kinds.get_active_id() == NUMBER)
        if self._kinds.get_active_id() != FOUND:
            self._kinds.get_model()[0][0] = _("Automatic")
        if procedures.values(self._config)["size"] != self._value():  # to set it would be a change all the same
            self._config.set_property("size", self._value())


def kinds_list(own_side: int) -> Gtk.ComboBoxText:
    kinds = Gtk.ComboBoxText()
    kinds.append(FOUND, _("Automatic"))
    kinds.append(OWN, _("Layer's own ({side} px)").format(side=own_side))
    kinds.append(NUMBER, _("Number of pixels"))
    return kinds


def number_entry(most: int, value: int) -> Gtk.SpinButton:
    """Shown only where a number is chosen."""
    entry = Gtk.SpinButton.new_with_range(LEAST, most, STEP)
    entry.set_increments(STEP, PAGE)
    entry.set_value(value)
    entry.get_accessible().set_name(_("Number of pixels"))
    entry.set_no_show_all(True)
    return entry
