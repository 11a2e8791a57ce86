"""Images of every precision, gray ones, and such with a color profile: what the engine sees, and what is written back.

The engine gives the content back as it is, so all that differs was lost on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plug_in import EchoedPlugIn, PlugIn

FLOAT_UNIT = 2**-19
"""What float32 is good for after a curve there and back, whichever of its ways babl finds quickest this time."""

UNITS = {"u8": 1 / 255, "u16": 1 / 65535, "u32": FLOAT_UNIT, "half": 2**-11, "float": FLOAT_UNIT, "double": FLOAT_UNIT}
"""One step of each precision near 1, or one of the float32 that the pixels travel in."""

ADOBE_UNIT = 0.005
"""GIMP's library babl only approximates the curve of Adobe RGB, a pure power, which shows in the darkest tones."""

KINDS = [
    *(f"{depth}_{encoding}" for depth in UNITS for encoding in ("non_linear", "linear")),
    "u8_perceptual",
    "float_perceptual",
    *(f"{kind} wide" for kind in ("u8_non_linear", "u16_non_linear", "u16_linear", "float_linear")),
    *(f"{kind} adobe" for kind in ("u8_non_linear", "u16_non_linear", "u16_linear")),
    *(f"{kind} gray" for kind in ("u8_non_linear", "u16_non_linear", "float_linear")),
]
"""Precision, then what is special: Adobe RGB, its wide gamut with the curve of sRGB (as Display P3 has), gray."""

PAINT = """
WIDTH, HEIGHT = 64, 16
AREA = Gegl.Rectangle.new(0, 0, WIDTH, HEIGHT)
ADOBE = Gimp.ColorProfile.new_rgb_adobe()
PROFILES = {"adobe": ADOBE, "wide": ADOBE.new_srgb_trc_from_color_profile()}
ENCODED = {"linear": "RGBA double", "non_linear": "R'G'B'A double", "perceptual": "R~G~B~A double"}

def values_of(layer, encoding):
    pixels = layer.get_buffer().get(AREA, 1.0, ENCODED[encoding], Gegl.AbyssPolicy.NONE)
    return struct.unpack(f"{WIDTH * HEIGHT * 4}d", pixels)

def paint(kind):
    precision, _, extra = kind.partition(" ")
    depth, _, encoding = precision.partition("_")
    base = Gimp.ImageBaseType.GRAY if extra == "gray" else Gimp.ImageBaseType.RGB
    image = new_image(base, getattr(Gimp.Precision, precision.upper()))
    photo = add_layer(image, "photo", 0, 0, WIDTH, HEIGHT, RED)
    ramp = [n / (WIDTH * HEIGHT - 1) for n in range(WIDTH * HEIGHT)]
    pixels = [(v, v, v, 1) if extra == "gray" else (v, 1 - v, v * v, 1 - v / 2) for v in ramp]
    buffer = photo.get_buffer()
    buffer.set(AREA, FORMAT, b"".join(struct.pack("4f", *p) for p in pixels))
    buffer.flush()
    style = add_layer(image, "painting", 0, 0, 8, 8, CYAN)
    if extra in PROFILES:
        image.set_color_profile(PROFILES[extra])  # the numbers stay, and so mean other colors
    result = stylize(image, photo, style=style)
    if extra in PROFILES:
        image.set_color_profile(Gimp.ColorProfile.new_rgb_srgb())
    before, after = values_of(photo, encoding), values_of(result, encoding)
    fact = dict(lost=max(abs(a - b) for a, b in zip(before, after)),
                steps=[len(set(before[0::4])), len(set(after[0::4]))],
                precision=image.get_precision() == getattr(Gimp.Precision, precision.upper()), gray=result.is_gray())
    image.delete()
    return fact
"""


@pytest.fixture(scope="module")
def painted(installed_plug_in: PlugIn, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    recording = tmp_path_factory.mktemp("kinds") / "job.frame"
    echo = EchoedPlugIn(installed_plug_in, recording)
    return echo.facts(f"{PAINT}\nfor kind in {KINDS!r}:\n    tell(**{{kind: paint(kind)}})\n")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_on_the_way_to_the_engine_and_back(painted: dict[str, Any], kind: str) -> None:
    fact = painted[kind]
    unit = ADOBE_UNIT if kind.endswith("non_linear adobe") else UNITS[kind.partition("_")[0]]
    assert fact["lost"] <= unit * 1.001
    before, after = fact["steps"]
    assert after == before  # no banding
    assert fact["precision"]
    assert fact["gray"] == ("gray" in kind)


ADOBE_TO_XYZ = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
SRGB_TO_XYZ = [[0.41246, 0.35758, 0.18044], [0.21267, 0.71515, 0.07218], [0.01933, 0.11919, 0.95030]]


def srgb_of_adobe(encoded: Any) -> Any:
    """sRGB-encoded values of Adobe RGB (1998) ones, by the numbers of both standards; negative ones go straight on."""
    linear = np.linalg.solve(SRGB_TO_XYZ, ADOBE_TO_XYZ @ np.power(encoded, 563 / 256))
    curve = 1.055 * np.power(np.maximum(linear, 0), 1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve)


def test_the_engine_gets_srgb_whatever_the_profile(echo: EchoedPlugIn) -> None:
    facts = echo.facts("""
image = new_image(precision=Gimp.Precision.U16_NON_LINEAR)
photo = add_layer(image, "photo", 0, 0, 3, 1, (0.2, 0.6, 0.3, 1))
fill(photo, 1, 0, 1, 1, (0.9, 0.5, 0.4, 1))
fill(photo, 2, 0, 1, 1, (0, 1, 0, 1))
style = add_layer(image, "painting", 0, 0, 8, 8, CYAN)
image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
result = stylize(image, photo, style=style)
image.set_color_profile(Gimp.ColorProfile.new_rgb_srgb())
tell(back=[pixel(result, x, 0, digits=5) for x in range(3)])
image.delete()
""")
    stored = [[0.2, 0.6, 0.3], [0.9, 0.5, 0.4], [0, 1, 0]]
    sent = echo.arrays["content"][0, :, :3]
    assert sent.tolist() == [pytest.approx(srgb_of_adobe(color).tolist(), abs=2e-3) for color in stored]
    assert sent[2, 0] < -0.3  # a green that no sRGB screen shows is not cut off
    assert facts["back"] == [pytest.approx([*color, 1], abs=1e-3) for color in stored]


def test_colors_brighter_than_white_survive_in_float(echo: EchoedPlugIn) -> None:
    facts = echo.facts("""
image = new_image(precision=Gimp.Precision.FLOAT_LINEAR)
photo = add_layer(image, "photo", 0, 0, 8, 8, (1.5, -0.2, 0.5, 1))
result = stylize(image, photo, style=add_layer(image, "painting", 0, 0, 8, 8, CYAN))
tell(back=pixel(result, 3, 3, digits=5))
image.delete()
""")
    assert facts["back"] == [1.5, -0.2, 0.5, 1]
