"""Engines on another computer, from GIMP: a real OpenSSH server on loopback stands for it."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from far_side import FarSide, Line, prepare
from plug_in import REAL_ENGINE, PlugIn
from watching import AFTER, DIALOG, ENGINES, UNFINISHED, opened, pixel, start, wait_for_layers, wait_until
from window import WindowSession

HERE = "This computer"
PHOTO = Path(__file__).parents[1] / "pictures/content-castle.jpg"
PIXELS = 3_000_000
SLOW = 12_500_000
"""A line of 100 Mbit, in bytes a second."""

LOST = "The line to cut broke"
AWAY = "away cannot be reached"


class Elsewhere:
    """The plug-in with engines on another computer, each reached and started in a way of its own."""

    def __init__(self, plug_in: PlugIn, far: FarSide) -> None:
        self.plug_in, self.far = plug_in, far
        self.path = plug_in.profile / "plug-ins/neural-style/engine.json"
        plug_in.use("answers")
        (self.here,) = json.loads(self.path.read_text())["engines"]
        self.entries: list[dict[str, Any]] = []

    def know(self, name: str, stand_in: str, *arguments: str, **way: Any) -> None:
        words = [sys.executable, str(ENGINES / f"{stand_in}.py"), *arguments]
        ssh = self.plug_in.gimp.engine_command(self.far.ssh(name, **way))
        self.entries.append({"name": name, "host": name, "command": words, "ssh": ssh})

    @property
    def photo(self) -> str:
        """A file that GIMP can see."""
        gimp = self.plug_in.gimp
        return gimp.inside(shutil.copy(PHOTO, gimp.outside("/tmp") / "castle.jpg"))

    def write(self, *first: dict[str, Any]) -> None:
        """Tell the plug-in of these engines, and of the one on this computer last if none is to come first."""
        listed = [*first, *self.entries, *([] if first else [self.here])]
        self.path.write_text(json.dumps({"format": 1, "version": "", "engines": listed}))


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    far = FarSide(prepare(), tmp_path_factory.mktemp("far"))
    yield far
    far.close()


@pytest.fixture
def elsewhere(installed_plug_in: PlugIn, far: FarSide) -> Iterator[Elsewhere]:
    elsewhere = Elsewhere(installed_plug_in, far)
    yield elsewhere
    elsewhere.path.unlink()


IN_GIMP = """
image = new_image()
photo = add_quadrants(image)
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
told = {{}}
for name in {names!r}:
    layer = stylize(image, photo, style=style, engine=name)
    told[name] = layer if isinstance(layer, str) else quadrant_pixels(layer)
    if not isinstance(layer, str):
        image.remove_layer(layer)
tell(told=told, names=[layer.get_name() for layer in image.get_layers()])
"""
REFUSED = {
    "stranger": "The key of stranger is not known yet",
    "impostor": "impostor has another key than before",
    "locked": "locked lets nobody in from here without a password",
    "away": AWAY,
    "older": "The engine on older speaks version 0 of the protocol and the plug-in version",
    "missing": "The engine of Neural Style is not installed on missing",
    "larger": "The engine sent a message 'result' that this plug-in does not understand",
    "turned": "The engine sent a message 'result' that this plug-in does not understand",
    "huge": "The engine sent something that is no message",
    "nobody": 'There is no engine "nobody": choose one of these: gpu-box, ',
}


def test_scripts_choose_an_engine_and_whatever_it_does_the_image_is_as_it_was(elsewhere: Elsewhere) -> None:
    elsewhere.know("gpu-box", "answers")
    elsewhere.know("stranger", "answers", known=None)
    elsewhere.know("impostor", "answers", known="other_key")
    elsewhere.know("locked", "answers", key="other_key")
    elsewhere.know("away", "answers", port=9)
    elsewhere.know("older", "is_older")
    elsewhere.know("larger", "is_hostile", "larger")
    elsewhere.know("turned", "is_hostile", "turned")
    elsewhere.know("huge", "is_hostile", "huge preview")
    elsewhere.know("missing", "answers")
    elsewhere.entries[-1]["command"] = ["no-such-engine"]
    elsewhere.write()
    facts = elsewhere.plug_in.facts(IN_GIMP.format(names=["", "gpu-box", HERE, *REFUSED]))
    assert facts["names"] == ["painting", "photo"]
    painted = facts["told"][HERE]
    assert facts["told"][""] == facts["told"]["gpu-box"] == painted
    assert painted[0] == [0, 0, 1, 1], "red and blue exchanged"
    for name, sentence in REFUSED.items():
        assert re.fullmatch(rf"(execution|calling)-error: {re.escape(sentence)}.*", facts["told"][name])


AGAIN = """
image = new_image()
photo = add_quadrants(image)
layer = stylize(image, photo, style=add_layer(image, "painting", 0, 0, 20, 20, CYAN), engine="This computer")
second = stylize(image, layer, procedure="plug-in-neural-style-again")
tell(told=second if isinstance(second, str) else quadrant_pixels(second)[0])
"""


def test_again_paints_with_the_engine_that_painted_before(elsewhere: Elsewhere) -> None:
    elsewhere.know("first of the list", "is_hostile", "larger")
    elsewhere.write()
    assert elsewhere.plug_in.facts(AGAIN)["told"] == [0, 0, 1, 1]


PAINTED = """
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file({photo!r}))
image.scale(64, 48)
(photo,) = image.get_layers()
style = add_layer(image, "painting", 0, 0, 48, 48, CYAN)
layer = stylize(image, photo, style=style, engine="real", quality="draft", size=64)
assert isinstance(layer, Gimp.Layer), layer
tell(before=quadrant_pixels(photo), after=quadrant_pixels(layer), name=layer.get_name())
"""


def test_the_real_engine_paints_elsewhere(elsewhere: Elsewhere) -> None:
    elsewhere.know("real", "answers")
    elsewhere.entries[-1]["command"] = REAL_ENGINE
    elsewhere.write()
    facts = elsewhere.plug_in.facts(PAINTED.format(photo=elsewhere.photo))
    assert facts["name"].endswith(" in the style of painting")
    assert facts["after"] != facts["before"]


LARGE = """
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file({photo!r}))
image.scale(2000, 1500)
(photo,) = image.get_layers()
layer = stylize(image, photo, style=add_layer(image, "painting", 0, 0, 20, 20, CYAN), engine="slow")
tell(told=layer if isinstance(layer, str) else quadrant_pixels(layer), photo=quadrant_pixels(photo))
"""


def test_a_large_picture_goes_through_a_slow_line_once(elsewhere: Elsewhere, tmp_path: Path) -> None:
    line = Line(tmp_path / "line", SLOW)
    elsewhere.know("slow", "answers", line=line)
    elsewhere.write()
    facts = elsewhere.plug_in.facts(LARGE.format(photo=elsewhere.photo))
    assert facts["told"] == [[blue, green, red, alpha] for red, green, blue, alpha in facts["photo"]]
    print(f"{line.sent / PIXELS:.2f} bytes a pixel sent, {line.received / PIXELS:.2f} received")
    assert max(line.sent, line.received) < 1.3 * 4 * PIXELS, "of 8 bits and four channels, as the image has them"


def test_a_line_that_is_cut_leaves_the_last_picture_on_the_layer(
    window: WindowSession, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    line = Line(tmp_path / "line")
    elsewhere.know("cut", "paints", line=line)
    elsewhere.write()
    start(window)
    wait_for_layers(window, UNFINISHED)
    wait_until(lambda: pixel(window, 10, 10) == [0, 0, 255, 255])
    line.cut()
    window.wait_window("^GIMP Message$")
    assert LOST in window.tree() and "The layer has what came by then" in window.tree()
    window.press("GIMP Message", "OK")
    wait_for_layers(window, UNFINISHED)
    assert pixel(window, 10, 10) == [0, 0, 255, 255]


def test_no_picture_goes_to_another_computer_before_ok(
    window: WindowSession, elsewhere: Elsewhere, tmp_path: Path, screenshots: Path
) -> None:
    recording = tmp_path / "sketch.frame"
    elsewhere.know("far", "sketches_without_end", str(recording))
    elsewhere.write()
    for _ in opened(window):
        wait_until(lambda: "No preview from another computer" in window.tree())
        time.sleep(1)  # longer than options have to stay as they are before a sketch
        window.screenshot(screenshots / "no-preview-elsewhere.png")
        assert not recording.exists()


def test_one_click_takes_this_computer_where_the_other_is_away(
    window: WindowSession, elsewhere: Elsewhere, screenshots: Path
) -> None:
    elsewhere.know("away", "answers", port=9)
    elsewhere.write()
    window.action("Neural Style")
    window.wait_window(f"^{DIALOG}$")
    wait_until(lambda: AWAY in window.tree())
    window.screenshot(screenshots / "engine-away.png")
    window.press(DIALOG, f"Use {HERE}")
    wait_until(lambda: AWAY not in window.tree())
    window.press(DIALOG, "OK")
    wait_for_layers(window, AFTER)


def test_where_no_engine_of_this_computer_starts_it_takes_a_click_to_go_elsewhere(
    window: WindowSession, elsewhere: Elsewhere
) -> None:
    elsewhere.know("far", "answers")
    elsewhere.write({"name": HERE, "command": ["/nowhere/engine"]})
    window.action("Neural Style")
    window.wait_window(f"^{DIALOG}$")
    wait_until(lambda: "The engine of Neural Style is not installed" in window.tree())
    window.press(DIALOG, "Use far")
    wait_until(lambda: "Works at" in window.tree())
    window.press(DIALOG, "OK")
    wait_for_layers(window, AFTER)
