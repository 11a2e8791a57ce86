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

# Runs in GIMP beside the user's clicks: does what each question says, and answers by the names of the image's layers.
ANSWER = """
import time
number = 0
while True:
    question = {questions!r} + str(number)
    while not os.path.exists(question):
        time.sleep(0.1)
    exec(open(question).read())
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
        return list(self.do("")["names"])

    def do(self, code: str) -> dict[str, Any]:
        """Let GIMP run Python-Fu and return what it tells."""
        answer, question = (self.folder / f"{name}-{self._asked}" for name in ("answer", "question"))
        question.with_suffix(".new").write_text(code)
        question.with_suffix(".new").rename(question)
        self._asked += 1
        self._wait("answer of the batch code", answer.exists, 60)
        return json.loads(answer.read_text())  # type: ignore[no-any-return]

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
