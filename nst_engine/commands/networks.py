"""``nst-engine networks``: which networks there are, new ones, and whether they are whole."""

from __future__ import annotations

import argparse

from nst_engine.commands.streams import answer
from nst_engine.errors import NetworkError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its four actions."""
    networks = commands.add_parser("networks", help="list, add, verify and remove networks")
    actions = networks.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="names and files of all networks")
    listing.set_defaults(command=_list)

    adding = actions.add_parser("add", help="convert a weights file of a VGG-19, or download one")
    adding.add_argument(
        "source",
        metavar="FILE",
        help="a state dict of PyTorch (.pth), a safetensors file, or 'torchvision', which downloads 575 MB",
    )
    adding.add_argument("--name", help="what to call it (default: a known file's usual name, else the file's own)")
    adding.add_argument(
        "--input",
        choices=("rgb", "bgr"),
        help="what it expects: RGB from 0 to 1, less ImageNet's mean and over its deviation, or BGR from 0 to 255, "
        "less the mean; known files need no such word",
    )
    adding.add_argument("--pooling", choices=("max", "average"), help="default: the file's own, or max")
    adding.set_defaults(command=_add)

    verifying = actions.add_parser("verify", help="read networks whole and compare their hashes")
    verifying.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    verifying.set_defaults(command=_verify)

    removing = actions.add_parser("remove", help="delete a network that was added")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(command=_remove)


def _list(parsed: argparse.Namespace) -> None:
    from nst_engine.network import library

    names = library.listed()
    width = max(len(name) for name in names)
    for name in names:
        answer(f"{name:{width}}  {library.find(name)}")


def _add(parsed: argparse.Namespace) -> None:
    from nst_engine.network import conversion

    network = conversion.add(parsed.source, parsed.name, parsed.input, parsed.pooling)
    answer(f"Added the network '{network.name}'; choose it with --network {network.name}")


def _verify(parsed: argparse.Namespace) -> None:
    from nst_engine.network import library

    problems = []
    for name in parsed.names or library.listed():
        try:
            answer(f"{name}: whole, SHA-256 {library.load(name).sha256}")
        except NetworkError as problem:
            answer(f"{name}: {problem.message}")
            problems.append(problem)
    if problems:
        raise problems[0]


def _remove(parsed: argparse.Namespace) -> None:
    from nst_engine.network import library

    library.remove(parsed.name)
    answer(f"Removed the network '{parsed.name}'.")
