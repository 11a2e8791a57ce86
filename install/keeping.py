"""The engine of before, which is kept until the new one works: who stops an update or a repair has it back."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from installation import Installation
from placing import remove_tree


@contextlib.contextmanager
def old_engine_kept(installation: Installation) -> Iterator[None]:
    """Within the block the engine is changed. Where that fails or is stopped, it is as it was before."""
    home, record = installation.home, installation.record
    if put_back(installation):  # where an earlier installer was killed at its work: what torch that is, nobody knows
        record.torch_backend = ""
    if not os.path.isfile(home.python):
        yield
        return
    build, device = record.torch_backend, record.device
    copy(installation)
    try:
        yield
    except BaseException:
        record.torch_backend, record.device = build, device
        put_back(installation)
        raise
    for tree in (home.before, home.spoiled):
        drop(tree, installation)


def copy(installation: Installation) -> None:
    """Make a second venv of the same files. It has its name only when it is whole."""
    home = installation.home
    for tree in (home.before, home.spoiled):
        installation.record.claim(tree)
    remove_tree(home.spoiled)
    shutil.copytree(home.venv, home.spoiled, symlinks=True, copy_function=link_or_copy)
    home.spoiled.rename(home.before)


def link_or_copy(source: str, target: str) -> None:
    """Let a file have two names, which takes neither time nor room: pip and uv write no file anew, but another."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def put_back(installation: Installation) -> bool:
    """Give the venv of before its name again; return whether there was one."""
    home = installation.home
    is_there = os.path.lexists(home.before) and installation.record.owns(home.before)
    if is_there:
        remove_tree(home.spoiled)
        if os.path.lexists(home.venv):
            home.venv.rename(home.spoiled)
        home.before.rename(home.venv)
    for tree in (home.spoiled, home.before):
        drop(tree, installation)
    return is_there


def drop(tree: Path, installation: Installation) -> None:
    if installation.record.owns(tree):
        remove_tree(tree)
        installation.record.disown(tree)
