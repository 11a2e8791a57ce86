"""Look for what nobody thought of: ``python -m tests.fuzz --frames 100000 --options 20000 --messages 20000``.

Each kind has properties that must hold for whatever :mod:`hypothesis` makes up; the number is that of examples. The
first one that breaks a property is printed, as small as it can be made, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback

from tests.fuzz import KINDS, looked_for


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Look for what nobody thought of.")
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="N", help="how many to try (0)")
    return max(run(kind, count) for kind, count in vars(parser.parse_args()).items())


def run(kind: str, count: int) -> int:
    """Try so many of a kind, in equal shares for each property; 1 when one does not hold."""
    properties = importlib.import_module(f"tests.fuzz.{kind}").PROPERTIES if count else ()
    failures = 0
    for known in properties:
        started = time.monotonic()
        try:
            looked_for(known, count // len(properties))
            outcome = "holds"
        except Exception:
            traceback.print_exc()
            outcome, failures = "DOES NOT HOLD", 1
        seconds = time.monotonic() - started
        name = known.__name__.replace("_", " ")
        print(f"{kind}: '{name}' {outcome}, {count // len(properties)} examples, {seconds:.0f} s", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
