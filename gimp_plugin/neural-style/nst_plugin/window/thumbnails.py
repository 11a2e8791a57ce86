"""The small pictures of content and style on top of the dialog."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gimp, Gio, GLib, Gtk, Pango  # noqa: E402  (the versions come first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.image import layers, styles  # noqa: E402
from nst_plugin.shared.errors import BadRequest  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402

SIZE = 96
PIXELS = 2 * SIZE
"""Enough for screens that show two pixels for one."""

SPACING = 6
CAPTION_CHARS = 24


class Thumbnail(Gtk.Box):
    """A picture of bounded size with a caption below."""

    def __init__(self, tooltip: str) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, tooltip_text=tooltip)
        self._image = Gtk.Image(pixel_size=SIZE)
        self._caption = Gtk.Label(ellipsize=Pango.EllipsizeMode.MIDDLE, max_width_chars=CAPTION_CHARS)
        self._image.set_size_request(SIZE, SIZE)
        self.pack_start(self._image, False, False, 0)
        self.pack_start(self._caption, False, False, 0)

    def show_picture(self, pixbuf: GdkPixbuf.Pixbuf | None, caption: str) -> None:
        """GTK scales an icon to the screen's pixels, which it does not do to a picture as such."""
        if pixbuf is None:
            self._image.set_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        else:
            self._image.set_from_gicon(pixbuf, Gtk.IconSize.DIALOG)
        self._caption.set_text(caption)


def row(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> Gtk.Box:
    """The content, and the style as it is chosen at the moment."""
    painted = Thumbnail(_("The layer to be painted."))
    painted.show_picture(of_layer(content), content.get_name())
    style = Thumbnail(_("Where the style comes from."))

    def follow_config(*_event: object) -> None:
        try:
            source = styles.source(config, content)
        except BadRequest:
            style.show_picture(None, _("No style yet"))
            return
        pixbuf = of_layer(source) if isinstance(source, Gimp.Layer) else of_file(source)
        style.show_picture(pixbuf, styles.title(source))

    follow(config, procedures.STYLE_ARGUMENTS, style, follow_config)
    box = Gtk.Box(spacing=SPACING, homogeneous=True)
    for thumbnail in (painted, style):
        box.pack_start(thumbnail, True, True, 0)
    return box


def of_layer(layer: Gimp.Layer) -> GdkPixbuf.Pixbuf | None:
    return layer.get_thumbnail(PIXELS, PIXELS, Gimp.PixbufTransparency.SMALL_CHECKS)


def of_file(file: Gio.File, side: int = PIXELS) -> GdkPixbuf.Pixbuf | None:
    """The quick way for common formats, GIMP's own way for the others; None when it is no picture."""
    try:
        pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_size(file.get_path(), side, side)
        return pixbuf.apply_embedded_orientation()
    except (GLib.Error, TypeError):  # TypeError: a file that has no path
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    if image is None:
        return None
    try:
        image.policy_rotate(False)
        layers.keep_first(image, file.get_basename())
        return image.get_thumbnail(side, side, Gimp.PixbufTransparency.SMALL_CHECKS)
    finally:
        image.delete()
