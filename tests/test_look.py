"""What a painter sees first, on small pictures: the dial, the border, specks, bare places."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import faults
from PIL import Image

from nst_engine import Options, StylePicture, stylize
from nst_engine.sketch import Sketcher

PICTURES = Path(__file__).parent / "pictures"
SIZE = 128


def picture(name: str) -> np.ndarray:
    image = Image.open(PICTURES / name).convert("RGB")
    image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(image)


CASTLE, NIGHT = picture("content-castle.jpg"), picture("style-starry-night.jpg")


def levels(content: np.ndarray, style: np.ndarray, **options: Any) -> np.ndarray:
    painted = stylize(content, style, Options(**{"size": SIZE, "quality": "draft", "iterations": 14} | options))
    return np.rint(painted[..., :3] * 255).astype(np.uint8)


@lru_cache
def castle_by_night(strength: float) -> np.ndarray:
    return levels(CASTLE, NIGHT, strength=strength)


def test_each_step_of_the_dial_is_further_from_the_photograph_and_only_the_first_is_bare():
    painted = [castle_by_night(strength) for strength in (0.0, 25.0, 50.0, 75.0, 100.0)]
    changes = [np.abs(pixels.astype(int) - CASTLE).mean() for pixels in painted]
    bare = [faults.bareness(pixels, NIGHT) for pixels in painted]
    assert changes == sorted(changes)
    assert bare[0] > 1.05 * max(bare[1:])


def test_the_default_paints_everywhere():
    assert faults.bareness(castle_by_night(50.0), NIGHT) < 0.7 * faults.bareness(CASTLE, NIGHT)


def test_the_default_has_fewer_specks_than_the_painting():
    assert faults.specks(castle_by_night(50.0)) < 0.5 * faults.specks(NIGHT)


def test_a_strip_along_a_styles_border_is_not_copied_to_the_pictures():
    framed = NIGHT.copy()
    framed[:, -8:] = (230, 110, 40)

    def orange_at_the_right(padding: str) -> float:
        strip = levels(CASTLE, framed, padding=padding, style_border=0.0)[:, -4:].astype(float)
        return float(strip[..., 0].mean() - strip[..., 2].mean())

    assert orange_at_the_right("replicate-all") < 0.6 * orange_at_the_right("replicate")


def test_the_edge_of_a_styles_canvas_is_no_stroke():
    framed = NIGHT.copy()
    framed[:, -2:] = framed[:2] = (230, 110, 40)

    def change(border: float) -> float:
        plain = levels(CASTLE, NIGHT, iterations=4, style_border=border)
        return float(np.abs(levels(CASTLE, framed, iterations=4, style_border=border) - plain.astype(float)).mean())

    assert change(3.0) < 0.3 * change(0.0)


@pytest.mark.parametrize("color", ["content", "match"])
def test_other_colors_are_painted_as_well(color):
    assert faults.bareness(levels(CASTLE, NIGHT, color=color), NIGHT) < faults.bareness(CASTLE, NIGHT)


def sketch_of(content: np.ndarray, style: np.ndarray, **options: Any) -> np.ndarray:
    """A sketch of half the size, of pictures that are half as large."""
    content, style = (np.asarray(Image.fromarray(pixels).reduce(2)) for pixels in (content, style))
    painted = Sketcher(Options(**options)).paint(content, [StylePicture("night", style)], kind=np.uint8)
    return painted.picture[..., :3]


def large_patches(pixels: np.ndarray) -> np.ndarray:
    """Colors of the whole in 12 × 8 patches."""
    return np.asarray(Image.fromarray(pixels).resize((12, 8), Image.Resampling.BOX), float)


@pytest.mark.parametrize("options", [{"strength": 20.0}, {"strength": 80.0}, {"color": "content"}])
def test_a_sketch_has_the_balance_of_the_painting(options: dict[str, Any]):
    painted, photograph = large_patches(levels(CASTLE, NIGHT, **options)), large_patches(CASTLE)
    sketched = large_patches(sketch_of(CASTLE, NIGHT, **options))
    assert np.abs(sketched - painted).mean() < 0.6 * np.abs(photograph - painted).mean()
