"""The two rows of the dialog that say where the style comes from: a layer, or a file in its place."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402  (the versions come first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.image import styles  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402
from nst_plugin.window.rows import Row, label_of  # noqa: E402


def rows(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> list[Row]:
    """Choosers of layer and file, which follow the config and change it."""
    return [layer_row(config, content), file_row(config)]


def layer_row(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> Row:
    """A list of all layers except the content. A procedure dialog's own chooser does not tell what is chosen."""
    layers = GimpUi.LayerComboBox.new(lambda _image, layer, _data: layer != content, None)

    def follow_config(*_event: object) -> None:
        """What GIMP sets is a name, of saved settings, or nothing at all."""
        layer, name = config.get_property("style"), config.get_property("style-name")
        if layer is None or layer == content or layer.get_name() != name:
            layer = preselected(config, content)
            choose(config, layer)
        if layer is not None:
            layers.set_active(layer.get_id())
        layers.set_sensitive(config.get_property("style-file") is None and styles.painting(config) is None)

    def follow_user(*_event: object) -> None:
        found, identifier = layers.get_active()
        choose(config, Gimp.Layer.get_by_id(identifier) if found else None)

    follow(config, procedures.STYLE_ARGUMENTS, layers, follow_config)
    GObject.Object.connect(layers, "changed", follow_user)  # its own connect is another function
    label = label_of(_(procedures.STYLE_LABEL), layers)
    return Row(label, _(procedures.STYLE_HELP), [label, layers], wide=layers)


def file_row(config: Gimp.ProcedureConfig) -> Row:
    """A button to choose a file, and one to be without it again."""
    file = config.get_property("style-file")
    label = _(procedures.FILE_LABEL)
    chooser = GimpUi.FileChooser.new(Gimp.FileChooserAction.OPEN, label, _("Choose a Style"), file)
    chooser.bind_property("file", config, "style-file", GObject.BindingFlags.BIDIRECTIONAL)
    clear = Gtk.Button.new_from_icon_name("edit-clear-symbolic", Gtk.IconSize.BUTTON)
    clear.set_tooltip_text(_("Use the layer in place of the file or painting."))
    clear.get_accessible().set_name(_("No file or painting"))

    def use_layer(_button: Gtk.Button) -> None:
        config.set_property("style-file", None)
        config.set_property("painting", "")

    def follow_config(*_event: object) -> None:
        has_file = config.get_property("style-file") is not None
        if has_file and config.get_property("painting"):
            config.set_property("painting", "")
        clear.set_sensitive(has_file or styles.painting(config) is not None)
        if not has_file:
            forget_file(chooser)

    clear.connect("clicked", use_layer)
    follow(config, ("style-file", "painting"), clear, follow_config)
    return Row(chooser.get_label_widget(), _(procedures.FILE_HELP), [chooser, clear], wide=chooser)


def forget_file(chooser: GimpUi.FileChooser) -> None:
    """Let the button say that there is no file: told of none, GIMP's chooser leaves the last one's name there."""
    for button in chooser.get_children():
        if isinstance(button, Gtk.FileChooser):
            button.unselect_all()


def choose(config: Gimp.ProcedureConfig, layer: Gimp.Layer | None) -> None:
    """Layer and name go together: GIMP keeps texts with the last values and in saved settings, but no layers."""
    name = layer.get_name() if layer else ""
    if (config.get_property("style"), config.get_property("style-name")) != (layer, name):
        with config.freeze_notify():
            config.set_property("style", layer)
            config.set_property("style-name", name)


def preselected(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that has the name, as far as this image has one, or else the one that was chosen, or a likely one."""
    name = config.get_property("style-name")
    named = content.get_image().get_layer_by_name(name) if name else None
    for layer in (named, config.get_property("style"), neighbor(content)):
        if layer not in (None, content):
            return layer
    return None


def neighbor(content: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that most likely holds the style: the next one below, or else the topmost."""
    siblings = content.get_image().get_layers()
    below = siblings[siblings.index(content) + 1 :] if content in siblings else []
    others = below + [layer for layer in siblings if layer != content]
    return others[0] if others else None
