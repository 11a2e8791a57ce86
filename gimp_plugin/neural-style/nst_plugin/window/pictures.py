"""The pictures beside the options: the content, a sketch of what becomes of it, and the style."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gimp, GLib, Gtk  # noqa: E402  (the version comes first)

from nst_plugin import procedures  # noqa: E402
from nst_plugin.image import sketches, styles  # noqa: E402
from nst_plugin.shared.errors import BadRequest  # noqa: E402
from nst_plugin.shared.messages import Picture, Sketched  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window import thumbnails  # noqa: E402
from nst_plugin.window.bindings import follow  # noqa: E402
from nst_plugin.window.thumbnails import LARGE, Thumbnail  # noqa: E402

SPACING = 6
CHECK, DARK, LIGHT = 8, 0x666666, 0x999999
"""Side and colors of the squares behind what is transparent."""

OUTDATED = 0.4
"""Opacity of a sketch of what was chosen before."""


class Pictures(Gtk.Box):
    """The sketch is shown above the content, as the new layer will be, and next to it."""

    def __init__(self, config: Gimp.ProcedureConfig, content: Gimp.Layer) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, valign=Gtk.Align.START)
        self._config, self._content = config, content
        self._style = Thumbnail(_("Style"), _("Where the style comes from."))
        self._painted = Thumbnail(_("Content"), _("The layer to be painted."), LARGE)
        self._painted.show_picture(thumbnails.of_layer(content), content.get_name())
        self.sketch = Sketch()
        for picture in (self._painted, self.sketch, self._style):
            self.pack_start(picture, False, False, 0)
        follow(config, procedures.STYLE_ARGUMENTS, self._style, self._follow_config)

    def show_sketch(self, sketch: Sketched, content: Picture) -> None:
        """Show a sketch and what it was made of, which is the selected part if there is one."""
        below = as_pixbuf(sketches.in_eight_bits(content))
        above = below.copy()
        painted = as_pixbuf(sketch)
        if self._content.get_image().get_base_type() == Gimp.ImageBaseType.GRAY:
            painted.saturate_and_pixelate(painted, 0, False)
        place = (0, 0, sketch.width, sketch.height, 0, 0, 1, 1)
        painted.composite(above, *place, GdkPixbuf.InterpType.NEAREST, 255)
        self._painted.show_picture(on_checks(below), self._content.get_name())
        self.sketch.show_it(on_checks(above))

    def _follow_config(self, *_event: object) -> None:
        try:
            source = styles.source(self._config, self._content)
        except BadRequest:
            self._style.show_picture(None, _("No style yet"))
            return
        pixbuf = thumbnails.of_layer(source) if isinstance(source, Gimp.Layer) else thumbnails.of_file(source)
        self._style.show_picture(pixbuf, styles.title(source))


class Sketch(Thumbnail):
    """A small preview, or in its place a sentence."""

    def __init__(self) -> None:
        super().__init__(_("Preview"), _("About how it will look, in small."), LARGE)
        self._sentence = Gtk.Label(wrap=True, max_width_chars=18, justify=Gtk.Justification.CENTER)
        self._sentence.set_size_request(LARGE, -1)
        self._sentence.get_style_context().add_class("dim-label")
        for widget in (self.image, self._sentence):
            widget.set_no_show_all(True)
        self.pack_start(self._sentence, False, False, 0)
        self.reorder_child(self._sentence, 0)
        self.caption.set_text(_("Preview"))
        self.show_sentence(_("A small preview will be here."))

    def show_it(self, pixbuf: GdkPixbuf.Pixbuf) -> None:
        self.show_picture(pixbuf, _("Preview"))
        self._show(self.image)

    def show_outdated(self) -> None:
        """What is seen is of what was chosen before, and the next one is on its way."""
        for widget in (self.image, self._sentence):
            widget.set_opacity(OUTDATED)

    def show_sentence(self, sentence: str) -> None:
        self._sentence.set_text(sentence)
        self._show(self._sentence)

    def _show(self, shown: Gtk.Widget) -> None:
        for widget in (self.image, self._sentence):
            widget.set_visible(widget is shown)
            widget.set_opacity(1.0)


def as_pixbuf(picture: Sketched) -> GdkPixbuf.Pixbuf:
    """Pixels in eight bits as GTK shows them."""
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(picture.rgba)),
        GdkPixbuf.Colorspace.RGB,
        True,
        8,
        picture.width,
        picture.height,
        4 * picture.width,
    )


def on_checks(pixbuf: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """The picture with gray squares behind what is transparent."""
    size = (pixbuf.get_width(), pixbuf.get_height())
    return pixbuf.composite_color_simple(*size, GdkPixbuf.InterpType.NEAREST, 255, CHECK, DARK, LIGHT)
