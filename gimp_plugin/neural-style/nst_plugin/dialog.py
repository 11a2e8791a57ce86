"""The dialog: style first, the basic options in view, the advanced ones folded away."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402  (the versions come first)

from nst_plugin import registration, settings  # noqa: E402
from nst_plugin.errors import BadRequest  # noqa: E402

SPACING = 6


def show(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, content: Gimp.Layer, check: Callable[[], None]
) -> bool:
    """Ask until the answer passes ``check`` or the user cancels; returns whether to go on."""
    GimpUi.init(registration.PROCEDURE)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Neural Style")
    fill(dialog)
    style = add_style_chooser(dialog, config, content)
    try:
        while dialog.run():
            config.set_property("style", chosen_layer(style))
            try:
                check()
                return True
            except BadRequest as problem:
                explain(dialog, str(problem))
        return False
    finally:
        dialog.destroy()


def fill(dialog: GimpUi.ProcedureDialog) -> None:
    """Show the style file and all options, as the option table groups them."""
    groups: dict[str, list[str]] = {"basic": [], "advanced": []}
    for row in settings.option_rows():
        name = registration.argument_name(row)
        groups[row["group"]].append(name)
        if row["kind"] == "float":
            dialog.get_scale_entry(name, 1.0)
    dialog.get_label("advanced-title", "Advanced", False, False)
    dialog.fill_box("advanced-box", groups["advanced"])
    dialog.fill_expander("advanced", "advanced-title", False, "advanced-box")
    dialog.fill(["style-file", *groups["basic"], "advanced"])


def add_style_chooser(
    dialog: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig, content: Gimp.Layer
) -> GimpUi.LayerComboBox:
    """Put a list of all other layers on top. A procedure dialog's own chooser does not tell what is chosen."""
    layers = GimpUi.LayerComboBox.new(lambda _image, layer, _data: layer != content, None)
    preselected = config.get_property("style") or neighbor(content)
    if preselected:
        layers.set_active(preselected.get_id())
    label = Gtk.Label.new_with_mnemonic("St_yle layer")
    label.set_xalign(0.0)
    label.set_mnemonic_widget(layers)
    column = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
    column.add_widget(label)
    column.add_widget(dialog.get_widget("quality", GObject.TYPE_NONE).get_label())
    row = Gtk.Box(spacing=SPACING)
    row.pack_start(label, False, False, 0)
    row.pack_start(layers, True, True, 0)
    row.set_tooltip_text("The layer to take the style from.")
    row.show_all()
    area = dialog.get_content_area()
    area.pack_start(row, False, False, 0)
    area.reorder_child(row, 0)
    follow_file(config, row)
    return layers


def neighbor(content: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that most likely holds the style: the next one below, or else above."""
    siblings = content.get_image().get_layers()
    below = siblings[siblings.index(content) + 1 :] if content in siblings else siblings
    others = below or [layer for layer in siblings if layer != content]
    return others[0] if others else None


def follow_file(config: Gimp.ProcedureConfig, row: Gtk.Box) -> None:
    """A style file is used in place of the layer, so the layer is gray while there is one."""

    def update(*_: object) -> None:
        row.set_sensitive(config.get_property("style-file") is None)

    config.connect("notify::style-file", update)
    update()


def chosen_layer(layers: GimpUi.LayerComboBox) -> Gimp.Layer | None:
    found, identifier = layers.get_active()
    return Gimp.Layer.get_by_id(identifier) if found else None


def explain(dialog: GimpUi.ProcedureDialog, problem: str) -> None:
    """Say what is missing, in front of the dialog that it is missing from."""
    message = Gtk.MessageDialog(transient_for=dialog, modal=True, buttons=Gtk.ButtonsType.OK, text=problem)
    message.run()
    message.destroy()
