"""What the installer tells. Nobody has to listen: a closed pipe or a full disk behind it costs no work."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TextIO

from words import translatable

AS_EVENTS = "NEURAL_STYLE_EVENTS"
"""The variable that is set where a program listens, to which :mod:`events` says what it hears."""

_speaking = threading.Lock()

UNSEEN = (*range(32), *range(127, 160), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
"""Characters that do not print, or turn around how the rest of a line reads."""

CONTROLS = {code: ascii(chr(code))[1:-1] for code in UNSEEN if chr(code) not in "\n\t"}
"""What stands for them in names of files and in what other programs print: they would do things to a terminal."""


def open_streams() -> None:
    """See to it that both streams are there and can say every character, also where they are closed."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    if is_heard():
        event("line", text=text)
    else:
        tell(sys.stdout, text)


def is_heard() -> bool:
    """Say whether a program listens, and not a person."""
    return AS_EVENTS in os.environ


def event(kind: str, **told: object) -> None:
    """Tell a program that listens, if one does."""
    if is_heard():
        with _speaking:
            tell(sys.stdout, json.dumps(facts(event=kind, **told)))


def facts(**told: object) -> dict[str, object]:
    """Return what is told, and beside it what its texts are made of."""
    return {**told, "words": translatable(told)}


def complain(text: str) -> None:
    tell(sys.stderr, text)


def tell(stream: TextIO, text: str) -> None:
    try:
        print(text.translate(CONTROLS), file=stream, flush=True)
    except OSError:
        silence(stream)


def close_streams() -> None:
    """Write what is still to be written, so that Python's own end finds nothing to complain of."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def silence(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
