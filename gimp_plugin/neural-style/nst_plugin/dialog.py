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
    styles = style_layers(config, content)
    add_style_rows(dialog, styles, style_file(config, styles))
    fill(dialog)
    try:
        while dialog.run():
            config.set_property("style", chosen_layer(styles))
            try:
                check()
                return True
            except BadRequest as problem:
                explain(dialog, str(problem))
        return False
    finally:
        dialog.destroy()


def fill(dialog: GimpUi.ProcedureDialog) -> None:
    """Show all options, as the option table groups them."""
    groups: dict[str, list[str]] = {"basic": [], "advanced": []}
    for row in settings.option_rows():
        name = registration.argument_name(row)
        groups[row["group"]].append(name)
        if row["kind"] == "float":
            dialog.get_scale_entry(name, 1.0)
    dialog.get_label("advanced-title", "Advanced", False, False)
    dialog.fill_box("advanced-box", groups["advanced"])
    dialog.fill_expander("advanced", "advanced-title", False, "advanced-box")
    dialog.fill([*groups["basic"], "advanced"])


def style_layers(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> GimpUi.LayerComboBox:
    """A list of all layers except the content. A procedure dialog's own chooser does not tell what is chosen."""
    layers = GimpUi.LayerComboBox.new(lambda _image, layer, _data: layer != content, None)
    preselected = config.get_property("style") or neighbor(content)
    if preselected:
        layers.set_active(preselected.get_id())
    return layers


def neighbor(content: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that most likely holds the style: the next one below, or else the topmost."""
    siblings = content.get_image().get_layers()
    below = siblings[siblings.index(content) + 1 :] if content in siblings else []
    others = below + [layer for layer in siblings if layer != content]
    return others[0] if others else None


def chosen_layer(layers: GimpUi.LayerComboBox) -> Gimp.Layer | None:
    found, identifier = layers.get_active()
    return Gimp.Layer.get_by_id(identifier) if found else None


def style_file(config: Gimp.ProcedureConfig, layers: GimpUi.LayerComboBox) -> GimpUi.FileChooser:
    """A button to choose a file, which is used in place of a layer: the list of layers is gray then."""

    def follow_file(*_: object) -> None:
        layers.set_sensitive(config.get_property("style-file") is None)

    chosen = config.get_property("style-file")
    chooser = GimpUi.FileChooser.new(Gimp.FileChooserAction.OPEN, registration.FILE_LABEL, "Choose a Style", chosen)
    chooser.bind_property("file", config, "style-file", GObject.BindingFlags.BIDIRECTIONAL)
    config.connect("notify::style-file", follow_file)
    follow_file()
    return chooser


def add_style_rows(dialog: GimpUi.ProcedureDialog, layers: GimpUi.LayerComboBox, file: GimpUi.FileChooser) -> None:
    """Put the two ways to give a style on top of the dialog, in line with the rows below."""
    label = Gtk.Label(label=registration.STYLE_LABEL, use_underline=True, xalign=0.0, mnemonic_widget=layers)
    layer_row = Gtk.Box(spacing=SPACING, tooltip_text=registration.STYLE_HELP)
    layer_row.pack_start(label, False, False, 0)
    layer_row.pack_start(layers, True, True, 0)
    file.set_tooltip_text(registration.FILE_HELP)
    column = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
    for name in (label, file.get_label_widget(), dialog.get_widget("quality", GObject.TYPE_NONE).get_label()):
        column.add_widget(name)
    area = dialog.get_content_area()
    for position, row in enumerate((layer_row, file)):
        row.show_all()
        area.pack_start(row, False, False, 0)
        area.reorder_child(row, position)


def explain(dialog: GimpUi.ProcedureDialog, problem: str) -> None:
    """Say what is missing, in front of the dialog that it is missing from."""
    message = Gtk.MessageDialog(transient_for=dialog, modal=True, buttons=Gtk.ButtonsType.OK, text=problem)
    message.run()
    message.destroy()
