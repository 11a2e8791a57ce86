"""The layer that forms on the canvas while the engine works: there from the start, better with each preview.

GIMP makes no undo step of what is written to a layer's buffer, so inserting the layer is the only one; and nothing
is held open meanwhile that a killed plug-in would leave behind in the image.
"""

from __future__ import annotations

from collections.abc import Iterator

from gi.repository import Gegl, Gimp

from nst_plugin.image import layers, views
from nst_plugin.image.jobs import Job
from nst_plugin.shared.messages import Picture, Preview, Result
from nst_plugin.shared.placement import UPRIGHT, Placement, placed, unchanged
from nst_plugin.shared.translation import _

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
        self._drawn = views.of_layer(self._layer)
        self._kind = kind_of(self._image)
        self._is_changed = False
        """Whether the user was seen to have done something to the layer."""

    @property
    def is_there(self) -> bool:
        """Whether the user has left layer and image in place."""
        return self._layer.is_valid() and self._image in Gimp.get_images()

    def drawing(self, preview: Preview) -> Iterator[None]:
        """Show a preview. Between two steps the window can see to its buttons.

        A layer that the user has cropped or turned stays as he left it until it is finished.
        """
        if not self.is_there or self._placement() != unchanged(self._drawn.area):
            return
        graph, placement = Gegl.Node(), unchanged(self._drawn.area)
        source = at_its_place(graph, buffer_of(preview, "uint8"), placement)
        for band in bands(placement):
            if not views.is_same(self._drawn, self._layer):
                return
            target = self._layer.get_buffer()
            source.blit_buffer(target, band, 0, Gegl.AbyssPolicy.NONE)
            self.has_preview = True
            views.look_again(self._drawn, target, band)
            target.flush()
            yield
        self._show()

    def finish(self, result: Result) -> Gimp.Layer:
        """Put the result in, the note with it, and take "unfinished" out of the name."""
        now = views.of_layer(self._layer)
        is_as_drawn = now.gray == self._drawn.gray and now.area[2:] == self._drawn.area[2:]
        if is_as_drawn and not self._is_changed and self._kind == kind_of(self._image):
            layers.write_pixels(self._layer, result.picture)
            self._image.undo_freeze()  # or name and note would be undo steps of their own
            try:
                self._sign(result)
            finally:
                self._image.undo_thaw()
        else:
            self._exchange(result, unchanged(now.area) if is_as_drawn else placed(self._drawn, now))
        self._show()
        return self._layer

    def _exchange(self, result: Result, placement: Placement) -> None:
        """Finish a copy in this layer's place, in one undo step. Undoing what the user has done to this one brings its
        pixels of before back, and the result would go with that."""
        unfinished, name = self._layer, self._layer.get_name()
        self._image.undo_group_start()
        try:
            self._layer = unfinished.copy()
            layers.insert_above(self._layer, unfinished, self._image)
            self._image.remove_layer(unfinished)
            self._layer.set_name(name)
            self._write(result.picture, self._make_room(placement))
            self._sign(result)
        finally:
            self._image.undo_group_end()

    def _sign(self, result: Result) -> None:
        """Give the layer its note, and its name if the user has left the one that it had."""
        if self._layer.get_name() == self._name:
            self._layer.set_name(self._job.name)
        self._layer.attach_parasite(self._job.parasite(result))

    def remove(self) -> None:
        if self.is_there:
            self._image.remove_layer(self._layer)
            Gimp.displays_flush()

    def _placement(self) -> Placement:
        """Where the picture is on the layer by now."""
        area, canvas = views.area_of(self._layer), views.canvas_of(self._layer)
        if views.is_same(self._drawn, self._layer):
            self._drawn = self._drawn._replace(area=area, canvas=canvas)
            return unchanged(area)
        self._is_changed = True
        now = views.of_layer(self._layer)
        placement = placed(self._drawn, now)
        if placement == unchanged(area):  # scaled or painted over: a new beginning
            self._drawn = now
        return placement

    def _make_room(self, placement: Placement) -> Placement:
        """Widen the layer where the user has cut the picture: it comes whole, at its place on the canvas."""
        width, height = self._layer.get_width(), self._layer.get_height()
        left, top = min(0, placement.x), min(0, placement.y)
        right = max(width, placement.x + placement.extent[0])
        bottom = max(height, placement.y + placement.extent[1])
        if (right - left, bottom - top) != (width, height):
            self._layer.resize(right - left, bottom - top, -left, -top)
        return placement._replace(x=placement.x - left, y=placement.y - top)

    def _write(self, picture: Picture, placement: Placement) -> None:
        if placement[:2] == (picture.width, picture.height) and placement == unchanged(layers.whole(self._layer)):
            layers.write_pixels(self._layer, picture)
            return
        graph, target = Gegl.Node(), self._layer.get_buffer()
        source = at_its_place(graph, buffer_of(picture, picture.dtype), placement)
        for band in bands(placement):
            source.blit_buffer(target, band, 0, Gegl.AbyssPolicy.NONE)
        target.flush()

    def _show(self) -> None:
        self._layer.update(0, 0, self._layer.get_width(), self._layer.get_height())
        Gimp.displays_flush()


def bands(placement: Placement) -> Iterator[Gegl.Rectangle]:
    width, height = placement.extent
    for top in range(placement.y, placement.y + height, BAND_ROWS):
        yield Gegl.Rectangle.new(placement.x, top, width, min(BAND_ROWS, placement.y + height - top))


def kind_of(image: Gimp.Image) -> tuple[Gimp.Precision, Gimp.ImageBaseType]:
    """What else makes GIMP give a layer new pixels, and takes them away again with undo."""
    return image.get_precision(), image.get_base_type()


def buffer_of(picture: Preview | Picture, dtype: str) -> Gegl.Buffer:
    buffer = Gegl.Buffer.new(layers.PIXEL_FORMATS[dtype], 0, 0, picture.width, picture.height)
    layers.fill(buffer, picture, dtype)
    return buffer


def at_its_place(graph: Gegl.Node, pixels: Gegl.Buffer, placement: Placement) -> Gegl.Node:
    """The node of a graph that gives the pixels as they are to be on the layer."""
    node = graph.create_child("gegl:buffer-source")
    node.set_property("buffer", pixels)
    extent = pixels.get_extent()
    if (extent.width, extent.height) != placement[:2]:
        node = linked(node, resizing(graph, placement.width, placement.height))
    if placement.turn != UPRIGHT or placement.origin != (0, 0):
        node = linked(node, turning(graph, placement))
    return node


def linked(source: Gegl.Node, sink: Gegl.Node) -> Gegl.Node:
    source.link(sink)
    return sink


def resizing(graph: Gegl.Node, width: int, height: int) -> Gegl.Node:
    scale = graph.create_child("gegl:scale-size")
    scale.set_property("x", float(width))
    scale.set_property("y", float(height))
    scale.set_property("sampler", Gegl.SamplerType.LINEAR)
    scale.set_property("abyss-policy", Gegl.AbyssPolicy.CLAMP)  # or the edges would fade away
    return scale


def turning(graph: Gegl.Node, placement: Placement) -> Gegl.Node:
    transform = graph.create_child("gegl:transform")
    (xx, yx, xy, yy), (x, y) = placement.turn, placement.origin
    transform.set_property("transform", f"matrix({xx},{yx},0,{xy},{yy},0,{x},{y},1)")  # column by column
    transform.set_property("sampler", Gegl.SamplerType.NEAREST)
    return transform
