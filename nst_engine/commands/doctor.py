"""``nst-engine doctor``: what a bug report needs."""

from __future__ import annotations

import argparse
import json

from nst_engine.commands.streams import answer


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("doctor", help="what a bug report needs, as JSON")
    parser.add_argument("--self-test", action="store_true", help="run a tiny job through a worker instead")
    parser.set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the examination, or that the self-test passed."""
    from nst_engine.commands import examination

    if parsed.self_test:
        answer(f"The engine works on {examination.self_test()}.")
    else:
        print(json.dumps(examination.examination(), indent=2))
