#!/usr/bin/env python3
"""All tests, after bringing whatever they need: the types, the style, and pytest with real GIMPs."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.append(str(CHECKOUT / "tests/gimp210"))

import real_gimp
import real_gimp_210
from real_gimp import sandbox

TYPED = [
    ["nst_engine", "tests/run.py", "install"],
    ["gimp_plugin/neural-style/neural-style.py"],
    ["gimp_plugin/gimp210/neural_style_210.py"],
]


def main() -> int:
    """Prepare, check, test; the exit code is 0 when all is well."""
    try:
        place = sandbox.prepare()
        real_gimp_210.prepare()
    except (real_gimp.GimpUnavailable, sandbox.SandboxError) as problem:
        print(f"ERROR {problem}", file=sys.stderr)
        return 1
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    tools = [*setup["options.extras_require"]["tests"].split(), "./tests/stubs/gimpfu-stubs"]
    run(place, "pip", "install", "--quiet", "--disable-pip-version-check", *tools)
    checks = [
        run(place, "ruff", "check", "--quiet"),
        run(place, "ruff", "format", "--check", "--quiet"),
        *(run(place, "mypy", *paths) for paths in TYPED),
        run(place, "pytest", *sys.argv[1:]),
    ]
    return int(any(checks))


def run(place: sandbox.Sandbox, module: str, *arguments: str) -> int:
    """Run a module of the engine's Python in the checkout and return its exit code."""
    print(f"\n$ python -m {' '.join((module, *arguments))}", flush=True)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.call([str(place.python), "-m", module, *arguments], cwd=CHECKOUT, env=environment)


if __name__ == "__main__":
    sys.exit(main())
