"""``python -m nst_engine`` is ``nst-engine``."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Load the command and run it. While it loads, Ctrl-C ends the process without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from nst_engine import cli
    except ImportError as error:
        sys.exit(f"ERROR A part of the engine is missing or damaged ({error}): run install/install.py again.")
    cli.main()


if __name__ == "__main__":
    main()
