"""Which picture files have layers that make one picture, and in which they are frames of an animation, pages, or sizes.

Understood by Python 2.7 and 3.
"""

LAYERED = (
    ".xcf", ".xcf.gz", ".xcfgz", ".xcf.bz2", ".xcfbz2", ".xcf.xz", ".xcfxz",
    ".psd", ".psb", ".ora", ".kra", ".psp", ".pspimage", ".tub",
)  # fmt: skip

ICONS = (".ico", ".cur", ".ani", ".icns")


def is_layered(name):
    # type: (str) -> bool
    """Whether the layers of a file of this name lie above each other to make one picture."""
    return name.lower().endswith(LAYERED)


def is_icon(name):
    # type: (str) -> bool
    """Whether they are one picture in several sizes."""
    return name.lower().endswith(ICONS)
