"""The note that a new layer carries of how it was made, and the way back: the same settings, to paint again.

The note is a parasite, which GIMP keeps with the layer, in copies of it and in XCF files.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from gi.repository import Gimp, Gio

from nst_plugin import procedures
from nst_plugin.image import styles
from nst_plugin.shared import engines, settings
from nst_plugin.shared.errors import BadRequest, PluginError
from nst_plugin.shared.messages import Picture, Style
from nst_plugin.shared.translation import _

NAME = "neural-style"
FORMAT = 1

Record = dict[str, Any]
"""What the note says: content, style, mask and options as the user chose them, in JSON's types."""


def record(config: Gimp.ProcedureConfig, content: Gimp.Layer, source: Gimp.Layer | Gio.File, is_part: bool) -> Record:
    """What there is to note before the engine begins."""
    return {
        "format": FORMAT,
        "plug-in": settings.version(),
        "content": {**reference(content, content.get_image()), "part": is_part},
        "style": style_reference(config, source, content.get_image()),
        "mask": procedures.values(config)["mask"],
        "options": procedures.options(config),
        "engine": procedures.engine(config),
    }


def style_reference(config: Gimp.ProcedureConfig, source: Gimp.Layer | Gio.File, image: Gimp.Image) -> dict[str, Any]:
    if isinstance(source, Gimp.Layer):
        return reference(source, image)
    painting = styles.painting(config)
    return {"painting": painting} if painting else {"file": source.get_parse_name()}


def reference(layer: Gimp.Layer, image: Gimp.Image) -> dict[str, Any]:
    """How to find a layer again: by its name, or else by a number that XCF files keep too, within its own image."""
    is_own = layer.get_image() == image
    return {"layer": layer.get_name(), "tattoo": layer.get_tattoo() if is_own else None}


def parasite(record: Record, styles: list[Style], picture: Picture, used: Mapping[str, Any]) -> Gimp.Parasite:
    """The note to attach, with what the engine says of its work, as far as that makes sense."""
    size = {"width": picture.width, "height": picture.height}
    note = {
        **record,
        "styles": [{"name": style.name, "weight": style.weight} for style in styles],
        "used": dict(used),
        "size": size,
        "enlarged": is_enlarged(used, size),
    }
    try:
        text = json.dumps(note, sort_keys=True)
    except RecursionError:
        text = json.dumps({**note, "used": {}}, sort_keys=True)
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    return Gimp.Parasite.new(NAME, flags, text.encode("ascii"))


def is_enlarged(used: Mapping[str, Any], size: Mapping[str, int]) -> bool:
    """Whether the engine says that it worked in a smaller size."""
    try:
        return bool(max(used["size"].values()) < max(size.values()))
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def content_of(layer: Gimp.Layer) -> Gimp.Layer:
    """The layer that this one was painted from; BadRequest when it was not painted, or from one that is gone."""
    with reading():
        noted = read(layer)["content"]
        found = find(layer.get_image(), noted)
        name = noted["layer"]
    if found is None or found == layer:
        raise BadRequest(
            _('The layer "{name}" that this one was painted from is gone: bring it back with Edit > Undo.').format(
                name=name
            )
        )
    return found


def is_part(layer: Gimp.Layer) -> bool:
    """Whether the layer was painted from a selected part of the content."""
    with reading():
        return bool(read(layer)["content"]["part"])


def restore(config: Gimp.ProcedureConfig, layer: Gimp.Layer, keep_given: bool) -> None:
    """Set the config to what the layer was made with; what its note does not know of is as nobody has set it.

    ``keep_given`` lets those arguments win that a script has set to something other than their defaults.
    """
    defaults, values = procedures.defaults(), procedures.values(config)
    given = {name for name, default in defaults.items() if keep_given and values[name] != default}
    if given & set(procedures.STYLE_ARGUMENTS):
        given |= set(procedures.STYLE_ARGUMENTS)
    with reading():
        note = read(layer)
        noted = {settings.argument_name(name): value for name, value in note["options"].items()}
        noted["mask"] = note["mask"]
        noted.update(style_arguments(layer.get_image(), note["style"]))
        for name in defaults.keys() - given:
            put(config, name, noted.get(name, defaults[name]))
        if not (keep_given and procedures.engine(config)):
            config.set_property("engine", engine_noted(note))


def engine_noted(note: Record) -> str:
    """The name of the engine that painted; where none of this name is known any more, the empty one of the first."""
    name = str(note.get("engine", ""))
    with contextlib.suppress(PluginError):
        engines.chosen(name)
        return name
    return ""


def put(config: Gimp.ProcedureConfig, name: str, value: Any) -> None:
    """Set an argument; ValueError when it does not take this value, of which GIMP itself only warns."""
    config.set_property(name, value)
    if isinstance(value, (str, int, float)) and procedures.values(config)[name] != value:
        raise ValueError(name)


def read(layer: Gimp.Layer) -> Record:
    """What the layer's note says; BadRequest when there is none, or one of another format."""
    parasite = layer.get_parasite(NAME)
    if parasite is None:
        raise BadRequest(_("This layer was not painted by Neural Style: select one that was."))
    note = json.loads(bytes(parasite.get_data()).decode("ascii"))
    if note["format"] != FORMAT:
        raise BadRequest(_("This layer was painted by another version of Neural Style: install that one to go on."))
    return note  # type: ignore[no-any-return]


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Notes come from files, and so may hold anything."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BadRequest(
            _("The note on how this layer was painted is damaged: choose Filters > Neural Style in its place.")
        ) from None


def style_arguments(image: Gimp.Image, noted: Mapping[str, Any]) -> dict[str, Any]:
    """The style as arguments. A layer that is gone is only named, so that what is missing can be said."""
    nothing: dict[str, Any] = {"style": None, "style-file": None, "style-name": "", "painting": ""}
    if "file" in noted:
        return {**nothing, "style-file": Gio.File.parse_name(noted["file"])}
    if "painting" in noted:
        return {**nothing, "painting": noted["painting"]}
    return {**nothing, "style": find(image, noted), "style-name": noted["layer"]}


def find(image: Gimp.Image, noted: Mapping[str, Any]) -> Gimp.Layer | None:
    """The layer of a reference. The style may be in another image, if that is open."""
    name, tattoo = noted["layer"], noted["tattoo"]
    if tattoo is not None:
        return image.get_layer_by_name(name) or image.get_layer_by_tattoo(tattoo)
    found = (other.get_layer_by_name(name) for other in Gimp.get_images())
    return next((layer for layer in found if layer), None)
