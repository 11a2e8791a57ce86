"""Widgets that follow GIMP's config, which lives longer than the dialog that they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gi.repository import Gimp, GObject, Gtk


def follow(
    config: Gimp.ProcedureConfig, arguments: Iterable[str], widget: Gtk.Widget, react: Callable[..., None]
) -> None:
    """React now and whenever one of the arguments changes, for as long as the widget is there."""
    react()
    handlers = [config.connect(f"notify::{argument}", react) for argument in arguments]

    def leave(_widget: Gtk.Widget) -> None:
        for handler in handlers:
            config.disconnect(handler)

    GObject.Object.connect(widget, "destroy", leave)  # some of GIMP's widgets have a connect of another meaning
