"""Paintings to take a style from, by name: those that came with the plug-in, and the user's own.

Understood by Python 2.7 and 3.
"""

import collections
import io
import json
import os
import re
import sys

from nst_plugin.shared import settings

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, List, Mapping, Optional

SHIPPED = os.path.join(settings.FOLDER, "paintings")
ENDINGS = frozenset([".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp"]) | frozenset(
    [".gif", ".bmp", ".dib", ".psd", ".psb", ".avif", ".heic", ".heif"]
)
"""How the names of the user's own paintings may end, as in the engine's table of formats."""

NAME_LENGTH = 60

Painting = collections.namedtuple("Painting", "name title path")
"""A picture file by the name that it goes by, and what people call it."""


def own_folder(environ=os.environ, platform=sys.platform):
    # type: (Mapping[str, str], str) -> str
    """Where the user's own paintings lie, as the engine has it."""
    home = os.path.expanduser("~")
    if platform == "win32":
        data = environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif platform == "darwin":
        data = os.path.join(home, "Library", "Application Support")
    else:
        data = environ.get("XDG_DATA_HOME", "").strip() or os.path.join(home, ".local", "share")
    return os.path.join(data, "neural-style", "paintings")


def listed(shipped=SHIPPED, own=None):
    # type: (str, Optional[str]) -> List[Painting]
    """All paintings, the shipped ones first; of two with one name, the first."""
    found = collections.OrderedDict()  # type: collections.OrderedDict[str, Painting]
    for painting in _shipped(shipped) + _own(own_folder() if own is None else own):
        found.setdefault(painting.name, painting)
    return list(found.values())


def find(name):
    # type: (str) -> Optional[Painting]
    """The painting of this name, if there is one."""
    return next((painting for painting in listed() if painting.name == name), None)


def free_path(title, ending, folder):
    # type: (str, str, str) -> str
    """A path in the folder for a painting of this title, under a name that none has yet."""
    name = re.sub(r'[\x00-\x1f\x7f\\/:*?"<>|]', "-", title)[:NAME_LENGTH].strip(". ") or "style"
    taken = {painting.name.lower() for painting in listed(own=folder)}
    number, free = 1, name
    while free.lower() in taken or os.path.lexists(os.path.join(folder, free + ending)):
        number += 1
        free = "%s %d" % (name, number)
    return os.path.join(folder, free + ending)


def _shipped(folder):
    # type: (str) -> List[Painting]
    try:
        with io.open(os.path.join(folder, "titles.json"), encoding="utf-8") as stream:
            titles = json.load(stream, object_pairs_hook=collections.OrderedDict)
    except (IOError, ValueError):  # an older installation has none
        return []
    return [Painting(name, titles[name], os.path.join(folder, str(name) + ".jpg")) for name in titles]


def _own(folder):
    # type: (str) -> List[Painting]
    try:
        files = sorted(file for file in os.listdir(folder) if os.path.isfile(os.path.join(folder, file)))
    except (IOError, OSError):  # most people have none
        return []
    names = [os.path.splitext(file) for file in files if not file.startswith(".")]
    return [
        Painting(_text(name), _text(name), os.path.join(folder, name + end))
        for name, end in names
        if end.lower() in ENDINGS
    ]


def _text(name):
    # type: (Any) -> str
    """A file's name as text, which it is not under Python 2.7."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
