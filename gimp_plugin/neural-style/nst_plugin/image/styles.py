"""Where the style comes from: a layer, the layers of a group, a picture file, a painting, or a layer by its name."""

from __future__ import annotations

import os

from gi.repository import Gimp, Gio

from nst_plugin import procedures
from nst_plugin.image import layers
from nst_plugin.image.layers import Shrink, at_full_size
from nst_plugin.shared import paintings
from nst_plugin.shared.errors import BadRequest
from nst_plugin.shared.messages import Style
from nst_plugin.shared.translation import _


def source(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> Gimp.Layer | Gio.File:
    """What was chosen: file, painting, layer, or layer by name, the first that there is. BadRequest when useless."""
    values = procedures.values(config)
    file, layer, name = values["style-file"], values["style"], values["style-name"]
    if file is not None:
        if not file.query_exists(None):
            sentence = _("There is no style file {file}: choose another one.")
            raise BadRequest(sentence.format(file=file.get_parse_name()))
        return file  # type: ignore[no-any-return]
    if painting(config) is not None:
        return painting_file(values["painting"])
    if layer is None and name:
        layer = content.get_image().get_layer_by_name(name)  # GIMP keeps the names of an image's layers unique
        if layer is None:
            sentence = _('The image has no layer named "{name}": give the name of one of its layers.')
            raise BadRequest(sentence.format(name=name))
    if layer is None:
        raise BadRequest(_("There is no style yet: choose a style layer, a style file or one of the paintings."))
    refuse_useless(layer, content)
    return layer  # type: ignore[no-any-return]


def painting(config: Gimp.ProcedureConfig) -> str | None:
    """The name of the painting that the style comes from, if it comes from one."""
    values = procedures.values(config)
    return values["painting"] or None if values["style-file"] is None else None


def painting_file(name: str) -> Gio.File:
    found = paintings.find(name)
    if found is None:
        sentence = _('There is no painting named "{name}": choose another one, or put its file into {folder}.')
        raise BadRequest(sentence.format(name=name, folder=paintings.own_folder()))
    return Gio.File.new_for_path(found.path)


def refuse_useless(layer: Gimp.Layer, content: Gimp.Layer) -> None:
    if not layer.is_valid():
        raise BadRequest(_("The style layer is gone: choose another one."))
    if layer == content:
        raise BadRequest(_("The style layer is the layer to be painted: choose another one."))
    if isinstance(layer, Gimp.GroupLayer):
        if is_in(content, layer):
            raise BadRequest(_("The layer to be painted is in the style group: move it out of the group."))
        if not members(layer):
            sentence = _('No layer of the style group "{name}" is visible: make one visible.')
            raise BadRequest(sentence.format(name=layer.get_name()))


def is_in(layer: Gimp.Layer, group: Gimp.GroupLayer) -> bool:
    parent = layer.get_parent()
    return parent is not None and (parent == group or is_in(parent, group))


def members(group: Gimp.GroupLayer) -> list[Gimp.Layer]:
    """The layers of a group that can be seen; a group among them counts as one layer."""
    return [layer for layer in group.get_children() if layer.get_visible() and layer.get_opacity() > 0]


def read(source: Gimp.Layer | Gio.File, dtype: str, shrink: Shrink = at_full_size) -> list[Style]:
    """The style of a layer or file, or those of a group's layers, which weigh as much as they are opaque."""
    if isinstance(source, Gimp.GroupLayer):
        return [
            Style(layer.get_name(), layers.read_layer(layer, dtype=dtype, shrink=shrink), layer.get_opacity() / 100)
            for layer in members(source)
        ]
    if isinstance(source, Gimp.Layer):
        return [Style(source.get_name(), layers.read_layer(source, dtype=dtype, shrink=shrink), 1.0)]
    return [Style(title(source), layers.read_file(source, dtype, shrink), 1.0)]


def title(source: Gimp.Layer | Gio.File) -> str:
    """What to call the style in the new layer's name."""
    return source.get_name() if isinstance(source, Gimp.Layer) else os.path.splitext(source.get_basename())[0]
