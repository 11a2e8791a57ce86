"""What the eye notices and no style loss measures: strips along the border, specks, bare places.

``python -m tests.benchmarks.faults STYLE PICTURE [PICTURE ...]`` prints a row for each picture, the lattice among them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from nst_engine.network import library
from nst_engine.network.vgg import VGG19

from .lattice import lattice

Levels = NDArray[np.uint8]
"""H×W×3, 0…255."""

STRIP = 1 / 64
"""Width of the strips that :func:`border_strip` compares, of the picture's side."""

SPECK = 64
"""Levels by which a speck differs from the median of its 3×3 neighborhood."""

SHALLOW = ("relu1_1", "relu2_1", "relu3_1")

WINDOW = 32
"""Side in pixels of the windows that :func:`bareness` compares, half a window apart."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", type=Path, metavar="STYLE")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parsed = parser.parse_args(arguments)
    print("| picture | border strip | specks, per mille | lattice | bareness |\n| --- | --- | --- | --- | --- |")
    for file in parsed.pictures:
        picture = _levels(file)
        style = _levels(parsed.style, max(picture.shape))
        found = f"{border_strip(picture):.1f} | {1000 * specks(picture):.2f} | {lattice(picture):.1f}"
        print(f"| {file.name} | {found} | {bareness(picture, style):.3f} |", flush=True)


def border_strip(picture: Levels) -> float:
    """How much a strip along one of the four sides stands out.

    Mean colors of strips next to one another, as differences: the outermost one's over the 90th percentile of those
    inside, for the worst side. Below 1 the border is like any other place; a frame that can be seen gives above 2.
    """
    return max(_first_step(np.rot90(picture.astype(np.float64), turns)) for turns in range(4))


def _first_step(pixels: NDArray[np.float64]) -> float:
    """The difference between the leftmost two strips over the 90th percentile of all others."""
    width = max(2, round(STRIP * pixels.shape[1]))
    count = pixels.shape[1] // width
    strips = pixels[:, : count * width].reshape(len(pixels), count, width, 3).mean(axis=(0, 2))
    steps = np.linalg.norm(np.diff(strips, axis=0), axis=1)
    return float(steps[0] / (np.percentile(steps[2:-2], 90) + 0.5))


def specks(picture: Levels) -> float:
    """Share of the pixels that differ from the median of their 3×3 neighborhood by SPECK levels or more."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1)), axis=(3, 4))
    return float((np.abs(picture - medians).max(axis=2) >= SPECK).mean())


def bareness(picture: Levels, style: Levels) -> float:
    """How far the tenth of a picture that is least like the style is from it; a photograph gives most.

    Means and deviations of shallow features in windows; each window's distance to the nearest one of the style, in
    units of the style's own spread, and of all windows the mean of the worst tenth.
    """
    vgg = VGG19(library.load("vgg19"), torch.device("cpu"), "replicate-all")
    squares: list[Tensor] = []
    with torch.no_grad():
        for ours, theirs in zip(_windows(vgg, picture), _windows(vgg, style), strict=True):
            spread = (theirs - theirs.mean(dim=0)).square().sum(dim=1).mean()
            squares.append(torch.cdist(ours, theirs).square() / spread)
    nearest = torch.stack(squares).mean(dim=0).amin(dim=1).sqrt().sort(descending=True).values
    return float(nearest[: max(1, len(nearest) // 10)].mean())


def _windows(vgg: VGG19, picture: Levels) -> list[Tensor]:
    """Means and deviations of each SHALLOW layer's features in N windows, N×2C."""
    image = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    rows, columns = (side // (WINDOW // 2) - 1 for side in picture.shape[:2])
    found = []
    for layer, features in vgg(image, SHALLOW).items():
        side = WINDOW >> SHALLOW.index(layer)
        mean, square = (F.avg_pool2d(values[None], side, side // 2)[0] for values in (features, features.square()))
        both = torch.cat([mean, (square - mean.square()).clamp(min=0).sqrt()])
        found.append(both[:, :rows, :columns].flatten(1).T)
    return found


def _levels(file: Path, long_side: int | None = None) -> Levels:
    image = Image.open(file).convert("RGB")
    if long_side is not None:
        image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return np.asarray(image)


if __name__ == "__main__":
    main()
