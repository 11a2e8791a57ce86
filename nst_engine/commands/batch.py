"""``nst-engine batch``: every picture of a folder, in one style, or in each of several."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nst_engine import options
from nst_engine.commands.display import Display
from nst_engine.commands.stylize import add_style_arguments, read_styles
from nst_engine.errors import OptionError, PictureError, StyleTransferError
from nst_engine.files import formats

if TYPE_CHECKING:
    from nst_engine.painting import Painter
    from nst_engine.protocol import StylePicture

SHEET = "contact-sheet.jpg"


class Task(NamedTuple):
    """A picture to make: from which content, in which styles, into which file."""

    content: Path
    styles: list[StylePicture]
    output: Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("batch", help="paint every picture of a folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder with the pictures to paint")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the results go")
    add_style_arguments(parser)
    parser.add_argument("--grid", action="store_true", help="each picture in each style, and a contact sheet of all")
    parser.add_argument("--resume", action="store_true", help="leave out what is there already")
    parser.add_argument("--force", action="store_true", help="replace what is there already")
    options.add_arguments(parser)
    parser.set_defaults(command=run)


def run(parsed: argparse.Namespace) -> None:
    """Paint all, and tell at the end what could not be painted."""
    chosen = options.from_mapping({name: getattr(parsed, name) for name in options.specs()})
    contents = _contents(parsed.folder)
    if parsed.grid and parsed.blend:
        raise OptionError("--grid keeps styles apart and --blend mixes them.", "Leave one of them out.")
    styles = read_styles(parsed.style, parsed.blend, [])
    tasks = _tasks(contents, styles, parsed.output, parsed.grid)
    _make_folder(parsed.output)
    due = [task for task in tasks if not (parsed.resume and task.output.exists())]
    failures = _paint_all(due, chosen, parsed.force) if due else []
    if parsed.grid:
        from nst_engine import contact_sheet

        contact_sheet.save(parsed.output / SHEET, parsed.style, _rows(tasks))
    if failures:
        problems = "; ".join(f"{task.content.name}: {error.message}" for task, error in failures)
        raise PictureError(
            f"{len(failures)} of {len(due)} pictures could not be painted ({problems}).", "All others are done."
        )


def _paint_all(tasks: list[Task], chosen: options.Options, force: bool) -> list[tuple[Task, StyleTransferError]]:
    """Paint task after task; returns those that failed, and why."""
    from nst_engine.painting import Painter

    failures = []
    painter = Painter(chosen)
    with Display(len(tasks)) as display:
        for task in tasks:
            display.begin(task.output.stem)
            try:
                _paint(painter, task, force, display)
            except StyleTransferError as error:
                failures.append((task, error))
            display.next()
            if display.stopped:
                raise KeyboardInterrupt
    return failures


def _paint(painter: Painter, task: Task, force: bool, display: Display) -> None:
    from nst_engine.files import reading, writing

    writing.check_output(task.output, force)
    content = reading.read(task.content)
    done = painter.paint(content.pixels, task.styles, on_step=display.show, should_stop=lambda: display.stopped)
    writing.save(task.output, done.picture, force, content.depth, content.exif)


def _contents(folder: Path) -> list[Path]:
    """The picture files of a folder, by name."""
    if not folder.is_dir():
        raise PictureError(f"There is no folder {folder}.", "Check the path.")
    found = sorted(path for path in folder.iterdir() if formats.of_name(path) and path.is_file())
    if not found:
        raise PictureError(f"The folder {folder} has no pictures.", "Put PNG, JPEG, TIFF or WebP files there.")
    return found


def _tasks(contents: list[Path], styles: list[StylePicture], output: Path, grid: bool) -> list[Task]:
    """What is to be made. All contents of one style come first: the style's features are computed once."""
    if not grid:
        return [Task(content, styles, output / content.name) for content in contents]
    return [
        Task(content, [style], output / f"{content.stem} in the style of {style.name}{content.suffix}")
        for style in styles
        for content in contents
    ]


def _rows(tasks: list[Task]) -> Iterator[tuple[Path, list[Path]]]:
    """Each content with its results, in the styles' order."""
    for content in dict.fromkeys(task.content for task in tasks):
        yield content, [task.output for task in tasks if task.content == content]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"The folder {folder} cannot be made ({error.strerror}).", "Choose another place.") from None
