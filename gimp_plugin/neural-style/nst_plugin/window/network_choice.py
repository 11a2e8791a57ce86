"""The row of the dialog for the network: a list of those that the engine has."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, Gtk  # noqa: E402  (the version comes first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402
from nst_plugin.window.rows import Row, label_of  # noqa: E402


class NetworkChoice(Row):
    """At first the one that is chosen; the others when the engine has told of them."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        option, names = procedures.option_row("network"), Gtk.ComboBoxText()
        label = label_of(_(option["label"]), names)
        super().__init__(label, _(option["help"]), [label, names], wide=names)
        self._config, self._names = config, names
        follow(config, ["network"], self, self._follow_config)
        names.connect("changed", self._follow_user)

    def offer(self, networks: list[str]) -> None:
        """Show those of this engine and none of another's, except the one that is chosen."""
        self._names.remove_all()
        for name in networks:
            self._add(name)
        self._follow_config()

    def _add(self, name: str) -> None:
        if name not in [row[1] for row in self._names.get_model()]:
            self._names.append(name, name)

    def _follow_config(self, *_event: object) -> None:
        """What is chosen stands in the list whether the engine has it or not: a script's file, say."""
        chosen = procedures.values(self._config)["network"]
        self._add(chosen)
        self._names.set_active_id(chosen)

    def _follow_user(self, names: Gtk.ComboBoxText) -> None:
        """An empty list has none that is chosen."""
        chosen = names.get_active_id()
        if chosen not in (None, procedures.values(self._config)["network"]):
            self._config.set_property("network", chosen)
