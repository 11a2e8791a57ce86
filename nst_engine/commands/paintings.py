"""``nst-engine paintings``: which paintings can be named in place of a style file."""

from __future__ import annotations

import argparse

from nst_engine.commands.streams import answer


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("paintings", help="list the paintings that --painting knows")
    parser.set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """A line for each, and where to put others."""
    from nst_engine import paintings

    known = paintings.listed()
    width = max(len(painting.name) for painting in known)
    for painting in known:
        answer(f"{painting.name:{width}}  {painting.title}")
    answer(f"Your own: picture files in {paintings.paintings_folder()}")
