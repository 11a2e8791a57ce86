"""The dialog's rows for the options: GIMP makes most of them, and the others are put at their places."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402  (the versions come first)

from nst_plugin.shared import settings  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402
from nst_plugin.window.rows import Row, make_low  # noqa: E402


def filled(
    dialog: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig, own_rows: dict[str, Row], with_mask: bool
) -> Gtk.Box:
    """All options, as the option table groups them, and what the layer's mask means if it has one.

    Options that have a row of our own are shown by that.
    """
    groups: dict[str, list[str]] = {"basic": ["mask"] if with_mask else [], "advanced": []}
    for row in settings.option_rows():
        name = settings.argument_name(row["name"])
        groups[row["group"]].append(name)
        if row["kind"] == "float":
            name_slider(dialog.get_scale_entry(name, 1.0), _(row["label"]))
        elif row["kind"] == "choice":
            name_choice(dialog.get_widget(name, GObject.TYPE_NONE), config, row)
    dialog.get_label("advanced-title", _("Advanced"), False, False)
    for group, names in groups.items():
        fill_box(dialog, f"{group}-box", names, own_rows)
    expander = dialog.fill_expander("advanced", "advanced-title", False, "advanced-box")
    expander.set_tooltip_text(_("Options that are seldom needed."))
    expander.set_resize_toplevel(False)  # it would do so beyond the screen, and the dialog grows by itself
    expander.connect("notify::expanded", lambda *_event: make_low_when_folded(dialog, expander))
    return dialog.fill_box("options", ["basic-box", "advanced"])


def make_low_when_folded(dialog: GimpUi.ProcedureDialog, expander: Gtk.Expander) -> None:
    if not expander.get_expanded():
        make_low(dialog)


def fill_box(dialog: GimpUi.ProcedureDialog, box_name: str, names: list[str], own_rows: dict[str, Row]) -> None:
    """Put GIMP's rows into a box, and our own at their places among them."""
    box = dialog.fill_box(box_name, [name for name in names if name not in own_rows])
    for place, name in enumerate(names):
        if name in own_rows:
            box.pack_start(own_rows[name], False, False, 0)
            box.reorder_child(own_rows[name], place)
            own_rows[name].show_all()


def name_slider(entry: GimpUi.ScaleEntry, label: str) -> None:
    """GIMP names the number beside a slider alone."""
    entry.get_range().get_accessible().set_name(label.replace("_", ""))


def name_choice(row_of_list: Gtk.Container, config: Gimp.ProcedureConfig, row: dict[str, Any]) -> None:
    """A list tells a screen reader what is chosen by the word that scripts use; let it be the one that is seen."""
    labels = {entry["value"]: _(entry["label"]) for entry in row["choices"]}
    option = settings.argument_name(row["name"])
    lists = [found for found in row_of_list.get_children() if isinstance(found, Gtk.ComboBox)]

    def tell(*_event: object) -> None:
        for found in lists:
            found.get_accessible().set_name(labels[config.get_property(option)])

    follow(config, [option], row_of_list, tell)


def align(dialog: GimpUi.ProcedureDialog, rows: list[Row]) -> None:
    """Let all labels be as wide as each other, GIMP's and those of our own rows."""
    column = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
    gimps = (dialog.get_widget(name, GObject.TYPE_NONE).get_label() for name in ("quality", "recipe"))
    for label in (*gimps, *(row.label for row in rows)):
        column.add_widget(label)
