"""Where a picture is on its layer, after the user has scaled, cropped, turned or moved the layer or its image.

GIMP tells a plug-in what there is, and not what was done. Places and sizes tell most of it, the pixels the rest.
Understood by Python 2.7 and 3.
"""

import collections
import itertools
import time

from nst_plugin.shared.painted_area import Area

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Dict, Iterator, List, Tuple

RUNS = (240, 24)
"""Pixels in a line of which a place in the picture is known again, if there is no second one like it: first the long
ones, which soft pictures need. On a small layer they have half its shorter side."""

PLACES = 24
"""At how many places of the layer such lines are looked for."""

ENOUGH = 3
"""How many of them have to agree."""

SECONDS = 5.0
"""How long is looked for them at most: Python 2.7 takes seconds for one where a large picture repeats itself."""

SAMPLES = 24
"""Pixels in a row and in a column that are compared to see whether a placement is the right one."""

GOLDEN = 0.618034
"""Steps of this length come to ever new places."""

Turn = collections.namedtuple("Turn", "xx yx xy yy")
"""Where a picture's own axes point on the layer: its rows to (xx, yx), its columns to (xy, yy)."""

UPRIGHT = Turn(1, 0, 0, 1)
TURNS = (
    UPRIGHT,
    Turn(0, 1, -1, 0),  # clockwise
    Turn(0, -1, 1, 0),
    Turn(-1, 0, 0, -1),
    Turn(-1, 0, 0, 1),  # a mirror from left to right
    Turn(1, 0, 0, -1),
    Turn(0, 1, 1, 0),
    Turn(0, -1, -1, 0),
)

View = collections.namedtuple("View", "area canvas gray")
"""A layer at one time: its Area on the canvas, the canvas' width and height, and how bright each of its pixels is, one
uint8 a pixel as a bytearray, row-major, top row first."""


class Placement(collections.namedtuple("Placement", "width height turn x y")):
    """A picture in this size, then turned, then with its upper left corner at this pixel of the layer."""

    __slots__ = ()

    @property
    def extent(self):
        # type: () -> Tuple[int, int]
        """Width and height on the layer."""
        return turned(self.width, self.height, self.turn)

    @property
    def origin(self):
        # type: () -> Tuple[int, int]
        """The corner of the layer's pixel at which the picture's own rows and columns begin."""
        width, height = self.extent
        turn = self.turn
        return (self.x + (width if turn.xx + turn.xy < 0 else 0), self.y + (height if turn.yx + turn.yy < 0 else 0))


def unchanged(area):
    # type: (Area) -> Placement
    """The whole picture on a layer of this size."""
    return filling(area, UPRIGHT)


def placed(before, now):
    # type: (View, View) -> Placement
    """Where the picture that once filled a layer is on it now; what cannot be told is as places and sizes suggest."""
    likely = suggested(before, now)
    difference = compared(before, now, likely)
    for other in itertools.chain(found(before, now), possible(before, now)) if difference else ():
        its_difference = compared(before, now, other)
        if 2 * its_difference < difference:
            likely, difference = other, its_difference
    return likely


def suggested(before, now):
    # type: (View, View) -> Placement
    """What places and sizes alone suggest."""
    area, old, is_same_canvas = now.area, before.area, now.canvas == before.canvas
    if area[2:] == old[2:]:
        return unchanged(area)
    for turn in TURNS:
        if follows_canvas(before, now, turn):
            return filling(area, turn)
    for turn in TURNS[:2]:
        if is_same_canvas and is_centered(old, area) and has_proportions(turned(old.width, old.height, turn), area):
            return filling(area, turn)
    return next(cuts(before, now))


def possible(before, now):
    # type: (View, View) -> Iterator[Placement]
    """Whatever else may have been done."""
    return itertools.chain((filling(now.area, turn) for turn in TURNS), cuts(before, now))


def filling(area, turn):
    # type: (Area, Turn) -> Placement
    """The picture scaled and turned as a whole."""
    width, height = turned(area.width, area.height, turn)
    return Placement(width, height, turn, 0, 0)


def cuts(before, now):
    # type: (View, View) -> Iterator[Placement]
    """The picture cut at its edges, or widened there: the likeliest first."""
    width, height = before.area.width, before.area.height
    across, down = shifts(before, now, 0), shifts(before, now, 1)
    return (Placement(width, height, UPRIGHT, x, y) for x, y in itertools.product(across, down))


def shifts(before, now, axis):
    # type: (View, View, int) -> List[int]
    """Where in the layer the picture may begin along one axis: the likeliest first."""
    start, length = now.area[axis], now.area[axis + 2]
    rest = length - before.area[axis + 2]
    stayed, left, right = before.area[axis] - start, 0, rest
    if now.canvas[axis] == before.canvas[axis]:
        return [stayed, left, right, rest // 2]
    ends_inside = start + length < now.canvas[axis]
    return [right, left, rest // 2, stayed] if start <= 0 and ends_inside else [left, right, rest // 2, stayed]


def follows_canvas(before, now, turn):
    # type: (View, View, Turn) -> bool
    """Whether a layer is where it is when the whole image is turned so and scaled."""
    canvas, new_canvas = Area(0, 0, *before.canvas), Area(0, 0, *now.canvas)
    expected = of_part(filling(new_canvas, turn), canvas, before.area)
    there = (expected.x, expected.y) + expected.extent
    return all(abs(there[number] - now.area[number]) <= 2 for number in range(4))


def of_part(placement, area, part):
    # type: (Placement, Area, Area) -> Placement
    """Where a part of the picture is that once filled an area."""
    across, down = placement.width / float(area.width), placement.height / float(area.height)
    left, top = int(round(part.x * across)), int(round(part.y * down))
    width, height = max(1, int(round(part.width * across))), max(1, int(round(part.height * down)))
    corners = [pixel_on_layer(placement, pixel) for pixel in ((left, top), (left + width - 1, top + height - 1))]
    return Placement(width, height, placement.turn, min(x for x, _y in corners), min(y for _x, y in corners))


def found(before, now):
    # type: (View, View) -> Iterator[Placement]
    """What lines of pixels, known again from the picture, agree on."""
    votes = collections.Counter()  # type: Dict[Placement, int]
    runs = sorted({min(run, now.area.width // 2, now.area.height // 2) for run in RUNS}, reverse=True)
    end = time.time() + SECONDS
    for (x, y), (xx, yx), line in itertools.chain(*(lines(now, run) for run in runs)):
        if time.time() > end:
            return
        place = only_place(before.gray, line)
        row, column = divmod(place, before.area.width)
        if place < 0 or column + len(line) > before.area.width:
            continue
        for turn in (turn for turn in TURNS if (turn.xx, turn.yx) == (xx, yx)):
            vote = through(before, turn, (column, row), (x, y))
            votes[vote] += 1
            if votes[vote] == ENOUGH:
                yield vote
                return


def lines(now, length):
    # type: (View, int) -> Iterator[Tuple[Tuple[int, int], Tuple[int, int], bytearray]]
    """Lines of so many pixels from all over a layer: the first one's place, the direction, and how bright they are."""
    width, height = now.area.width, now.area.height
    for number in range(PLACES):
        x, y = int(width * (GOLDEN * number % 1)), int(height * (number + 0.5) / PLACES)
        for xx, yx in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            end_x, end_y = x + (length - 1) * xx, y + (length - 1) * yx
            if 0 <= end_x < width and 0 <= end_y < height:
                start, step = y * width + x, yx * width + xx
                yield (x, y), (xx, yx), bytearray(now.gray[start + place * step] for place in range(length))


def only_place(gray, line):
    # type: (bytearray, bytearray) -> int
    """Where a line is in the picture, -1 if nowhere or more than once."""
    place = gray.find(line) if len(set(line)) > 1 else -1
    return place if place >= 0 and gray.find(line, place + 1) < 0 else -1


def through(before, turn, pixel, point):
    # type: (View, Turn, Tuple[int, int], Tuple[int, int]) -> Placement
    """The placement by which this pixel of the picture comes to this point of the layer."""
    width, height = before.area.width, before.area.height
    at_corner = Placement(width, height, turn, 0, 0)
    there = pixel_on_layer(at_corner, pixel)
    return at_corner._replace(x=point[0] - there[0], y=point[1] - there[1])


def pixel_on_layer(placement, pixel):
    # type: (Placement, Tuple[int, int]) -> Tuple[int, int]
    """To which pixel of the layer one of the picture in its new size comes."""
    turn, (x, y) = placement.turn, placement.origin
    across = x + turn.xx * pixel[0] + turn.xy * pixel[1]
    down = y + turn.yx * pixel[0] + turn.yy * pixel[1]
    return across - (turn.xx + turn.xy < 0), down - (turn.yx + turn.yy < 0)


def compared(before, now, placement):
    # type: (View, View, Placement) -> float
    """How different picture and layer are by a placement, in steps of brightness a pixel; much if they do not meet."""
    left, top = max(0, placement.x), max(0, placement.y)
    right = min(now.area.width, placement.x + placement.extent[0])
    bottom = min(now.area.height, placement.y + placement.extent[1])
    if right <= left or bottom <= top:
        return 255.0
    turn, (x, y) = placement.turn, pixel_on_layer(placement, (0, 0))
    difference, width, height = 0, before.area.width, before.area.height
    for across, down in itertools.product(samples(left, right), samples(top, bottom)):
        column = turn.xx * (across - x) + turn.yx * (down - y)
        row = turn.xy * (across - x) + turn.yy * (down - y)
        was = before.gray[row * height // placement.height * width + column * width // placement.width]
        difference += abs(was - now.gray[down * now.area.width + across])
    return difference / float(SAMPLES**2)


def samples(start, end):
    # type: (int, int) -> List[int]
    return [int(start + (end - start) * (number + 0.5) / SAMPLES) for number in range(SAMPLES)]


def turned(width, height, turn):
    # type: (int, int, Turn) -> Tuple[int, int]
    """Width and height after a turn; before it, if they are those after it."""
    return (width, height) if turn.xx else (height, width)


def is_centered(old, area):
    # type: (Tuple[int, ...], Tuple[int, ...]) -> bool
    """Whether two areas have their middle in common, as GIMP leaves that of a layer which it scales or turns."""
    return all(abs(2 * old[axis] + old[axis + 2] - 2 * area[axis] - area[axis + 2]) <= 2 for axis in (0, 1))


def has_proportions(size, area):
    # type: (Tuple[int, int], Tuple[int, ...]) -> bool
    """Whether an area has the proportions of a size, but for the rounding to whole pixels."""
    return abs(area[2] * size[1] - area[3] * size[0]) <= max(size)
