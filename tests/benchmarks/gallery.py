"""Sheets to judge the engine by eye: contents × styles, and one for each dial.

``python -m tests.benchmarks.gallery CONTENTS STYLES OUTPUT`` paints every picture of the first folder in the style of
every picture of the second, and the first of each with different strengths, style scales, colors, qualities and
sizes. Pictures that are there already are not painted again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nst_engine import options
from nst_engine.files import reading, writing
from nst_engine.painting import Painter
from nst_engine.pixels import Floats, StylePicture

DIALS: dict[str, Sequence[Any]] = {
    "strength": (0.0, 25.0, 50.0, 75.0, 100.0),
    "style_scale": (0.4, 0.7, 1.0, 1.6),
    "color": ("style", "content", "match"),
    "quality": ("draft", "normal", "high", "best"),
    "size": (128, 192, 256, 384),
    "recipe": ("painterly", "gatys", "nst", "neighbors"),
}
"""What each sheet turns, and the values it shows."""

CELL = 256
CAPTION = 18
GAP = 6
ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")

Cell = tuple[str, Path]
"""A caption and a picture file."""


def main() -> None:
    """Paint what is missing and write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contents", type=Path, metavar="CONTENTS")
    parser.add_argument("styles", type=Path, metavar="STYLES")
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    parser.add_argument("--size", type=int, default=256, metavar="N", help="long side painted at (default: 256)")
    parser.add_argument("--quality", default="normal", choices=DIALS["quality"])
    parser.add_argument("--dials", nargs="*", default=list(DIALS), choices=list(DIALS), metavar="DIAL")
    parsed = parser.parse_args()
    contents, styles = pictures_in(parsed.contents), pictures_in(parsed.styles)
    chosen = {"size": parsed.size, "quality": parsed.quality}
    for dial in parsed.dials:
        row = [painted(contents[0], styles[0], {**chosen, dial: value}, parsed.output) for value in DIALS[dial]]
        captions = [f"{dial.replace('_', ' ')} {value}" for value in DIALS[dial]]
        originals = [("", contents[0]), ("", styles[0])]
        save_sheet(parsed.output / f"{dial}.jpg", [[*originals, *zip(captions, row, strict=True)]])
    rows: list[list[Cell]] = [[("", style) for style in (Path(), *styles)]]
    for content in contents:
        rows.append([("", content), *(("", painted(content, style, chosen, parsed.output)) for style in styles)])
        save_sheet(parsed.output / "styles.jpg", rows)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)


def painted(content: Path, style: Path, chosen: dict[str, Any], folder: Path) -> Path:
    """The file of the content in the style, painted if it is not there."""
    told = "-".join(f"{name}-{value}" for name, value in sorted(chosen.items()))
    file = folder / f"{content.stem}-{style.stem}-{told}.png"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        painter = Painter(options.from_mapping(chosen))
        small = at_long_side(reading.load(content), chosen["size"])
        done = painter.paint(small, [StylePicture(style.stem, reading.load(style))])
        writing.save(file, done.picture)
        print(f"{file.name}: {done.report['seconds']['total']:.0f} s", flush=True)
    return file


def at_long_side(pixels: Floats, long_side: int) -> Floats:
    """H×W×4 pixels at this long side, by Lanczos."""
    image = Image.fromarray(writing.to_bytes(pixels))
    image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def save_sheet(file: Path, rows: Iterable[Iterable[Cell]]) -> None:
    """Pictures in rows, each in a square cell above its caption; a cell without a file stays empty."""
    table = [list(row) for row in rows]
    step_x, step_y = CELL + GAP, CELL + CAPTION + GAP
    sheet = Image.new("RGB", (GAP + step_x * len(table[0]), GAP + step_y * len(table)), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for y, row in enumerate(table):
        for x, (caption, picture) in enumerate(row):
            left, top = GAP + x * step_x, GAP + y * step_y
            draw.text((left, top + CELL + 1), caption, fill=(0, 0, 0), font=font)
            if picture != Path():
                shown = Image.fromarray(writing.to_bytes(reading.load(picture)[..., :3]))
                factor = CELL / max(shown.size)
                shown = shown.resize(
                    (round(shown.width * factor), round(shown.height * factor)), Image.Resampling.LANCZOS
                )
                sheet.paste(shown, (left + (CELL - shown.width) // 2, top + (CELL - shown.height) // 2))
    sheet.save(file, quality=92)


if __name__ == "__main__":
    main()
