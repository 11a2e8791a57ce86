"""The layer that forms on the canvas while the engine works: there from the start, better with each preview.

GIMP makes no undo step of what is written to a layer's buffer, so inserting the layer is the only one; and nothing
is held open meanwhile that a killed plug-in would leave behind in the image.
"""

from __future__ import annotations

from collections.abc import Iterator

from gi.repository import Gegl, Gimp

from nst_plugin.image import layers
from nst_plugin.image.jobs import Job
from nst_plugin.shared.messages import Picture, Preview, Result
from nst_plugin.shared.translation import _

PREVIEW_FORMAT = "R'G'B'A u8"
BAND_ROWS = 256
"""Rows of the layer that are made in one go: some hundredths of a second of a large picture."""


class FormingLayer:
    """A new layer, which at first shows what the content shows; ``has_preview`` says whether it is more by now."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._image = job.image
        self.has_preview = False
        self._layer = job.new_layer(_("{name} (unfinished)").format(name=job.name))
        layers.write_pixels(self._layer, job.request.content)
        layers.insert_above(self._layer, job.above, job.image)
        self._name = self._layer.get_name()

    @property
    def is_there(self) -> bool:
        """Whether the user has left layer and image in place."""
        return self._layer.is_valid() and self._image in Gimp.get_images()

    def drawing(self, preview: Preview) -> Iterator[None]:
        """Show a preview. Between two steps the window can see to its buttons."""
        self.has_preview = True
        yield from self._fill(preview, PREVIEW_FORMAT)
        self._show()

    def finish(self, result: Result) -> Gimp.Layer:
        """Put the result in, the note with it, and take "unfinished" out of the name, if the user has left it there."""
        width, height = self._layer.get_width(), self._layer.get_height()
        if (width, height) == (result.picture.width, result.picture.height):
            layers.write_pixels(self._layer, result.picture)
        elif has_proportions(width, height, result.picture):  # scaled, as the user has done with the image meanwhile
            for _band in self._fill(result.picture, layers.PIXEL_FORMATS[result.picture.dtype]):
                pass
        else:
            return self._replaced(result)
        parasite = self._job.parasite(result)
        self._image.undo_freeze()  # or name and note would be undo steps of their own
        try:
            if self._layer.get_name() == self._name:
                self._layer.set_name(self._job.name)
            self._layer.attach_parasite(parasite)
        finally:
            self._image.undo_thaw()
        self._show()
        return self._layer

    def _replaced(self, result: Result) -> Gimp.Layer:
        """The user has cropped or turned this layer: the picture comes whole, in a layer that takes its place.

        Scaling to other proportions cannot be told from a crop, nor a crop to the same proportions from scaling.
        """
        name = self._layer.get_name()
        finished = self._job.new_layer(self._job.name)
        finished.set_opacity(self._layer.get_opacity())
        finished.set_mode(self._layer.get_mode())
        finished.set_visible(self._layer.get_visible())
        layers.write_pixels(finished, result.picture)
        finished.attach_parasite(self._job.parasite(result))
        self._image.undo_group_start()
        try:
            layers.insert_above(finished, self._layer, self._image)
            self._image.remove_layer(self._layer)
            if name != self._name:
                finished.set_name(name)
        finally:
            self._image.undo_group_end()
        Gimp.displays_flush()
        return finished

    def remove(self) -> None:
        if self.is_there:
            self._image.remove_layer(self._layer)
            Gimp.displays_flush()

    def _fill(self, picture: Preview | Picture, pixel_format: str) -> Iterator[None]:
        """Write a picture in the layer's size, band by band."""
        width, height = self._layer.get_width(), self._layer.get_height()
        graph = Gegl.Node()
        resized = resizing(graph, buffer_of(picture, pixel_format), width, height)
        target = self._layer.get_buffer()
        for top in range(0, height, BAND_ROWS):
            band = Gegl.Rectangle.new(0, top, width, min(BAND_ROWS, height - top))
            resized.blit_buffer(target, band, 0, Gegl.AbyssPolicy.NONE)
            yield
        target.flush()

    def _show(self) -> None:
        self._layer.update(0, 0, self._layer.get_width(), self._layer.get_height())
        Gimp.displays_flush()


def has_proportions(width: int, height: int, picture: Picture) -> bool:
    """Whether this size has the picture's proportions, but for the rounding to whole pixels."""
    return bool(abs(width * picture.height - height * picture.width) <= max(picture.width, picture.height))


def buffer_of(picture: Preview | Picture, pixel_format: str) -> Gegl.Buffer:
    buffer = Gegl.Buffer.new(pixel_format, 0, 0, picture.width, picture.height)
    buffer.set(Gegl.Rectangle.new(0, 0, picture.width, picture.height), pixel_format, bytes(picture.rgba))
    return buffer


def resizing(graph: Gegl.Node, pixels: Gegl.Buffer, width: int, height: int) -> Gegl.Node:
    """The node of a graph that gives the pixels in another size."""
    source = graph.create_child("gegl:buffer-source")
    source.set_property("buffer", pixels)
    scale = graph.create_child("gegl:scale-size")
    scale.set_property("x", float(width))
    scale.set_property("y", float(height))
    scale.set_property("sampler", Gegl.SamplerType.LINEAR)
    scale.set_property("abyss-policy", Gegl.AbyssPolicy.CLAMP)  # or the edges would fade away
    source.link(scale)
    return scale
