"""The paintings as small pictures to choose from, and the way to keep one's own."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, Gio, GLib, GObject, Gtk  # noqa: E402  (the versions come first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.image import keeping, styles  # noqa: E402
from nst_plugin.shared import paintings  # noqa: E402
from nst_plugin.shared.errors import BadRequest  # noqa: E402
from nst_plugin.shared.paintings import Painting  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window import thumbnails  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402

TILE = 56
"""Side of a small picture, in pixels."""

IN_A_LINE = 6
LINE = TILE + 20
"""Height of a line of them. Two are seen, or one where the screen is low; the rest by scrolling."""

SPACING = 6
Explain = Callable[[str], None]


class Tile(Gtk.ToggleButton):
    """One painting, drawn when there is time, and pressed while it is the style."""

    def __init__(self, config: Gimp.ProcedureConfig, painting: Painting) -> None:
        super().__init__(tooltip_text=painting.title, relief=Gtk.ReliefStyle.NONE)
        self.get_accessible().set_name(painting.title)
        self._config, self._painting = config, painting
        self._picture = Gtk.Image(pixel_size=TILE)
        self._picture.set_size_request(TILE, TILE)
        self.add(self._picture)
        follow(config, ["painting"], self, self._follow_config)
        GObject.Object.connect(self, "toggled", self._follow_user)
        drawing = GLib.idle_add(self._draw)
        GObject.Object.connect(self, "destroy", lambda _tile: self._drawn or GLib.source_remove(drawing))
        self._drawn = False

    def _draw(self) -> bool:
        self._drawn = True
        picture = thumbnails.of_file(Gio.File.new_for_path(self._painting.path), 2 * TILE)
        if picture is not None:
            self._picture.set_from_gicon(picture, Gtk.IconSize.DIALOG)
        return False

    def _follow_config(self, *_event: object) -> None:
        self.set_active(self._config.get_property("painting") == self._painting.name)

    def _follow_user(self, _tile: Gtk.ToggleButton) -> None:
        chosen = self._config.get_property("painting")
        if self.get_active():
            choose(self._config, self._painting.name)
        elif chosen == self._painting.name:
            choose(self._config, "")


def choose(config: Gimp.ProcedureConfig, name: str) -> None:
    """A painting takes the place of a file, and none that of a painting."""
    if config.get_property("painting") != name:
        with config.freeze_notify():
            config.set_property("painting", name)
            if name:
                config.set_property("style-file", None)


def row(config: Gimp.ProcedureConfig, content: Gimp.Layer, explain: Explain) -> Gtk.Box:
    """The paintings, and below them the buttons that bring back the last style and keep the present one."""
    tiles = Gtk.FlowBox(
        selection_mode=Gtk.SelectionMode.NONE, min_children_per_line=IN_A_LINE, max_children_per_line=2 * IN_A_LINE
    )
    tiles.get_accessible().set_name(_("Paintings"))
    for painting in paintings.listed():
        add_tile(tiles, Tile(config, painting))
    scrolled = Gtk.ScrolledWindow(
        hscrollbar_policy=Gtk.PolicyType.NEVER,
        min_content_height=LINE,
        max_content_height=2 * LINE,
        propagate_natural_height=True,
    )
    scrolled.add(tiles)
    tiles.set_focus_vadjustment(scrolled.get_vadjustment())  # the keyboard scrolls

    def keep(_button: Gtk.Button) -> None:
        try:
            name = keeping.keep(styles.source(config, content))
        except BadRequest as problem:
            explain(str(problem))
            return
        kept = paintings.find(name)
        if kept is not None:
            tile = Tile(config, kept)
            add_tile(tiles, tile)
            choose(config, name)
            GLib.idle_add(tile.grab_focus)  # once it has its place

    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, tooltip_text=_(procedures.PAINTING_HELP))
    box.pack_start(scrolled, True, True, 0)
    buttons = Gtk.Box(spacing=SPACING)
    buttons.pack_start(last_used(config), False, False, 0)
    buttons.pack_start(keep_button(config, content, keep), False, False, 0)
    box.pack_start(buttons, False, False, 0)
    return box


def add_tile(tiles: Gtk.FlowBox, tile: Tile) -> None:
    """Put a tile last, where the keyboard comes to the button itself and not to what the flow box puts around it."""
    tiles.add(tile)
    tile.get_parent().set_can_focus(False)
    tile.get_parent().show_all()


def last_used(config: Gimp.ProcedureConfig) -> Gtk.Button:
    """A button that brings back the style that the dialog opened with."""
    style = {name: config.get_property(name) for name in procedures.STYLE_ARGUMENTS}
    button = Gtk.Button(label=_("Last _used"), use_underline=True, tooltip_text=_("The style that was used before."))

    def bring_back(_button: Gtk.Button) -> None:
        with config.freeze_notify():
            for name, value in style.items():
                config.set_property(name, value)

    def follow_config(*_event: object) -> None:
        # GIMP remembers an empty text as none.
        button.set_sensitive(
            any((config.get_property(name) or None) != (value or None) for name, value in style.items())
        )

    button.connect("clicked", bring_back)
    follow(config, procedures.STYLE_ARGUMENTS, button, follow_config)
    return button


def keep_button(config: Gimp.ProcedureConfig, content: Gimp.Layer, keep: Callable[[Gtk.Button], None]) -> Gtk.Button:
    """A button that adds the style to the user's own paintings, where it is a layer or a file."""
    button = Gtk.Button(
        label=_("_Keep this style"), use_underline=True, tooltip_text=_("Add the style to your own paintings.")
    )

    def follow_config(*_event: object) -> None:
        try:
            styles.source(config, content)
            button.set_sensitive(styles.painting(config) is None)
        except BadRequest:
            button.set_sensitive(False)

    button.connect("clicked", keep)
    follow(config, procedures.STYLE_ARGUMENTS, button, follow_config)
    return button
