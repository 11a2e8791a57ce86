"""What the engine says of the painting while it is being chosen: how large, how long, and how it would look."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GLib, Gtk  # noqa: E402  (the version comes first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.image import jobs  # noqa: E402
from nst_plugin.image.sketches import Model  # noqa: E402
from nst_plugin.shared.durations import duration  # noqa: E402
from nst_plugin.shared.engine_client import Engine  # noqa: E402
from nst_plugin.shared.errors import EngineError, explained  # noqa: E402
from nst_plugin.shared.messages import Planned, Refusal, Request, Sketched  # noqa: E402
from nst_plugin.shared.translation import N_, _  # noqa: E402
from nst_plugin.window.network_choice import NetworkChoice  # noqa: E402
from nst_plugin.window.pictures import Pictures  # noqa: E402
from nst_plugin.window.size_choice import SizeChoice  # noqa: E402

LOOK_MS = 50
REST_SECONDS = 0.4
"""How long the options have to stay as they are before a sketch of them is worth the work."""

WIDTH_CHARS = 48
UNSEEN = N_("No preview from another computer: before OK it gets no picture.")


class Views(NamedTuple):
    """Where the dialog shows what the engine says."""

    pictures: Pictures
    size: SizeChoice
    network: NetworkChoice
    line: Gtk.Label


class Outlook:
    """Asks anew whenever an option changes, one question at a time: first for the size, on which the sketch depends,
    then for that. It never waits for the engine, and what nobody wants to know any more it stops."""

    def __init__(
        self, engine: Engine, config: Gimp.ProcedureConfig, content: Gimp.Layer, part: Gimp.Layer | None, views: Views
    ) -> None:
        """``part`` is as for :func:`nst_plugin.image.jobs.read`."""
        self._engine, self._config, self._content, self._part, self._views = engine, config, content, part, views
        self._model = Model(config, content, part)
        self._is_greeted = False
        self._is_plan_due, self._is_sketch_due, self._due_at = True, False, 0.0
        self._asked: type[Any] | None = None
        self._long_side = 0
        self._request: Request | None = None
        self._change = config.connect("notify", self._ask_again)
        self._clock = GLib.timeout_add(LOOK_MS, self._look)

    def end(self) -> None:
        """Leave config and engine to others. The answer to a question still open means nothing to them."""
        self._config.disconnect(self._change)
        if self._clock:
            GLib.source_remove(self._clock)
        self._engine.stop()

    def _ask_again(self, _config: Gimp.ProcedureConfig, change: Any) -> None:
        self._is_plan_due, self._is_sketch_due = True, False
        self._due_at = time.monotonic() + REST_SECONDS
        self._views.pictures.sketch.show_outdated()
        self._engine.stop()
        if change.name == "engine":
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Another engine has taken the place of the one that was asked."""
        self._views.line.set_text(_("Starting the engine…"))
        self._views.network.offer([])
        self._is_greeted, self._asked = False, None
        self._clock = self._clock or GLib.timeout_add(LOOK_MS, self._look)

    def _look(self) -> bool:
        try:
            self._hear()
            if self._engine.is_ready and self._asked is None:
                self._ask()
        except EngineError as problem:
            self._refuse(str(problem))
            self._clock = 0
            return False
        return True

    def _ask(self) -> None:
        if not self._is_greeted:
            self._is_greeted = True
            self._views.network.offer(self._engine.networks)
        if self._is_plan_due:
            self._is_plan_due = self._is_sketch_due = False
            self._ask_for_plan()
        elif self._is_sketch_due and time.monotonic() >= self._due_at:
            self._is_sketch_due = False
            self._ask_for_sketch()

    def _ask_for_plan(self) -> None:
        try:
            area = jobs.painted_area(self._content, self._part)
        except Exception as error:  # whatever it is, OK will meet it too, and say it aloud
            self._refuse(str(explained(error)))
            return
        self._engine.plan(procedures.chosen_options(self._config), area.width, area.height)
        self._asked = Planned

    def _ask_for_sketch(self) -> None:
        try:
            self._request = self._model.request(self._long_side, self._engine.dtype)
        except Exception as error:  # as above
            self._views.pictures.sketch.show_sentence(str(explained(error)))
            return
        self._engine.sketch(self._request)
        self._asked = Sketched

    def _hear(self) -> None:
        answer = self._engine.poll()
        if answer is None:
            return
        self._asked = None
        if isinstance(answer, Planned):
            self._show_plan(answer)
        elif isinstance(answer, Refusal) and answer.asked is Planned:
            self._refuse(answer.sentence)
        elif self._is_plan_due:  # the sketch was given up
            return
        elif isinstance(answer, Sketched) and self._request:
            self._views.pictures.show_sketch(answer, self._request.content)
        elif isinstance(answer, Refusal):
            self._views.pictures.sketch.show_sentence(answer.sentence)

    def _show_plan(self, plan: Planned) -> None:
        self._long_side, self._is_sketch_due = max(plan.width, plan.height), self._engine.makes_sketches
        if not self._is_sketch_due:
            self._views.pictures.sketch.show_sentence(_(UNSEEN) if self._engine.is_elsewhere else _("No preview"))
        self._views.size.show_found(self._long_side)
        words = _("Works at {width} × {height} px, about {time}")
        self._views.line.set_text(words.format(width=plan.width, height=plan.height, time=duration(plan.seconds)))

    def _refuse(self, sentence: str) -> None:
        """There will be no painting, and so no sketch of it."""
        self._views.line.set_text(sentence)
        self._views.pictures.sketch.show_sentence(_("No preview"))


def line() -> Gtk.Label:
    """The line that says how large and how long the engine would paint."""
    return Gtk.Label(label=_("Starting the engine…"), xalign=0.0, wrap=True, max_width_chars=WIDTH_CHARS, visible=True)
