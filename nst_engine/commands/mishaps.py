"""Whatever goes wrong in a command, in a sentence."""

from __future__ import annotations

import sys

from nst_engine import memory
from nst_engine.commands.streams import say
from nst_engine.errors import StyleTransferError


def explained(error: Exception) -> StyleTransferError:
    """Any exception as a mishap of the user's; Python's development mode (``-X dev``) shows the unexpected as it is."""
    if isinstance(error, StyleTransferError):
        return error
    if memory.is_shortage(error):
        return memory.too_small()
    if isinstance(error, ImportError):
        told = f"A part of the engine is missing or damaged ({error})."
        return StyleTransferError(told, "Run install/install.py again.")
    if sys.flags.dev_mode:
        raise error
    return StyleTransferError(
        f"The engine met an unexpected fault ({type(error).__name__}: {error}).",
        "Report it with what it prints when run as 'python -X dev -m nst_engine …'.",
    )


def noted(name: str, error: Exception) -> str:
    """What is wrong with a picture of this name, as one of several things that a sentence lists."""
    return f"{name}: {explained(error).message.rstrip('.')}"


def tell(error: StyleTransferError) -> None:
    """What is wrong and what to do, for the person who runs the command."""
    say(f"ERROR {error.message}")
    if error.remedy:
        say(f"TIP {error.remedy}")
