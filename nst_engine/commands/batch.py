"""``nst-engine batch``: every picture of a folder, in one style, or in each of several."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nst_engine import options
from nst_engine.commands import streams
from nst_engine.commands.display import Display
from nst_engine.commands.inputs import file_name, read_styles, style_files
from nst_engine.commands.interrupts import CANCELLED, Interrupts
from nst_engine.commands.mishaps import noted
from nst_engine.commands.stylize import add_background_argument, add_style_arguments
from nst_engine.commands.tasks import Manner, Task, Watch, check, is_done, made, put, tasks
from nst_engine.errors import OptionError, PictureError
from nst_engine.files import formats, places

if TYPE_CHECKING:
    from nst_engine.painting import Painter

SHEET = "contact-sheet.jpg"

FEW = 5
"""Names that a sentence may list."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("batch", help="paint every picture of a folder")
    parser.add_argument("folder", type=file_name, metavar="FOLDER", help="the folder with the pictures to paint")
    parser.add_argument("--output", type=file_name, required=True, metavar="FOLDER", help="where the results go")
    add_style_arguments(parser)
    parser.add_argument("--grid", action="store_true", help="each picture in each style, and a contact sheet of all")
    parser.add_argument("--resume", action="store_true", help="leave out what is there already")
    parser.add_argument("--force", action="store_true", help="replace what is there already")
    helpers = parser.add_mutually_exclusive_group()
    helpers.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="spread the pictures over a dask cluster: that of a scheduler, as in tcp://desk:8786",
    )
    helpers.add_argument(
        "--workers", type=_count, metavar="N", help="spread the pictures over so many processes on this computer"
    )
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
    todo = tasks(contents, styles, parsed.output, parsed.grid)
    _make_folder(parsed.output)
    due = [task for task in todo if not is_done(task, manner)]
    sheets = _sheets(parsed, (len(contents), len(files)), bool(due)) if parsed.grid else []
    attempted, problems = _painted(due, manner, parsed) if due else (0, [])
    if attempted < len(due):
        streams.say(f"Stopped after {attempted} of {len(due)} pictures; --resume goes on with the others.")
    elif sheets:
        problems += _save_sheets(sheets, files, todo, manner)
    if problems:
        tried = attempted + len(sheets)
        raise PictureError(
            f"{len(problems)} of {tried} pictures could not be painted ({_few('; ', problems)}).",
            "All others are done." if len(problems) < tried else "Look at the first of them.",
        )
    if attempted < len(due):
        raise SystemExit(CANCELLED)


def _count(text: str) -> int:
    """A number of processes."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return int(text)


def _painted(due: list[Task], manner: Manner, parsed: argparse.Namespace) -> tuple[int, list[str]]:
    """Paint all, here or on a cluster; returns as :func:`_paint_all` does."""
    where = parsed.dask if parsed.workers is None else parsed.workers
    if where is None:
        return _paint_all(due, manner)
    try:
        from nst_engine.commands import cluster
    except ImportError as error:
        raise OptionError(
            f"The packages for a cluster are not installed here ({error}).", "Install them: pip install '.[cluster]'."
        ) from None
    return cluster.paint_all(due, manner, where)


def _paint_all(due: list[Task], manner: Manner) -> tuple[int, list[str]]:
    """Paint task after task until told to stop; returns how many it came to, and what was wrong with which."""
    from nst_engine.painting import Painter

    attempted, problems = 0, []
    painter = Painter(manner.options)
    with Display(len(due)) as display, Interrupts(display.say) as interrupts:
        watch = Watch(display.say, display.show, lambda: interrupts.stopped)
        while attempted < len(due) and not interrupts.stopped:
            task = due[attempted]
            display.begin(task.output.stem)
            try:
                _paint(painter, task, manner, watch)
            except Exception as error:
                problems.append(noted(task.content.name, error))
            attempted += 1
            display.next()
    return attempted, problems


def _paint(painter: Painter, task: Task, manner: Manner, watch: Watch) -> None:
    if is_done(task, manner):  # by another batch, in the meantime
        return
    check(task, manner)
    from nst_engine.files import writing

    file = made(painter, task, manner, watch)
    put(task, manner, lambda: writing.put(task.output, file, manner.force), watch.say)


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


def _save_sheets(sheets: list[Path], styles: list[Path], made_of: list[Task], manner: Manner) -> list[str]:
    """Write the sheets; returns what was wrong with which."""
    from nst_engine.commands import contact_sheet

    contents = list(dict.fromkeys(task.content for task in made_of))
    rows = [(content, [task.output for task in made_of if task.content == content]) for content in contents]
    problems = []
    for first, sheet in zip(range(0, len(rows), contact_sheet.ROWS), sheets, strict=True):
        try:
            contact_sheet.save(sheet, styles, rows[first : first + contact_sheet.ROWS], manner.force)
        except Exception as error:
            problems.append(noted(sheet.name, error))
    return problems
