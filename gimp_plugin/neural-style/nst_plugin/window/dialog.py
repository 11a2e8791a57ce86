"""The dialog: the pictures and the style first, the basic options in view, the others folded away."""

from __future__ import annotations

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, Gtk  # noqa: E402  (the versions come first)

from nst_plugin.image import jobs  # noqa: E402
from nst_plugin.shared.engine_client import Engine  # noqa: E402
from nst_plugin.shared.errors import BadRequest  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window import engine_choice, option_rows, outlook, painting_choice, style_choice  # noqa: E402
from nst_plugin.window.network_choice import NetworkChoice  # noqa: E402
from nst_plugin.window.outlook import Outlook, Views  # noqa: E402
from nst_plugin.window.pictures import Pictures  # noqa: E402
from nst_plugin.window.rows import SPACING, make_low  # noqa: E402
from nst_plugin.window.size_choice import SizeChoice  # noqa: E402

OTHER_HEIGHT = 180
"""Of the screen, in pixels: for the dialog's title and its two rows of buttons."""


class FittingScreen(Gtk.ScrolledWindow):
    """As high as what is in it, or as there is room on the monitor that it is on; then it scrolls."""

    def __init__(self, content: Gtk.Container) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER)
        self.add(content)
        content.set_focus_vadjustment(self.get_vadjustment())  # the keyboard scrolls
        self._room = 0
        self._place: tuple[int, int] | None = None

    def follow(self, dialog: Gtk.Dialog) -> None:
        """See to it that the dialog fits the next monitor, too, when it is moved there."""
        dialog.connect("configure-event", lambda _dialog, event: self._fit(dialog, (event.x, event.y)))

    def do_get_request_mode(self) -> Gtk.SizeRequestMode:
        return Gtk.SizeRequestMode.CONSTANT_SIZE

    def do_get_preferred_height(self) -> tuple[int, int]:
        self._room = self._room or room_on(monitor_of(self))
        least, natural = self.get_child().get_preferred_height()
        return min(least, self._room), min(natural, self._room)

    def _fit(self, dialog: Gtk.Dialog, place: tuple[int, int]) -> None:
        """A height that puts it mostly on the next monitor must not change by that: it grows only where it is moved."""
        room = room_on(monitor_of(self))
        if room < self._room or (room > self._room and place != self._place):
            self._room, self._place = room, place
            self.queue_resize()
            make_low(dialog)


def room_on(monitor: Gdk.Monitor) -> int:
    return monitor.get_workarea().height - OTHER_HEIGHT


def monitor_of(widget: Gtk.Widget) -> Gdk.Monitor:
    """The monitor that a widget is on; before it is on any that with the pointer, by which it is called for."""
    window, display = widget.get_toplevel(), widget.get_display()
    if window.get_mapped():
        return display.get_monitor_at_window(window.get_window())
    _screen, x, y = display.get_default_seat().get_pointer().get_position()
    return display.get_monitor_at_point(x, y)


def show(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    content: Gimp.Layer,
    part: Gimp.Layer | None,
    engine: Engine,
) -> bool:
    """Ask until there is a job that can be done or the user cancels; returns whether to go on.

    ``part`` is as for :func:`nst_plugin.image.jobs.read`.
    """
    dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style"))
    views = Views(Pictures(config, content), SizeChoice(config, content), NetworkChoice(config), outlook.line())
    style_rows = style_choice.rows(config, content)
    engine_rows = engine_choice.rows(config, engine, lambda problem: explain(dialog, problem))
    painting_row = painting_choice.row(config, content, lambda problem: explain(dialog, problem))
    own_rows = {"size": views.size, "network": views.network}
    options = option_rows.filled(dialog, config, own_rows, with_mask=content.get_mask() is not None)
    option_rows.align(dialog, [*style_rows, *engine_rows, *own_rows.values()])
    rows = [*style_rows, painting_row, *notices(content), options, *engine_rows, views.line]
    lay_out(dialog, views.pictures, rows)
    prospect = Outlook(engine, config, content, part, views)
    try:
        while dialog.run():
            try:
                jobs.check(config, content, part)
                return True
            except BadRequest as problem:
                explain(dialog, str(problem))
        return False
    finally:
        prospect.end()
        dialog.destroy()


def notices(content: Gimp.Layer) -> list[Gtk.Widget]:
    if content.get_image().get_base_type() != Gimp.ImageBaseType.GRAY:
        return []
    return [
        GimpUi.HintBox.new(_("The result is gray because the image is. For colors choose Image > Mode > RGB first."))
    ]


def lay_out(dialog: GimpUi.ProcedureDialog, pictures: Pictures, rows: list[Gtk.Widget]) -> None:
    """The pictures in a column of their own, or the dialog would be too high for a small screen."""
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING)
    for row in rows:
        column.pack_start(row, False, False, 0)
    both = Gtk.Box(spacing=2 * SPACING)
    both.pack_start(pictures, False, False, 0)
    both.pack_start(column, True, True, 0)
    fitting = FittingScreen(both)
    fitting.show_all()
    fitting.follow(dialog)
    dialog.get_content_area().pack_start(fitting, True, True, 0)


def explain(dialog: GimpUi.ProcedureDialog, problem: str) -> None:
    """Say what is missing, in front of the dialog that it is missing from."""
    message = Gtk.MessageDialog(transient_for=dialog, modal=True, buttons=Gtk.ButtonsType.OK, text=problem)
    message.run()
    message.destroy()
