"""Runs of many hundred steps with the real engine: their pictures arrive, however long the story of their making is."""

from __future__ import annotations

import re
from typing import Any

from plug_in import REAL_ENGINE, PlugIn
from watching import AFTER, RESULT, ask, wait_for_layers, wait_until
from window import WindowSession

PATTERNED = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 64, 64, CYAN)
photo = add_layer(image, "photo", 0, 0, 64, 48, GREEN)
for x in range(0, 64, 8):
    fill(style, x, 0, 3, 64, MAGENTA)
    fill(photo, x, 8, 5, 20, YELLOW)
"""


def test_the_longest_quality_ends_in_a_layer(installed_plug_in: PlugIn) -> None:
    installed_plug_in.use_command(REAL_ENGINE)
    facts: dict[str, Any] = installed_plug_in.facts(
        PATTERNED
        + """
result = stylize(image, photo, style=style, quality='best', size=64)
note = json.loads(bytes(result.get_parasite("neural-style").get_data()))
tell(name=result.get_name(), steps=note["used"]["steps"], differs=quadrant_pixels(result) != quadrant_pixels(photo))
"""
    )
    assert facts["name"] == RESULT
    assert facts["steps"] >= 50
    assert facts["differs"]


def test_stop_after_hundreds_of_steps_keeps_the_picture(window: WindowSession, installed_plug_in: PlugIn) -> None:
    installed_plug_in.use_command(REAL_ENGINE)
    window.action("Neural Style")
    window.toggle("Neural Style", "Advanced", True)
    window.choose("Neural Style", "Recipe", "The classic script")
    window.press("Neural Style", "OK")
    wait_until(lambda: window.get_number(RESULT, "Progress") > 0.45, 300)
    window.press(RESULT, "Stop")
    wait_for_layers(window, AFTER)
    note = "bytes(Gimp.get_images()[0].get_layers()[0].get_parasite('neural-style').get_data())"
    steps = int(re.findall(rb'"steps": (\d+)', ask(window, note))[-1])
    assert 400 < steps < 1000
