"""Paintings to take a style from, by name: those that come with the engine, and the user's own in a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nst_engine.errors import PictureError
from nst_engine.files.formats import READ_ENDINGS
from nst_engine.own_folders import own_folder

SHIPPED = Path(__file__).parent / "data" / "paintings"
"""``NAME.jpg`` each, with what they are called in ``titles.json``; the NOTICE there says where they come from."""

ALL = "all"
"""In the place of a name: each of them."""


@dataclass(frozen=True)
class Painting:
    """A picture file by the name that it goes by, and what people call it."""

    name: str
    title: str
    path: Path


def paintings_folder() -> Path:
    """The user's own paintings: picture files, which go by their names without the ending."""
    return own_folder("paintings")


def listed() -> list[Painting]:
    """All paintings, the shipped ones first; of two with one name, the first."""
    titles = json.loads((SHIPPED / "titles.json").read_text(encoding="utf-8"))
    found = {name: Painting(name, title, SHIPPED / f"{name}.jpg") for name, title in titles.items()}
    for path in _own_files():
        found.setdefault(path.stem, Painting(path.stem, path.stem, path))
    return list(found.values())


def find(name: str) -> Painting:
    """The painting of this name; raises PictureError when there is none."""
    known = listed()
    for painting in known:
        if painting.name == name:
            return painting
    names = ", ".join(painting.name for painting in known)
    raise PictureError(f"There is no painting '{name}'.", f"The paintings are {names}; a file goes by --style.")


def named(names: Iterable[str]) -> list[Painting]:
    """The paintings of these names, each once; :data:`ALL` stands for every one."""
    found = [painting for name in names for painting in (listed() if name == ALL else [find(name)])]
    return list(dict.fromkeys(found))


def _own_files() -> list[Path]:
    try:
        files = sorted(filter(os.path.isfile, paintings_folder().iterdir()), key=lambda path: path.name)
    except OSError:  # most people have none
        return []
    return [path for path in files if path.suffix.lower() in READ_ENDINGS and not path.name.startswith(".")]
