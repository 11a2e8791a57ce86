"""``nst-engine score``: what fixed judges say of a picture."""

from __future__ import annotations

import argparse
import json

from nst_engine.commands.inputs import file_name, load


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("score", help="what fixed judges say of a picture, as JSON")
    for name, text in (("content", "the photograph"), ("style", "the painting"), ("image", "the picture to judge")):
        parser.add_argument(f"--{name}", type=file_name, required=True, metavar="FILE", help=text)
    parser.add_argument("--size", type=int, default=512, metavar="N", help="long side judged at (default: 512)")
    parser.set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the verdicts."""
    from nst_engine.score import score

    content, style, image = (load(path) for path in (parsed.content, parsed.style, parsed.image))
    print(json.dumps(score(content, style, image, parsed.size), indent=2))
