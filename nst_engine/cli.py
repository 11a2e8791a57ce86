"""The command ``nst-engine``. Torch is imported only by the commands that work, so that help comes at once."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nst_engine
from nst_engine import options
from nst_engine.errors import PictureError, StyleTransferError

if TYPE_CHECKING:
    from nst_engine.stylize import Step

LINE_SECONDS = 5.0
"""Time between two lines of progress where there is no terminal for a bar."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 for success, 1 for a user's mistake or a mishap, 2 for wrong arguments."""
    parsed = _parser().parse_args(arguments)
    try:
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

    stylize = commands.add_parser("stylize", help="paint one picture in the style of another")
    stylize.add_argument("--content", type=Path, required=True, metavar="FILE", help="the picture to paint")
    stylize.add_argument("--style", type=Path, required=True, metavar="FILE", help="the picture whose style to take")
    stylize.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="the result; its ending names the format"
    )
    stylize.add_argument("--force", action="store_true", help="replace the output if it exists")
    stylize.add_argument("--report", type=Path, metavar="FILE", help="write how it was made, as JSON")
    options.add_arguments(stylize)
    stylize.set_defaults(command=_stylize)

    score = commands.add_parser("score", help="what fixed judges say of a picture, as JSON")
    for name, text in (("content", "the photograph"), ("style", "the painting"), ("image", "the picture to judge")):
        score.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help=text)
    score.add_argument("--size", type=int, default=512, metavar="N", help="long side judged at (default: 512)")
    score.set_defaults(command=_score)

    worker = commands.add_parser("worker", help="serve an editor through a pipe")
    worker.set_defaults(command=_worker)

    doctor = commands.add_parser("doctor", help="what a bug report needs, as JSON")
    doctor.add_argument("--self-test", action="store_true", help="run a tiny job through a worker instead")
    doctor.set_defaults(command=_doctor)
    return parser


def _stylize(parsed: argparse.Namespace) -> None:
    started = time.perf_counter() - _process_age()
    chosen = options.from_mapping({name: getattr(parsed, name) for name in options.specs()})

    from nst_engine import images

    images.check_output(parsed.output, parsed.force)
    if parsed.report:
        _check_report(parsed.report)
    content, style = images.load(parsed.content), images.load(parsed.style)

    from nst_engine.protocol import StylePicture
    from nst_engine.stylize import stylize

    with _Display() as display:
        done = stylize(content, [StylePicture(parsed.style.stem, style)], chosen, on_step=display.show, started=started)
    images.save(parsed.output, done.picture, parsed.force)
    if parsed.report:
        _write_report(parsed.report, done.report)


def _score(parsed: argparse.Namespace) -> None:
    from nst_engine import images
    from nst_engine.score import score

    pictures = [images.load(path) for path in (parsed.content, parsed.style, parsed.image)]
    print(json.dumps(score(pictures[0], pictures[1], pictures[2], parsed.size), indent=2))


def _worker(parsed: argparse.Namespace) -> None:
    from nst_engine import worker

    worker.main()


def _doctor(parsed: argparse.Namespace) -> None:
    from nst_engine import doctor

    if parsed.self_test:
        print(f"The engine works on {doctor.self_test()}.")
    else:
        print(json.dumps(doctor.examination(), indent=2))


class _Display:
    """Progress for people: a bar on a terminal, a line every few seconds elsewhere; both on stderr."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.last_line = time.monotonic()

    def __enter__(self) -> _Display:
        if sys.stderr.isatty():
            from tqdm import tqdm

            layout = "{percentage:3.0f}% |{bar}| {desc}"
            self.bar = tqdm(total=1.0, bar_format=layout, file=sys.stderr, dynamic_ncols=True, leave=False)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar:
            self.bar.close()

    def show(self, step: Step) -> None:
        """Show one step."""
        left = "" if step.seconds_left is None else f", about {step.seconds_left:.0f} s left"
        if self.bar:
            self.bar.set_description_str(step.text + left, refresh=False)
            self.bar.update(step.fraction - self.bar.n)
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            print(f"{step.fraction:4.0%}  {step.text}{left}", file=sys.stderr, flush=True)


def _process_age() -> float:
    """Seconds since this process began."""
    import psutil

    return time.time() - psutil.Process().create_time()


def _check_report(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise PictureError(f"There is no folder {path.absolute().parent}.", "Make it first, or choose another place.")


def _write_report(path: Path, report: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise PictureError(f"{path} cannot be written ({error.strerror}).", "Choose another place.") from None
