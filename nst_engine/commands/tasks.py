"""The pictures of a batch: which there are to make, and how one of them is made and put in its place."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nst_engine.commands.inputs import read
from nst_engine.errors import PictureError
from nst_engine.files import formats, places

if TYPE_CHECKING:
    from nst_engine.files.writing import Color, File
    from nst_engine.options import Options
    from nst_engine.painting import Painter
    from nst_engine.pixels import StylePicture
    from nst_engine.progress import Step


class Task(NamedTuple):
    """A picture to make: from which content, in which styles, into which file."""

    content: Path
    styles: list[StylePicture]
    output: Path


class Manner(NamedTuple):
    """How all of them are made and written."""

    options: Options
    resume: bool
    force: bool
    background: Color


class Watch(NamedTuple):
    """Who looks on while a picture is made: hears what is odd and of each step, and may stop it."""

    say: Callable[[str], None]
    on_step: Callable[[Step], None]
    should_stop: Callable[[], bool]


def tasks(contents: list[Path], styles: list[StylePicture], output: Path, grid: bool) -> list[Task]:
    """What is to be made. All contents of one style come first: the style's features are computed once."""
    if grid:
        pairs = [(content, [style]) for style in styles for content in contents]
        names = [_fitting(*_name(content), style.name) for content, (style,) in pairs]
    else:
        pairs = [(content, styles) for content in contents]
        names = [_fitting(*_name(content)) for content in contents]
    return [Task(*pair, output / name) for pair, name in zip(pairs, places.apart(names), strict=True)]


def is_done(task: Task, manner: Manner) -> bool:
    """Whether a picture is there already, and a batch that goes on leaves it out."""
    return manner.resume and os.path.isfile(task.output) and not _is_half(task.output)


def check(task: Task, manner: Manner) -> None:
    """Raise :class:`PictureError` now rather than after minutes of work if the picture can have no place."""
    from nst_engine.files import writing

    writing.check_output(task.output, manner.force or _is_to_go(task, manner))


def made(painter: Painter, task: Task, manner: Manner, watch: Watch) -> File:
    """Read, paint, encode; :class:`nst_engine.errors.StyleTransferError` for what cannot be."""
    from nst_engine.files import writing

    content = read(task.content, watch.say)
    writing.check_size(task.output, content.pixels.shape, content.depth)
    done = painter.paint(
        content.pixels,
        task.styles,
        on_step=watch.on_step,
        should_stop=watch.should_stop,
        kind=content.pixels.dtype,
    )
    for warning in done.warnings:
        watch.say(f"WARNING {warning}")
    return writing.made(task.output, done.picture, content.depth, content.metadata, manner.background)


def put(task: Task, manner: Manner, deliver: Callable[[], None], say: Callable[[str], None]) -> None:
    """Put a picture in its place as ``deliver`` does, after the half of one that may be there made way."""
    if _is_to_go(task, manner):
        with contextlib.suppress(OSError):  # then the picture is kept under another name
            if aside := places.set_aside(task.output):
                say(f"WARNING {task.output.name} was there as half a picture; that is {aside.name} now.")
    deliver()


def _name(content: Path) -> tuple[str, str]:
    """Stem and ending for a result: PNG where the content's format is one that is only read."""
    return (content.stem, content.suffix) if formats.of_name(content) else (content.name, ".png")


def _fitting(stem: str, ending: str, style: str = "") -> str:
    """The name of a result, of a length that file systems take."""
    parts, joint = [stem, style] if style else [stem], " in the style of "
    if len(os.fsencode(joint.join(parts) + ending)) > places.LONGEST_NAME:
        room = places.LONGEST_NAME - places.FOR_A_NUMBER - len(os.fsencode(joint + ending))
        parts = [places.shortened(part, room // len(parts)) for part in parts]
    return joint.join(parts) + ending


def _is_to_go(task: Task, manner: Manner) -> bool:
    """Whether half a picture is there, which a batch that goes on sets aside."""
    return manner.resume and not manner.force and os.path.isfile(task.output) and _is_half(task.output)


def _is_half(output: Path) -> bool:
    """Whether it is a part of a picture only; one that may not be read is taken for a whole one."""
    from nst_engine.files import reading

    try:
        return reading.is_half(output)
    except PictureError:
        return False
