"""GIMP 2.10 in a window, on a display of its own, with batch code that tells how things stand whenever it is asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from plug_in_210 import CHECKOUT, PlugIn

sys.path.insert(0, str(CHECKOUT / "tests/gimp"))

from watching import engines as engines
from watching import wait_until as wait_until
from window import WindowSession

# Runs in GIMP beside the user's clicks: answers each question by the names of the image's layers, until "quit".
ANSWER = """
import time
number = 0
while True:
    question = {questions!r} + str(number)
    while not os.path.exists(question):
        time.sleep(0.1)
    tell(names=names(image))
    finish({answers!r} + str(number))
    number += 1
"""


class Window210(WindowSession):
    """GIMP with one image open, which ``code`` has made and called ``image``; otherwise as for GIMP 3."""

    def __init__(self, plug_in: PlugIn, code: str, env: dict[str, str] | None = None) -> None:
        environment = {"GIMP2_DIRECTORY": plug_in.gimp.inside(plug_in.profile), **(env or {})}
        super().__init__(plug_in.gimp, plug_in.profile, Path(__file__), environment)
        self._plug_in, self._code = plug_in, code
        self._asked = 0

    def layer_names(self) -> list[str]:
        answer = self.folder / f"answer-{self._asked}"
        (self.folder / f"question-{self._asked}").touch()
        self._asked += 1
        self._wait("answer of the batch code", answer.exists, 60)
        told: dict[str, Any] = json.loads(answer.read_text())
        return list(told["names"])

    def action(self, label: str) -> None:
        self.search(label)

    def _start_gimp(self) -> None:
        inside = self.gimp.inside(self.folder)
        answer = ANSWER.format(questions=f"{inside}/question-", answers=f"{inside}/answer-")
        script, _ = self._plug_in.write_script(f"{self._code}\ngimp.Display(image)\n{answer}")
        options = ["--new-instance", "--no-splash", "--batch-interpreter=python-fu-eval"]
        self._gimp = self._start("gimp", *options, "-b", f"execfile({self.gimp.inside(script)!r})")
        self.layer_names()
        self.focus("GIMP$")
