"""``nst-engine worker``: the engine at the other end of an editor's pipe."""

from __future__ import annotations

import argparse
import signal

from nst_engine.commands import interrupts


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    commands.add_parser("worker", help="serve an editor through a pipe").set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Serve until stdin ends. Nothing is half done here, so signals end it at once, whatever it is doing."""
    from nst_engine import worker

    with interrupts.handled(signal.SIG_DFL, signal.SIGINT, *interrupts.ENDINGS):
        worker.main()
