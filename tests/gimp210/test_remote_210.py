"""An engine on another computer, from the real GIMP 2.10: a real OpenSSH server on loopback stands for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from far_side import FarSide, prepare
from plug_in_210 import PlugIn

CODE = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, MAGENTA)
photo = add_quadrants(image)
layer = stylize(image, photo, style)
tell(told=layer and quadrant_pixels(layer), names=names(image), log=engine_log())
"""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarSide]:
    far = FarSide(prepare(), tmp_path / "far")
    yield far
    far.close()


def be_told_of(plug_in: PlugIn, host: str, ssh: list[str]) -> None:
    engine = {"name": "gpu-box", "host": host, "ssh": plug_in.gimp.engine_command(ssh)}
    (plug_in.folder / "engine.json").write_text(json.dumps({"format": 1, "engines": [engine]}))


def test_whole_numbers_go_there_and_come_back(plug_in: PlugIn, far: FarSide) -> None:
    far.use("answers")
    be_told_of(plug_in, "büro", far.ssh("büro"))
    facts = plug_in.facts(CODE)
    assert facts["told"] == [[0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0.5], [0, 1, 1, 1]]
    assert '"is_far": true' in facts["log"]


def test_who_is_not_let_in_is_told_why_and_the_image_stays_as_it_was(plug_in: PlugIn, far: FarSide) -> None:
    be_told_of(plug_in, "gpu-box", far.ssh(known=None))
    facts = plug_in.facts(CODE)
    assert (facts["told"], facts["names"]) == (None, ["photo", "painting"])
    assert "The key of gpu-box is not known yet" in facts["stderr"]
