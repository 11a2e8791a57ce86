#!/usr/bin/env python3
"""Paint a picture through GIMP's batch mode: bring GIMP 3, install engine and plug-in, run the filter, save.

On a bare Debian machine the first run sets everything up; later ones start at once.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.append(str(CHECKOUT / "tests"))

import real_gimp
from real_gimp import sandbox

PICTURES = CHECKOUT / "tests/pictures"
BATCH = CHECKOUT / "gimp_plugin/batch/stylize.py"
LONGEST_SECONDS = 3600.0


def main() -> int:
    """Run the demonstration and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "content", nargs="?", type=Path, default=PICTURES / "content-castle.jpg", help="the picture to paint"
    )
    parser.add_argument("style", nargs="?", type=Path, default=PICTURES / "style-starry-night.jpg", help="the painting")
    parser.add_argument("output", nargs="?", type=Path, default=Path("result.png"), help="default: %(default)s")
    parser.add_argument("--size", type=int, default=512, help="long side to paint at (default: %(default)s)")
    parser.add_argument("--quality", default="normal", help="draft, normal, high or best (default: %(default)s)")
    options = parser.parse_args()
    for path in (options.content, options.style):
        if not path.is_file():
            return complain(f"There is no file {path}.")
    if not options.output.absolute().parent.is_dir():
        return complain(f"There is no folder {options.output.absolute().parent}.")
    try:
        place = sandbox.prepare()
    except (real_gimp.GimpUnavailable, sandbox.SandboxError) as problem:
        return complain(str(problem))
    print(f"\nPainting in GIMP {place.gimp.version}; this takes a minute or two.", flush=True)
    return paint(place, options.content, options.style, options.output, size=options.size, quality=options.quality)


def paint(place: sandbox.Sandbox, content: Path, style: Path, output: Path, **options: object) -> int:
    """Run the batch example in GIMP on copies of the files, which GIMP may not see where they are."""
    with tempfile.TemporaryDirectory(dir=place.gimp.outside("/tmp")) as folder:  # nosec B108
        pictures = [
            Path(shutil.copy(path, Path(folder) / f"{i}-{path.name}")) for i, path in enumerate((content, style))
        ]
        painted = Path(folder) / f"painted{output.suffix}"
        files = [place.gimp.inside(path) for path in (*pictures, painted)]
        code = f"{BATCH.read_text(encoding='utf-8')}\nstylize(*{files!r}, **{options!r})"
        done = place.gimp.console(place.profile, code, timeout=LONGEST_SECONDS)
        if done.returncode or not painted.exists():
            return complain(done.stderr.strip())
        output = unused(output)
        shutil.copyfile(painted, output)
    print(f"The picture is in {output.absolute()}.")
    return 0


def unused(path: Path) -> Path:
    """Return the path, or one beside it where nothing is yet: no picture is written over another."""
    names = itertools.chain([path.name], (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2)))
    return next(found for name in names if not os.path.lexists(found := path.with_name(name)))


def complain(message: str) -> int:
    print(f"ERROR {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
