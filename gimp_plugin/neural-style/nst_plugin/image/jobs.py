"""Everything that one run needs of the image, read before the engine begins."""

from __future__ import annotations

from dataclasses import dataclass

from gi.repository import Gimp

from nst_plugin import procedures
from nst_plugin.image import layers, masks, recall, styles
from nst_plugin.image.layers import Shrink, at_full_size
from nst_plugin.shared.errors import BadRequest
from nst_plugin.shared.messages import Request, Result, Style
from nst_plugin.shared.painted_area import Area
from nst_plugin.shared.translation import _


@dataclass(frozen=True)
class Job:
    """What the engine is asked for, and how its picture becomes a layer: name, place, and the layer to put it above."""

    request: Request
    name: str
    x: int
    y: int
    image: Gimp.Image
    above: Gimp.Layer
    record: recall.Record

    def new_layer(self, name: str) -> Gimp.Layer:
        """A layer for the result, not in the image yet."""
        content = self.request.content
        return layers.new_layer(self.image, name, self.x, self.y, content.width, content.height)

    def parasite(self, result: Result) -> Gimp.Parasite:
        """The note on the new layer of how it was made."""
        return recall.parasite(self.record, self.request.styles, self.request.content, result.used)


def check(config: Gimp.ProcedureConfig, content: Gimp.Layer, part: Gimp.Layer | None) -> None:
    """Refuse, before anything is read, what cannot become a job. ``part`` is as for :func:`read`."""
    refuse_useless(content)
    styles.source(config, content)
    area = masks.painted_area(content, part)
    if is_protected(config):
        masks.protection(content, area)


def refuse_useless(content: Gimp.Layer) -> None:
    """BadRequest for a layer that cannot be painted: at first, or since the user went on working beside the dialog."""
    if not content.is_valid():
        raise BadRequest(_("The layer to be painted is gone: bring it back with Edit > Undo, or select another one."))
    if content.get_image().get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise BadRequest(_("An image with a palette cannot take the new colors: choose Image > Mode > RGB first."))
    if content.is_floating_sel():
        raise BadRequest(_("The selected layer floats: choose Layer > Anchor or Layer > To New Layer first."))


def read(
    config: Gimp.ProcedureConfig, content: Gimp.Layer, above: Gimp.Layer, part: Gimp.Layer | None, dtype: str
) -> Job:
    """Read content, styles and masks from the image; ``dtype`` is that of the pixels' numbers.

    ``above`` is the layer that the new one comes just above: the content itself, or what was painted from it before.
    ``part`` is that one if only a part of the content is to be painted again.
    """
    source = styles.source(config, content)
    area = painted_area(content, part)
    x, y = content.get_offsets()[1:]
    request = read_request(config, content, part, styles.read(source, dtype), dtype)
    return Job(
        request=request,
        name=_("{content} in the style of {style}").format(content=content.get_name(), style=styles.title(source)),
        x=x + area.x,
        y=y + area.y,
        image=content.get_image(),
        above=above,
        record=recall.record(config, content, source, is_part=request.selection is not None),
    )


def read_request(
    config: Gimp.ProcedureConfig,
    content: Gimp.Layer,
    part: Gimp.Layer | None,
    chosen: list[Style],
    dtype: str,
    shrink: Shrink = at_full_size,
) -> Request:
    """What the engine is to be asked for with these styles; content and masks as small as ``shrink`` has them."""
    area, protected = painted_area(content, part), is_protected(config)
    return Request(
        content=layers.read_layer(content, area, not protected, dtype, shrink),
        styles=chosen,
        options=procedures.chosen_options(config),
        protection=masks.protection(content, area, shrink) if protected else None,
        selection=masks.selection(content, area, part, shrink),
    )


def painted_area(content: Gimp.Layer, part: Gimp.Layer | None) -> Area:
    """The area of the content that is to be painted, with its surroundings; BadRequest when there is none."""
    refuse_useless(content)
    return masks.painted_area(content, part)


def part_of(content: Gimp.Layer, above: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that was painted from a selected part of the content, if it is to be painted again."""
    return above if above != content and recall.is_part(above) else None


def is_protected(config: Gimp.ProcedureConfig) -> bool:
    return bool(procedures.values(config)["mask"] == procedures.PROTECTION)
