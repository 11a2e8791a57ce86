"""The line of the dialog that says how large and how long the engine would paint, kept up to date."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GLib, Gtk  # noqa: E402  (the versions come first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.image import masks  # noqa: E402
from nst_plugin.shared.durations import duration  # noqa: E402
from nst_plugin.shared.engine_client import Engine  # noqa: E402
from nst_plugin.shared.errors import BadRequest, EngineError  # noqa: E402
from nst_plugin.shared.messages import Planned, Refusal  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402

LOOK_MS = 100
WIDTH_CHARS = 48


class PlanLine:
    """Asks the engine anew whenever the options have changed, one question at a time, and never waits for it."""

    def __init__(self, engine: Engine, config: Gimp.ProcedureConfig, content: Gimp.Layer) -> None:
        self.label = Gtk.Label(
            label=_("Starting the engine…"), xalign=0.0, wrap=True, max_width_chars=WIDTH_CHARS, visible=True
        )
        self._engine, self._config, self._content = engine, config, content
        self._is_due, self._is_asked = True, False
        self._change = config.connect("notify", self._ask_again)
        self._clock = GLib.timeout_add(LOOK_MS, self._look)

    def end(self) -> None:
        """Leave config and engine to others. The answer to a question still open means nothing to them."""
        self._config.disconnect(self._change)
        if self._clock:
            GLib.source_remove(self._clock)

    def _ask_again(self, _config: Gimp.ProcedureConfig, change: Any) -> None:
        self._is_due = True
        if change.name == "engine":
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Another engine has taken the place of the one that was asked."""
        self.label.set_text(_("Starting the engine…"))
        self._is_asked = False
        self._clock = self._clock or GLib.timeout_add(LOOK_MS, self._look)

    def _look(self) -> bool:
        try:
            self._hear()
            if self._engine.is_ready and self._is_due and not self._is_asked:
                self._ask()
        except EngineError as problem:
            self.label.set_text(str(problem))
            self._clock = 0
            return False
        return True

    def _ask(self) -> None:
        self._is_due = False
        try:
            area = masks.painted_area(self._content)
        except BadRequest as problem:
            self.label.set_text(str(problem))
            return
        self._engine.plan(procedures.chosen_options(self._config), area.width, area.height)
        self._is_asked = True

    def _hear(self) -> None:
        answer = self._engine.poll()
        if isinstance(answer, Planned):
            words = _("Works at {width} × {height} px, about {time}")
            text = words.format(width=answer.width, height=answer.height, time=duration(answer.seconds))
        elif isinstance(answer, Refusal):
            text = answer.sentence
        else:
            return
        self.label.set_text(text)
        self._is_asked = False
