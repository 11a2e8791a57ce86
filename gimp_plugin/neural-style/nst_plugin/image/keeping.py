"""Keeping a style for later: a layer or a file becomes one of the user's own paintings."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from gi.repository import Gimp, Gio

from nst_plugin.image import layers, styles
from nst_plugin.shared import paintings
from nst_plugin.shared.errors import BadRequest
from nst_plugin.shared.translation import _


def keep(source: Gimp.Layer | Gio.File) -> str:
    """Put a copy of the style among the user's own paintings and return the name that it has there."""
    try:
        path = source.get_path() if isinstance(source, Gio.File) else None
        if path and Path(path).suffix.lower() in paintings.ENDINGS:
            return add(Path(path), styles.title(source))
        with tempfile.TemporaryDirectory() as folder:
            return add(exported(source, Path(folder) / "style.png"), styles.title(source))
    except OSError as error:
        sentence = _("The style cannot be kept in {folder} ({reason}): see that there is room, and that you may write.")
        raise BadRequest(sentence.format(folder=paintings.own_folder(), reason=error.strerror)) from None


def add(picture: Path, title: str) -> str:
    """Copy a picture file into the folder, under a name that is free, or not at all."""
    os.makedirs(paintings.own_folder(), exist_ok=True)
    path = Path(paintings.free_path(title, picture.suffix.lower(), paintings.own_folder()))
    with picture.open("rb") as original:
        copy = path.open("xb")
        try:
            with copy:  # what there is no room for may come to light when it is closed
                shutil.copyfileobj(original, copy)
        except OSError:
            path.unlink()
            raise
    return path.stem


def exported(source: Gimp.Layer | Gio.File, path: Path) -> Path:
    """Save what a layer shows by itself, or a file of a kind that only GIMP knows, as a PNG file."""
    if isinstance(source, Gimp.Layer):
        with layers.merged_copy(source, with_mask=True) as copy:
            save(copy.get_image(), path)
        return path
    image = layers.opened(source)
    try:
        save(image, path)
    finally:
        image.delete()
    return path


def save(image: Gimp.Image, path: Path) -> None:
    if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)), None):
        raise BadRequest(_("GIMP cannot save this style as a PNG file: choose another one."))
