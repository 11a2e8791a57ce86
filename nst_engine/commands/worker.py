"""``nst-engine worker``: the engine at the other end of an editor's pipe."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import stat
import traceback
from collections.abc import Iterator

from nst_engine import frames, memory
from nst_engine.commands import interrupts
from nst_engine.errors import ProtocolError, StyleTransferError
from nst_engine.words import Words, translatable


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    commands.add_parser("worker", help="serve an editor through a pipe").set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Serve until stdin ends. Nothing is half done here, so signals end it at once, whatever it is doing."""
    _check_pipe()
    with interrupts.handled(signal.SIG_DFL, signal.SIGINT, *interrupts.ENDINGS), _telling_the_editor():
        _leave_a_lost_folder()
        memory.check_start()
        from nst_engine import worker

        worker.main()


def _check_pipe() -> None:
    """See that an editor can be at the other end: at that of a terminal, or of nothing, there is none."""
    if any(stat.S_ISCHR(os.fstat(descriptor).st_mode) for descriptor in (0, 1)):
        raise ProtocolError(
            "A worker talks with an editor through stdin and stdout, and no editor is there.",
            "Leave it to the plug-in to start one, or paint with nst-engine stylize.",
        )


def _leave_a_lost_folder() -> None:
    """Go where there is a folder: MKL, which computes for PyTorch, ends the process without a word if it is gone."""
    try:
        os.getcwd()
    except OSError:
        os.chdir(os.sep)


@contextlib.contextmanager
def _telling_the_editor() -> Iterator[None]:
    """What keeps the engine from starting goes through the pipe, too, in a frame that takes no library to write."""
    try:
        yield
    except Exception as error:
        problem = _explained(error)
        said = {"message": problem.message, "remedy": problem.remedy}
        fields = {"kind": "error", "code": problem.code, **said, "words": translatable(said)}
        with contextlib.suppress(OSError), os.fdopen(os.dup(1), "wb") as pipe:
            frames.write_frame(pipe, fields)
        raise problem from error


def _explained(error: Exception) -> StyleTransferError:
    """Why the engine cannot start; of what a broken installation raises, the log has the rest."""
    if isinstance(error, StyleTransferError):
        return error
    if memory.is_shortage(error):
        return memory.too_small()
    traceback.print_exc()
    return StyleTransferError(
        Words("The engine cannot load what it works with ({fault}).", fault=f"{type(error).__name__}: {error}"),
        "Run install/install.py again to mend its installation.",
    )
