"""The pictures of the help page, made anew of the project's own photographs and paintings.

``python -m tests.benchmarks.help_pictures`` paints them in some minutes, and takes a picture of the dialog in a real
GIMP; ``--only NAME …`` makes some of them. As JPEG they are small enough to come along.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from nst_engine import options, paintings
from nst_engine.files import reading, writing
from nst_engine.painting import Painter
from nst_engine.pixels import Floats, Masks, StylePicture

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "gimp_plugin/neural-style/help/pictures"
LONG_SIDE, QUALITY = 288, 80
FACE = (0.18, 0.14, 0.62, 0.86)
"""Where the red panda's face is: left, top, right and bottom in parts of the picture."""


class Work(NamedTuple):
    """A photograph painted in some paintings; ``protects`` its face."""

    photograph: str
    paintings: tuple[str, ...]
    options: dict[str, Any] = {}
    protects: bool = False


PHOTOGRAPHS = ("castle", "cat", "red-panda")
WORKS = {
    "strength-0": Work("castle", ("starry-night",), {"strength": 0}),
    "strength-50": Work("castle", ("starry-night",)),
    "strength-100": Work("castle", ("starry-night",), {"strength": 100}),
    "scale-fine": Work("castle", ("starry-night",), {"style_scale": 0.5}),
    "scale-broad": Work("castle", ("starry-night",), {"style_scale": 2.0}),
    "color-content": Work("castle", ("starry-night",), {"color": "content"}),
    "color-match": Work("castle", ("starry-night",), {"color": "match"}),
    "group-one": Work("cat", ("great-wave",)),
    "group-other": Work("cat", ("harvest",)),
    "group-both": Work("cat", ("great-wave", "harvest")),
    "protected": Work("red-panda", ("water-lilies",), protects=True),
}
STYLES = sorted({name for work in WORKS.values() for name in work.paintings})
MASK, DIALOG = "mask", "dialog"
NOWHERE = (800, 857)
"""Where the pointer is in nobody's way: it would make tooltips appear."""

SETTLING_SECONDS = 8
"""Until the dialog has drawn all that it asks its engine for."""


def main() -> None:
    """Make what is asked for."""
    everything = [*PHOTOGRAPHS, *STYLES, MASK, *WORKS, DIALOG]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=everything, choices=everything, metavar="NAME")
    for name in parser.parse_args().only:
        FOLDER.mkdir(exist_ok=True)
        print(name, flush=True)
        if name == DIALOG:
            take_dialog(FOLDER / "dialog.png")
        elif name in WORKS:
            save(name, painted(WORKS[name]))
        elif name == MASK:
            save(name, 1 - protection(photograph("red-panda").shape))
        else:
            save(name, photograph(name) if name in PHOTOGRAPHS else small(paintings.find(name).path))


def painted(work: Work) -> Floats:
    content = photograph(work.photograph)
    styles = [StylePicture(name, reading.load(paintings.find(name).path)) for name in work.paintings]
    masks = Masks(protection(content.shape)[..., :1]) if work.protects else Masks()
    painter = Painter(options.from_mapping({"size": LONG_SIDE, **work.options}))
    return np.asarray(painter.paint(content, styles, masks).picture, dtype=np.float32)


def protection(shape: tuple[int, ...]) -> Floats:
    """The face in white on black, H×W×3, with a soft edge."""
    height, width = shape[:2]
    mask = Image.new("L", (width, height))
    left, top, right, bottom = FACE
    ImageDraw.Draw(mask).ellipse((left * width, top * height, right * width, bottom * height), fill=255)
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(width / 40)), dtype=np.float32) / np.float32(255)
    return np.repeat(soft[..., None], 3, axis=2)


def photograph(name: str) -> Floats:
    return small(CHECKOUT / f"tests/pictures/content-{name}.jpg")


def small(file: Path) -> Floats:
    image = Image.fromarray(writing.to_bytes(reading.load(file)[..., :3]))
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def save(name: str, pixels: Floats) -> None:
    image = Image.fromarray(writing.to_bytes(pixels[..., :3]))
    image.save(FOLDER / f"{name}.jpg", quality=QUALITY, optimize=True, progressive=True)


def take_dialog(file: Path) -> None:
    """Open the dialog in a real GIMP, on the castle and a painting, and take its picture, in few colors."""
    sys.path[:0] = [str(CHECKOUT / name) for name in ("tests/gimp", "tests", "install")]
    import real_gimp
    from plug_in import REAL_ENGINE, PlugIn
    from watching import DIALOG as TITLE
    from watching import wait_until
    from window import WindowSession

    gimp = real_gimp.prepare()
    with tempfile.TemporaryDirectory(prefix="help-", dir=gimp.outside("/tmp")) as folder:
        plug_in = PlugIn(gimp, Path(folder) / "profile")
        plug_in.profile.mkdir()
        plug_in.use_command(REAL_ENGINE)
        with WindowSession(gimp, plug_in.profile, layered(plug_in, Path(folder))) as window:
            window.click(*NOWHERE)
            window.action("Neural Style")
            wait_until(lambda: "Works at" in window.tree())
            time.sleep(SETTLING_SECONDS)
            window.picture(f"^{TITLE}$", Path(folder) / "dialog.png")
        with Image.open(Path(folder) / "dialog.png") as taken:
            taken.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)


def layered(plug_in: Any, folder: Path) -> Path:
    """An image with the castle above The Starry Night."""
    for name, pixels in (("castle", photograph("castle")), ("painting", small(paintings.find("starry-night").path))):
        writing.save(folder / f"{name}.png", pixels)
    castle, painting, image = (
        plug_in.gimp.inside(folder / name) for name in ("castle.png", "painting.png", "image.xcf")
    )
    plug_in.run(f"""
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file({castle!r}))
layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file({painting!r}))
image.insert_layer(layer, None, 1)
image.get_layers()[0].set_name("castle")
image.set_selected_layers([image.get_layers()[0]])
layer.set_name("The Starry Night")
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file({image!r}), None)
image.delete()
""")
    return folder / "image.xcf"


if __name__ == "__main__":
    main()
