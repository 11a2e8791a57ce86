"""Where several engines are known, the row of the dialog to choose one of them, and the way out when it is away."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GLib, Gtk  # noqa: E402  (the version comes first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.shared import engines  # noqa: E402
from nst_plugin.shared.engine_client import Engine  # noqa: E402
from nst_plugin.shared.errors import PluginError  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402
from nst_plugin.window.rows import Row, label_of  # noqa: E402

LOOK_MS = 200
Explain = Callable[[str], None]


def rows(config: Gimp.ProcedureConfig, engine: Engine, explain: Explain) -> list[Row]:
    """The row, if there is anything to choose."""
    names = [known.name for known in engines.known()]
    return [EngineChoice(config, engine, names, explain)] if len(names) > 1 else []


class EngineChoice(Row):
    """A list of the engines. What is chosen there, or set by a button or script, takes the place of ``engine``."""

    def __init__(self, config: Gimp.ProcedureConfig, engine: Engine, names: list[str], explain: Explain) -> None:
        self._config, self._engine, self._names, self._explain = config, engine, names, explain
        self._list = Gtk.ComboBoxText()
        for name in names:
            self._list.append(name, _(name))
        self._fallback = Gtk.Button(no_show_all=True, tooltip_text=_(procedures.ENGINE_HELP))
        label = label_of(_(procedures.ENGINE_LABEL), self._list)
        super().__init__(label, _(procedures.ENGINE_HELP), [label, self._list, self._fallback], wide=self._list)
        self._in_use = self._chosen()
        follow(config, ["engine"], self, self._follow_config)
        self._list.connect("changed", lambda names: config.set_property("engine", names.get_active_id()))
        self._fallback.connect("clicked", lambda _button: config.set_property("engine", self._other()))
        clock = GLib.timeout_add(LOOK_MS, self._look)
        Gtk.Widget.connect(self, "destroy", lambda _row: GLib.source_remove(clock))

    def _chosen(self) -> str:
        name = procedures.engine(self._config)
        return name if name in self._names else self._names[0]

    def _other(self) -> str:
        """The engine to fall back to: the first of those on this computer, or at all."""
        here = [str(known.name) for known in engines.known() if not known.host]
        return next(name for name in (*here, *self._names) if name != self._in_use)

    def _follow_config(self, *_event: object) -> None:
        name = self._chosen()
        self._list.set_active_id(name)
        if name != self._in_use:
            before, self._in_use = self._in_use, name
            try:
                engines.change(self._engine, name)
            except PluginError as problem:
                self._in_use = before
                self._config.set_property("engine", before)
                self._explain(str(problem))

    def _look(self) -> bool:
        """Offer another engine as soon as this one has failed."""
        if self._engine.has_failed:
            self._fallback.set_label(_("Use {engine}").format(engine=_(self._other())))
        self._fallback.set_visible(self._engine.has_failed)
        return True
