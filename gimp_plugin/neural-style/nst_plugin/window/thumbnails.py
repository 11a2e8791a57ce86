"""Small pictures of layers and files."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gimp, Gio, GLib, Gtk, Pango  # noqa: E402  (the versions come first)

from nst_plugin.image import layers  # noqa: E402

SIZE, LARGE = 96, 160
PIXELS = 2 * LARGE
"""Enough for screens that show two pixels for one."""

SPACING = 6
CAPTION_CHARS = 24


class Thumbnail(Gtk.Box):
    """A picture of bounded size with a caption below."""

    def __init__(self, name: str, tooltip: str, size: int = SIZE) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, tooltip_text=tooltip)
        self.image = Gtk.Image(pixel_size=size)
        self.image.get_accessible().set_name(name)
        self.image.set_size_request(size, -1)
        self.caption = Gtk.Label(ellipsize=Pango.EllipsizeMode.MIDDLE, max_width_chars=CAPTION_CHARS)
        self.pack_start(self.image, False, False, 0)
        self.pack_start(self.caption, False, False, 0)

    def show_picture(self, pixbuf: GdkPixbuf.Pixbuf | None, caption: str) -> None:
        """GTK scales an icon to the screen's pixels, which it does not do to a picture as such."""
        if pixbuf is None:
            self.image.set_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        else:
            self.image.set_from_gicon(pixbuf, Gtk.IconSize.DIALOG)
        self.caption.set_text(caption)


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
