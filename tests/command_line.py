"""The command nst-engine as tests run it: as a process, or quicker in this one, which has PyTorch already."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nst_engine
from nst_engine import cli

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(nst_engine.__file__).parents[1])}


class Done(NamedTuple):
    """What a command that has ended said."""

    returncode: int
    stdout: str
    stderr: str


def line(*arguments: object) -> list[str]:
    """The command with its arguments, as a program starts it."""
    return [sys.executable, "-m", "nst_engine", *map(str, arguments)]


def engine(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it as a person does."""
    return subprocess.run(line(*arguments), capture_output=True, text=True, timeout=300, env=ENVIRONMENT)


def here(*arguments: object) -> Done:
    """Run it in this process."""
    said, told = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    status = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
    out, err = (stream.buffer.getvalue().decode() for stream in (said, told))  # type: ignore[attr-defined]
    return Done(status, out, err)
