"""The command ``nst-engine``. Torch is imported only by the commands that work, so that help comes at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import nst_engine
from nst_engine import memory
from nst_engine.commands import batch, doctor, networks, nst, score, stylize, worker
from nst_engine.errors import StyleTransferError

COMMANDS = (stylize, batch, nst, score, networks, worker, doctor)
WITHOUT_TORCH = (networks,)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 for success, 1 for a user's mistake or a mishap, 2 for wrong arguments."""
    parsed = _parser().parse_args(arguments)
    try:
        with memory.explained(memory.too_small):
            if parsed.command.__module__ not in (command.__name__ for command in WITHOUT_TORCH):
                memory.check_start()
            parsed.command(parsed)
    except StyleTransferError as error:
        print(f"ERROR {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"TIP {error.remedy}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nst-engine", description="Neural style transfer by optimization.")
    parser.add_argument("--version", action="version", version=nst_engine.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
