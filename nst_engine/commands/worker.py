"""``nst-engine worker``: the engine at the other end of an editor's pipe."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    commands.add_parser("worker", help="serve an editor through a pipe").set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Serve until stdin ends."""
    from nst_engine import worker

    worker.main()
