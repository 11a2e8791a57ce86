"""``nst-engine stylize``: one picture in the style of one or several others."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_engine import options
from nst_engine.commands import inputs
from nst_engine.commands.display import Display
from nst_engine.commands.inputs import file_name
from nst_engine.commands.interrupts import Interrupts
from nst_engine.errors import OptionError, PictureError
from nst_engine.files import places

if TYPE_CHECKING:
    from nst_engine.files.writing import Color

WHOLE = "-"
"""In the place of a region's file: wherever no other style's region is."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("stylize", help="paint one picture in the style of others")
    parser.add_argument("--content", type=file_name, required=True, metavar="FILE", help="the picture to paint")
    parser.add_argument(
        "--output", type=file_name, required=True, metavar="FILE", help="the result; its ending names the format"
    )
    add_style_arguments(parser)
    parser.add_argument(
        "--region",
        type=_region,
        nargs="+",
        default=[],
        metavar="FILE",
        help=f"for each style, a gray picture of the content's size, white where it goes; {WHOLE} for what is left",
    )
    parser.add_argument(
        "--protect", type=file_name, metavar="FILE", help="a gray picture, white where the content stays"
    )
    parser.add_argument("--select", type=file_name, metavar="FILE", help="a gray picture, white where to paint")
    parser.add_argument("--init-picture", type=file_name, metavar="FILE", help="the picture to start from")
    parser.add_argument("--depth", type=int, choices=(8, 16), help="bits per channel of a PNG or TIFF (as the content)")
    add_background_argument(parser)
    parser.add_argument("--force", action="store_true", help="replace output and report if they exist")
    parser.add_argument("--report", type=file_name, metavar="FILE", help="write how it was made, as JSON")
    options.add_arguments(parser)
    parser.set_defaults(command=run)


def add_style_arguments(parser: argparse.ArgumentParser) -> None:
    """The styles and how they are mixed."""
    parser.add_argument(
        "--style", type=file_name, nargs="+", default=[], metavar="FILE", help="the pictures whose style to take"
    )
    parser.add_argument(
        "--painting",
        nargs="+",
        default=[],
        metavar="NAME",
        help="paintings that come along, or lie in your own folder, in place of files or after them; "
        "'nst-engine paintings' lists them, 'all' means each",
    )
    parser.add_argument(
        "--blend", type=float, nargs="+", default=[], metavar="X", help="how much each style counts (equally)"
    )


def add_background_argument(parser: argparse.ArgumentParser) -> None:
    """What is seen through a transparent picture in a format that has no alpha."""
    parser.add_argument(
        "--background",
        type=color,
        default="white",
        metavar="COLOR",
        help="what shows through where a JPEG has to do without transparency, as in '#fff4e0' (white)",
    )


def color(name: str) -> Color:
    """The color of a name or a number as in a web page."""
    from PIL import ImageColor

    red, green, blue, *_ = (value / 255 for value in ImageColor.getrgb(name))
    return red, green, blue


def _region(given: str) -> Path | None:
    return None if given == WHOLE else file_name(given)


def run(parsed: argparse.Namespace) -> None:
    """Read, paint, write."""
    started = time.perf_counter() - _process_age()
    chosen = options.from_mapping({name: getattr(parsed, name) for name in options.specs()})
    if parsed.init_picture and chosen.init:
        raise OptionError("--init and --init-picture both say what to start from.", "Leave one of them out.")

    from nst_engine.files import writing

    writing.check_output(parsed.output, parsed.force)
    writing.check_depth(parsed.output, parsed.depth)
    style_files = inputs.style_files(parsed.style, parsed.painting)
    if parsed.report:
        places.check_apart(parsed.report, [parsed.output, *style_files, *_inputs(parsed)])
        places.check(parsed.report, parsed.force, may_be_stream=True)
    content = inputs.read(parsed.content)
    size = content.pixels.shape[:2]
    depth = parsed.depth or content.depth
    writing.check_size(parsed.output, size, depth)
    regions = [inputs.read_mask(path, size) if path else None for path in parsed.region]
    from nst_engine.pixels import Size
    from nst_engine.pyramid import useful_style_side

    wanted = useful_style_side(Size(*size), chosen)
    styles = inputs.read_styles(style_files, parsed.blend, regions, wanted)
    protection, selection = (inputs.read_mask(path, size) if path else None for path in (parsed.protect, parsed.select))
    init = inputs.read(parsed.init_picture).pixels if parsed.init_picture else None

    from nst_engine.painting import Painter
    from nst_engine.pixels import Masks

    kind = f"uint{depth}"
    with Display() as display, Interrupts(display.say) as interrupts:
        done = Painter(chosen, started).paint(
            content.pixels, styles, Masks(protection, selection), init, display.show, lambda: interrupts.stopped, kind
        )
        for warning in done.warnings:
            display.say(f"WARNING {warning}")
        try:
            writing.deliver(parsed.output, done.picture, parsed.force, depth, content.metadata, parsed.background)
        except PictureError:  # which says where the picture is; its report goes where it was to go
            if parsed.report:
                with contextlib.suppress(PictureError):
                    _write_report(parsed.report, done.report, parsed.force)
            raise
        if parsed.report:
            _write_report(parsed.report, done.report, parsed.force)


def _inputs(parsed: argparse.Namespace) -> list[Path]:
    """All files that are read, but for the styles."""
    others = [parsed.protect, parsed.select, parsed.init_picture, parsed.network and Path(parsed.network)]
    return [parsed.content, *(path for path in [*parsed.region, *others] if path)]


def _process_age() -> float:
    """Seconds since this process began; 0 where the system does not tell."""
    import psutil

    try:
        return time.time() - psutil.Process().create_time()
    except (psutil.Error, OSError):
        return 0.0


def _write_report(path: Path, report: dict[str, Any], force: bool) -> None:
    try:
        places.deliver(path, (json.dumps(report, indent=2) + "\n").encode(), force)
    except PictureError as error:
        raise PictureError(f"The picture is saved, but not its report: {error.message}", error.remedy) from None
