"""Runs Python-Fu and Script-Fu in the real gimp-console and tells what came of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batches import Batches, printed
from real_gimp import PYTHON_FU, SCRIPT_FU, Gimp, kill_session

# What GIMP 3.0 and 3.2 say in a console whose batch code is in perfect order.
NOISE = re.compile(
    r"""cannot\ open\ display
      | gimp_wire_read\(\):\ unexpected\ EOF
      | gimp_flush\(\):\ error:\ Broken\ pipe
      | G_IS_OBJECT
      | ^stale\ context
      | contexts\ not\ empty\ upon\ exit
      | scriptfu-WARNING
      | Failed\ to\ parse\ tag\ cache
      | Glycin\ running\ without\ sandbox
      | ^GIMP-(Warning|Message):\ Welcome\ to\ GIMP
      | ignored\ because\ resources\ of\ type\ \w+\ are\ not\ loaded
      | ^Zombie\ plug-in:.*'python-eval.py'
      | ^batch\ command\ executed\ successfully
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Outcome:
    """How a console run ended: 0 is success, 64 an exception in Python-Fu, 70 an error in Script-Fu."""

    exit_code: int
    stdout: str
    stderr: str


CLEAR = """
Gimp.context_set_defaults()
for image in Gimp.get_images():
    image.delete()
"""


class Console:
    """A GIMP without windows that runs one piece of Python-Fu after another, each as if it were the first.

    It starts with the first of them.
    """

    def __init__(self, gimp: Gimp, profile: Path) -> None:
        self._gimp, self._profile = gimp, profile
        self._process: subprocess.Popen[Any] | None = None

    def run(self, code: str, timeout: float = 400) -> str:
        """Run it and return what it printed; `BatchError` when it raised.

        A GIMP that does not answer is ended, and a new one runs what comes next.
        """
        self._process = self._process or self._start()
        answer, cleared = self._batches.begin(code), self._batches.begin(CLEAR)
        deadline = time.monotonic() + timeout
        while not cleared.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")
                self.close()
                raise RuntimeError(f"No answer.\n{log[-2000:]}")
            time.sleep(0.03)
        return printed(answer)

    def close(self) -> None:
        if self._process:
            kill_session(self._process.pid)
            self._process.wait()
            self._process = None
            self._batches.close()
            shutil.rmtree(self._folder)

    def _start(self) -> subprocess.Popen[Any]:
        self._folder = Path(tempfile.mkdtemp(prefix="console-", dir=self._gimp.outside("/tmp")))
        self._batches = Batches(self._gimp, self._profile, self._folder)
        self._log = self._folder / "gimp.log"
        environment = {"GIMP3_DIRECTORY": self._gimp.inside(self._profile), **self._batches.environment}
        with self._log.open("w") as log:
            return self._gimp.popen(
                ["gimp-console", "-idf"], environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )


def run_python(gimp: Gimp, profile: Path, code: str, timeout: float = 400) -> Outcome:
    """Run Python-Fu code; it fails by raising, as `assert` does."""
    script = profile / "batch.py"
    script.write_text(code)
    path = gimp.inside(script)
    return run_batch(gimp, profile, f"exec(compile(open({path!r}).read(), {path!r}, 'exec'))", PYTHON_FU, timeout)


def run_script_fu(gimp: Gimp, profile: Path, code: str, timeout: float = 400) -> Outcome:
    """Run Script-Fu code; it fails by `(error "...")`."""
    script = profile / "batch.scm"
    script.write_text(code)
    return run_batch(gimp, profile, f'(load "{gimp.inside(script)}")', SCRIPT_FU, timeout)


def run_batch(gimp: Gimp, profile: Path, batch: str, interpreter: str, timeout: float = 400) -> Outcome:
    """Run one batch command as given on GIMP's command line."""
    process = gimp.console(profile, batch, interpreter=interpreter, timeout=timeout)
    return Outcome(process.returncode, process.stdout, without_noise(process.stderr))


def without_noise(stderr: str) -> str:
    """The lines of GIMP's messages that mean something."""
    return "\n".join(line for line in stderr.splitlines() if line.strip() and not NOISE.search(line))
