"""``nst-engine nst``: the command line of the classic script (iibrahimli/nst), with the picture that it makes."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from nst_engine.commands import streams
from nst_engine.commands.inputs import file_name, load
from nst_engine.commands.interrupts import Interrupts
from nst_engine.errors import OptionError

if TYPE_CHECKING:
    from nst_engine.pixels import Floats
    from nst_engine.progress import Step

LONG_SIDE = 512
"""Both pictures are brought to this long side, enlarged where they are smaller."""


NUMBERS = {
    "num_iter": ("iterations", 1),
    "learning_rate": ("learning_rate", 1 / 255),
    "content_weight": ("content_weight", 1),
    "style_weight": ("style_weight", 1),
    "tv_weight": ("tv_weight", 255**2),
}
"""An option of the script's → ours, and what one of it is in ours."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with the script's options, names and defaults."""
    parser = commands.add_parser("nst", help="the classic script: its options, its picture")
    parser.add_argument("-c", "--content", type=file_name, required=True, metavar="FILE", help="the content picture")
    parser.add_argument("-s", "--style", type=file_name, required=True, metavar="FILE", help="the style picture")
    parser.add_argument("-r", "--result", type=file_name, required=True, metavar="FILE", help="the result")
    parser.add_argument("-n", "--num_iter", type=int, default=1000, metavar="N", help="iterations (1000)")
    parser.add_argument("-l", "--learning_rate", type=float, default=5.0, metavar="X", help="Adam's, of 255 (5)")
    for name, default in (("content", 1e4), ("style", 1e-2), ("tv", 1e2)):
        parser.add_argument(f"--{name}_weight", type=float, default=default, metavar="X", help=f"default: {default:g}")
    parser.add_argument(
        "-p", "--print_every", type=int, default=100, metavar="N", help="iterations between lines (100)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print what happens")
    parser.add_argument("--force", action="store_true", help="replace the result if it exists, as the script did")
    parser.set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Paint as the script does."""
    if parsed.print_every < 1:
        raise OptionError(f"Option 'print_every' is {parsed.print_every}.", "It must be a whole number from 1.")

    from nst_engine import options
    from nst_engine.files import writing
    from nst_engine.files.contents import NOTHING
    from nst_engine.painting import Painter
    from nst_engine.pixels import StylePicture

    started = time.perf_counter()
    chosen = options.from_mapping({"recipe": "nst", "size": LONG_SIDE, **_in_our_units(parsed)})
    writing.check_output(parsed.result, parsed.force)
    content, style = (_at_long_side(load(path)) for path in (parsed.content, parsed.style))
    writing.check_size(parsed.result, content.shape)
    report = _Report(parsed.print_every) if parsed.verbose else None
    painter = Painter(chosen)
    if report:
        streams.answer("loaded the model")
    with Interrupts(streams.say) as interrupts:
        done = painter.paint(
            content,
            [StylePicture(parsed.style.stem, style)],
            on_step=report or (lambda step: None),
            should_stop=lambda: interrupts.stopped,
        )
        if report:
            streams.answer(f"total time: {time.perf_counter() - started:.1f} s")
        writing.deliver(parsed.result, done.picture, parsed.force, 8, NOTHING, writing.WHITE)
    if report:
        streams.answer(f"saved the result as {parsed.result}")


def _in_our_units(parsed: argparse.Namespace) -> dict[str, float]:
    """The script's numbers by our names; OptionError, in the script's words, for one that is not allowed."""
    from nst_engine.options import specs

    found = {}
    for name, (ours, unit) in NUMBERS.items():
        given, (_, spec) = getattr(parsed, name), specs()[ours]
        low, high = (bound / unit for bound in (spec.low or 0, spec.high or 0))
        if not low <= given <= high:
            raise OptionError(f"Option '{name}' is {given:g}.", f"It must be a number from {low:g} to {high:g}.")
        found[ours] = given * unit
    return found


class _Report:
    """Prints a line every so many iterations, in the script's words."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.told = -1
        self.last = time.perf_counter()

    def __call__(self, step: Step) -> None:
        iteration = step.steps - 1
        if iteration > self.told and iteration % self.every == 0:
            now = time.perf_counter()
            losses = step.losses()
            terms = ", ".join(f"{name} loss: {losses[name]:.3e}" for name in ("total", "content", "style", "tv"))
            streams.answer(f"[iteration {iteration:4d}] {terms}, time: {now - self.last:.4f} s")
            self.last, self.told = now, iteration


def _at_long_side(pixels: Floats) -> Floats:
    """The picture with 8 bits at the script's long side, by Lanczos; on white, as the script does not know alpha."""
    import numpy as np
    from PIL import Image

    from nst_engine.files.writing import flattened, to_bytes

    height, width = pixels.shape[:2]
    factor = LONG_SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    resized = Image.fromarray(to_bytes(flattened(pixels))).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(resized, dtype=np.float32) / np.float32(255)
