"""Where a picture is on its layer after the user has scaled, cropped, turned or moved it: numpy does it, we tell."""

from __future__ import annotations

import numpy as np
import pytest
import stand_ins  # noqa: F401  (makes the plug-in's modules known)
from numpy.typing import NDArray

from nst_plugin.shared.painted_area import Area
from nst_plugin.shared.placement import (
    TURNS,
    UPRIGHT,
    Placement,
    Turn,
    View,
    of_part,
    pixel_on_layer,
    placed,
    unchanged,
)

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 96, 72
CANVAS = (160, 140)
AREA = Area(30, 20, WIDTH, HEIGHT)
WHOLE = Area(0, 0, WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def picture() -> Pixels:
    """Soft forms with a little grain, as in a photo."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    soft = 120 + 60 * np.sin(columns / 9 + rows / 23) + 40 * np.cos(rows / 7 - columns / 31)
    return (soft + np.random.default_rng(1).integers(0, 5, soft.shape)).astype(np.uint8)


def view(pixels: Pixels, x: int = 0, y: int = 0, canvas: tuple[int, int] = CANVAS) -> View:
    height, width = pixels.shape
    return View(Area(x, y, width, height), canvas, bytearray(np.ascontiguousarray(pixels).tobytes()))


def flat(area: Area, canvas: tuple[int, int]) -> View:
    """A layer that has one color all over."""
    return View(area, canvas, bytearray(area.width * area.height))


def drawn_by(placement: Placement, pixels: Pixels, shape: tuple[int, int]) -> Pixels:
    """The layer that a placement describes, pixel by pixel."""
    layer = np.zeros(shape, np.uint8)
    for row in range(placement.height):
        for column in range(placement.width):
            x, y = pixel_on_layer(placement, (column, row))
            if 0 <= y < shape[0] and 0 <= x < shape[1]:
                layer[y, x] = pixels[row * len(pixels) // placement.height, column * WIDTH // placement.width]
    return layer


def numpy_turns(pixels: Pixels) -> list[Pixels]:
    """All eight ways in which a picture can lie."""
    return [np.rot90(side, turns) for side in (pixels, pixels[:, ::-1]) for turns in range(4)]


@pytest.mark.parametrize("number", range(8))
def test_every_turn_of_the_whole_image_is_known(picture: Pixels, number: int) -> None:
    turned = numpy_turns(picture)[number]
    placement = placed(view(picture, canvas=(WIDTH, HEIGHT)), view(turned, canvas=turned.shape[::-1]))
    assert (drawn_by(placement, picture, turned.shape) == turned).all()


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("cut", [slice(8, 44), slice(36, 72)])
def test_what_was_turned_and_then_cropped_lies_where_its_pixels_do(picture: Pixels, number: int, cut: slice) -> None:
    cropped = numpy_turns(picture)[number][cut, 10:58]
    placement = placed(view(picture), view(cropped, canvas=(48, 36)))
    assert (drawn_by(placement, picture, cropped.shape) == cropped).all()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (48, 36), (24, 18), (7, 31)])
def test_a_crop_to_the_same_proportions_is_no_scaling(picture: Pixels, x: int, y: int) -> None:
    cropped = picture[y : y + HEIGHT // 2, x : x + WIDTH // 2]
    before = view(picture, canvas=(WIDTH, HEIGHT))
    after = view(cropped, canvas=(WIDTH // 2, HEIGHT // 2))
    assert placed(before, after) == Placement(WIDTH, HEIGHT, UPRIGHT, -x, -y)


def test_a_tiny_layer_is_known_again() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (30, 40), np.uint8)
    after = view(noise[7:22, 13:33], canvas=(20, 15))
    assert placed(view(noise, 30, 20), after) == Placement(40, 30, UPRIGHT, -13, -7)


def test_a_large_soft_picture_of_few_colors_is_known_again() -> None:
    rows, columns = np.mgrid[:1000, :1500]
    soft = (120 + 60 * np.sin(columns / 90 + rows / 230) + 40 * np.cos(rows / 70 - columns / 310)) // 16 * 16
    cropped = soft.astype(np.uint8)[250:750, 125:875]
    canvas = (1500, 1000)
    assert placed(view(soft.astype(np.uint8), canvas=canvas), view(cropped, canvas=(750, 500)))[3:] == (-125, -250)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2])
def test_scaling_is_no_crop(picture: Pixels, factor: float) -> None:
    size = (int(WIDTH * factor), int(HEIGHT * factor))
    rows, columns = np.arange(size[1]) / factor, np.arange(size[0]) / factor
    scaled = picture[rows.astype(int)][:, columns.astype(int)]
    for canvas in (CANVAS, (int(CANVAS[0] * factor), int(CANVAS[1] * factor))):
        after = view(scaled, canvas=canvas)
        assert placed(view(picture), after) == unchanged(after.area)


def test_a_layer_that_was_widened_has_the_picture_inside(picture: Pixels) -> None:
    wide = np.zeros((140, 160), np.uint8)
    wide[20 : 20 + HEIGHT, 30 : 30 + WIDTH] = picture
    assert placed(view(picture, 30, 20), view(wide)) == Placement(WIDTH, HEIGHT, UPRIGHT, 30, 20)


def test_strokes_of_the_users_do_not_hide_the_place(picture: Pixels) -> None:
    cropped = picture[12:60, 20:90].copy()
    cropped[10:20] = 255
    assert placed(view(picture), view(cropped, canvas=(70, 48))) == Placement(WIDTH, HEIGHT, UPRIGHT, -20, -12)
    painted_over = np.full_like(picture, 255)
    assert placed(view(picture), view(painted_over, 9, 9)) == unchanged(WHOLE)


@pytest.mark.parametrize(
    ("area", "canvas", "expected"),
    [
        (Area(30, 20, 96, 72), CANVAS, unchanged(WHOLE)),
        (Area(3, 50, 96, 72), CANVAS, unchanged(WHOLE)),
        (Area(15, 10, 48, 36), (80, 70), unchanged(Area(0, 0, 48, 36))),
        (Area(54, 38, 48, 36), CANVAS, unchanged(Area(0, 0, 48, 36))),
        (Area(30, 20, 48, 36), CANVAS, Placement(96, 72, UPRIGHT, 0, 0)),
        (Area(78, 56, 48, 36), CANVAS, Placement(96, 72, UPRIGHT, -48, -36)),
        (Area(10, 5, 48, 36), (58, 41), Placement(96, 72, UPRIGHT, 0, 0)),
        (Area(0, 0, 48, 36), (100, 100), Placement(96, 72, UPRIGHT, -48, -36)),
        (Area(48, 30, 72, 96), (140, 160), Placement(96, 72, TURNS[1], 0, 0)),
        (Area(20, 34, 72, 96), (140, 160), Placement(96, 72, TURNS[2], 0, 0)),
        (Area(42, 8, 72, 96), CANVAS, Placement(96, 72, TURNS[1], 0, 0)),
    ],
)
def test_where_one_color_tells_nothing_places_and_sizes_do(
    area: Area, canvas: tuple[int, int], expected: Placement
) -> None:
    assert placed(flat(AREA, CANVAS), flat(area, canvas)) == expected


@pytest.mark.parametrize("turn", TURNS)
def test_a_part_of_the_picture_lies_where_its_pixels_do(turn: Turn) -> None:
    whole = Placement(WIDTH * 2, HEIGHT * 2, turn, 5, -9)
    part = of_part(whole, WHOLE, Area(12, 9, 30, 20))
    assert part.extent == ((60, 40) if turn.xx else (40, 60))
    corners = {pixel_on_layer(part, pixel) for pixel in ((0, 0), (59, 39))}
    assert corners == {pixel_on_layer(whole, pixel) for pixel in ((24, 18), (83, 57))}
