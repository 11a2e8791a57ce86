"""``nst-engine batch``: every picture of a folder, in one style, or in each of several."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nst_engine import options
from nst_engine.commands import streams
from nst_engine.commands.display import Display
from nst_engine.commands.inputs import read, read_styles, style_files
from nst_engine.commands.interrupts import CANCELLED, Interrupts
from nst_engine.commands.mishaps import explained
from nst_engine.commands.stylize import add_background_argument, add_style_arguments
from nst_engine.errors import OptionError, PictureError
from nst_engine.files import formats, places

if TYPE_CHECKING:
    from nst_engine.files.writing import Color
    from nst_engine.painting import Painter
    from nst_engine.pixels import StylePicture

SHEET = "contact-sheet.jpg"

FEW = 5
"""Names that a sentence may list."""


class Task(NamedTuple):
    """A picture to make: from which content, in which styles, into which file."""

    content: Path
    styles: list[StylePicture]
    output: Path


class Manner(NamedTuple):
    """How all of them are made and written."""

    options: options.Options
    resume: bool
    force: bool
    background: Color


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("batch", help="paint every picture of a folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder with the pictures to paint")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the results go")
    add_style_arguments(parser)
    parser.add_argument("--grid", action="store_true", help="each picture in each style, and a contact sheet of all")
    parser.add_argument("--resume", action="store_true", help="leave out what is there already")
    parser.add_argument("--force", action="store_true", help="replace what is there already")
    add_background_argument(parser)
    options.add_arguments(parser)
    parser.set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Paint all, and tell at the end what could not be painted."""
    chosen = options.from_mapping({name: getattr(parsed, name) for name in options.specs()})
    manner = Manner(chosen, parsed.resume, parsed.force, parsed.background)
    contents = _contents(parsed.folder)
    if parsed.grid and parsed.blend:
        raise OptionError("--grid keeps styles apart and --blend mixes them.", "Leave one of them out.")
    if not parsed.force:
        _check_is_another(parsed.output, parsed.folder)
    from nst_engine.pixels import Size
    from nst_engine.pyramid import useful_style_side

    wanted = useful_style_side(Size(chosen.size, chosen.size), chosen) if chosen.size else None
    files = style_files(parsed.style, parsed.painting)
    styles = read_styles(files, parsed.blend, [], wanted)
    tasks = _tasks(contents, styles, parsed.output, parsed.grid)
    _make_folder(parsed.output)
    due = [task for task in tasks if not (manner.resume and _is_done(task.output))]
    sheets = _sheets(parsed, (len(contents), len(files)), bool(due)) if parsed.grid else []
    attempted, problems = _paint_all(due, manner) if due else (0, [])
    if attempted < len(due):
        streams.say(f"Stopped after {attempted} of {len(due)} pictures; --resume goes on with the others.")
    elif sheets:
        problems += _save_sheets(sheets, files, tasks, manner)
    if problems:
        tried = attempted + len(sheets)
        raise PictureError(
            f"{len(problems)} of {tried} pictures could not be painted ({_few('; ', problems)}).",
            "All others are done." if len(problems) < tried else "Look at the first of them.",
        )
    if attempted < len(due):
        raise SystemExit(CANCELLED)


def _paint_all(tasks: list[Task], manner: Manner) -> tuple[int, list[str]]:
    """Paint task after task until told to stop; returns how many it came to, and what was wrong with which."""
    from nst_engine.painting import Painter

    attempted, problems = 0, []
    painter = Painter(manner.options)
    with Display(len(tasks)) as display, Interrupts(display.say) as interrupts:
        while attempted < len(tasks) and not interrupts.stopped:
            task = tasks[attempted]
            display.begin(task.output.stem)
            try:
                _paint(painter, task, manner, display, interrupts)
            except Exception as error:
                problems.append(f"{task.content.name}: {explained(error).message}")
            attempted += 1
            display.next()
    return attempted, problems


def _paint(painter: Painter, task: Task, manner: Manner, display: Display, interrupts: Interrupts) -> None:
    from nst_engine.files import writing

    if manner.resume and _is_done(task.output):  # by another batch, in the meantime
        return
    is_half = manner.resume and not manner.force and _is_half(task.output)
    writing.check_output(task.output, manner.force or is_half)
    content = read(task.content, display.say)
    writing.check_size(task.output, content.pixels.shape, content.depth)
    done = painter.paint(
        content.pixels,
        task.styles,
        on_step=display.show,
        should_stop=lambda: interrupts.stopped,
        kind=content.pixels.dtype,
    )
    if is_half:
        with contextlib.suppress(OSError):  # then the picture is kept under another name
            if aside := places.set_aside(task.output):
                display.say(f"WARNING {task.output.name} was there as half a picture; that is {aside.name} now.")
    writing.deliver(task.output, done.picture, manner.force, content.depth, content.metadata, manner.background)
    for warning in done.warnings:
        display.say(f"WARNING {warning}")


def _check_is_another(output: Path, folder: Path) -> None:
    if os.path.isdir(output) and os.path.samefile(output, folder):
        raise PictureError(f"The results would go into {folder} itself, over its pictures.", "Choose another --output.")


def _make_folder(folder: Path) -> None:
    """Make the folder of the results, and see that they can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"The folder {folder} cannot be made ({error.strerror}).", "Choose another place.") from None
    places.check_folder(folder)


def _contents(folder: Path) -> list[Path]:
    """The picture files of a folder, by name; hidden ones are no pictures but what macOS and others note of them."""
    if not os.path.isdir(folder):
        raise PictureError(f"There is no folder {folder}.", "Check the path.")
    try:
        files = sorted(path for path in folder.iterdir() if not (os.path.isdir(path) or path.name.startswith(".")))
    except OSError as error:
        raise PictureError(
            f"The folder {folder} cannot be read ({error.strerror}).", "Check its permissions."
        ) from None
    found = [path for path in files if path.suffix.lower() in formats.READ_ENDINGS and os.path.isfile(path)]
    others = [path.name for path in files if path.suffix.lower() not in formats.READ_ENDINGS]
    gone = [path.name for path in files if path.suffix.lower() in formats.READ_ENDINGS and not os.path.isfile(path)]
    if not found:
        raise PictureError(f"The folder {folder} has no pictures.", "Put PNG, JPEG, TIFF or WebP files there.")
    _tell_left_out("no picture is read that is so called", others)
    _tell_left_out("no file is there", gone)
    return found


def _tell_left_out(why: str, names: list[str]) -> None:
    if names:
        streams.say(f"Left out, as {why}: {_few(', ', names)}.")


def _few(separator: str, texts: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(texts) - FEW} more" if len(texts) > FEW else ""
    return separator.join(texts[:FEW]) + more


def _tasks(contents: list[Path], styles: list[StylePicture], output: Path, grid: bool) -> list[Task]:
    """What is to be made. All contents of one style come first: the style's features are computed once."""
    if grid:
        pairs = [(content, [style]) for style in styles for content in contents]
        names = ["{0} in the style of {2}{1}".format(*_name(content), style.name) for content, (style,) in pairs]
    else:
        pairs = [(content, styles) for content in contents]
        names = ["".join(_name(content)) for content in contents]
    return [Task(*pair, output / name) for pair, name in zip(pairs, places.apart(names), strict=True)]


def _name(content: Path) -> tuple[str, str]:
    """Stem and ending for a result: PNG where the content's format is one that is only read."""
    return (content.stem, content.suffix) if formats.of_name(content) else (content.name, ".png")


def _is_done(output: Path) -> bool:
    return os.path.isfile(output) and not _is_half(output)


def _is_half(output: Path) -> bool:
    """Whether it is a part of a picture only; one that may not be read is taken for a whole one."""
    from nst_engine.files import reading

    try:
        return os.path.isfile(output) and reading.is_half(output)
    except PictureError:
        return False


def _sheets(parsed: argparse.Namespace, counts: tuple[int, int], is_due: bool) -> list[Path]:
    """The files of the contact sheets to make of so many contents and styles; PictureError if one cannot be written.

    A batch that goes on leaves a sheet that is there, and has new ones under other names if it has anything to do.
    """
    from nst_engine.commands import contact_sheet
    from nst_engine.files import writing

    contents, styles = counts
    names = [SHEET] * -(-contents // contact_sheet.ROWS)
    taken = os.listdir(parsed.output) if parsed.resume and not parsed.force else []
    if SHEET in taken and not is_due:
        return []
    sheets = [parsed.output / name for name in places.apart(names, taken)]
    for sheet in sheets:
        writing.check_output(sheet, parsed.force)
        writing.check_size(sheet, contact_sheet.size(styles, min(contents, contact_sheet.ROWS)))
    return sheets


def _save_sheets(sheets: list[Path], styles: list[Path], tasks: list[Task], manner: Manner) -> list[str]:
    """Write the sheets; returns what was wrong with which."""
    from nst_engine.commands import contact_sheet

    contents = list(dict.fromkeys(task.content for task in tasks))
    rows = [(content, [task.output for task in tasks if task.content == content]) for content in contents]
    problems = []
    for first, sheet in zip(range(0, len(rows), contact_sheet.ROWS), sheets, strict=True):
        try:
            contact_sheet.save(sheet, styles, rows[first : first + contact_sheet.ROWS], manner.force)
        except Exception as error:
            problems.append(f"{sheet.name}: {explained(error).message}")
    return problems
