"""Python-Fu for a GIMP that is running: pieces of code, one after another, by a plug-in of the tests' own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from real_gimp import Gimp

LISTENER = Path(__file__).with_name("listens.py")


class BatchError(Exception):
    """Batch code raised; the message is its traceback."""


class Batches:
    """The way to one GIMP, which has to be started with this profile and, in addition, this environment."""

    def __init__(self, gimp: Gimp, profile: Path, folder: Path) -> None:
        """Files of code and answers go into the folder, which GIMP sees, too."""
        self._gimp, self._folder = gimp, folder
        self._count = 0
        place = profile / "plug-ins" / LISTENER.stem
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy2(LISTENER, place)  # of the same age each time, or GIMP would ask it anew what it does
        path = folder / "batches"
        os.mkfifo(path)
        self._pipe = path.open("r+b", buffering=0)  # held at both ends, it waits for nobody
        self.environment = {"NST_BATCHES": gimp.inside(path)}

    def begin(self, code: str) -> Path:
        """Let GIMP run this; the file that is returned will be there once it has."""
        self._count += 1
        script = self._folder / f"batch-{self._count}.py"
        answer = script.with_suffix(".json")
        script.write_text(code)
        self._pipe.write(f"{self._gimp.inside(script)} {self._gimp.inside(answer)}\n".encode())
        return answer

    def close(self) -> None:
        self._pipe.close()


def printed(answer: Path) -> str:
    """What the code has printed; `BatchError` when it raised."""
    outcome = json.loads(answer.read_text())
    if outcome["raised"]:
        raise BatchError(outcome["raised"])
    return str(outcome["printed"])
