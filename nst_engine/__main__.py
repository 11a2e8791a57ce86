"""``python -m nst_engine`` is ``nst-engine``."""

from nst_engine.cli import main

if __name__ == "__main__":
    main()
