"""Files in a folder that is the user's too: put in, replaced and taken out without touching what is his."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from errors import InstallError, naming
from record import Record, is_real, missing_folders, real_path, sha256, write_durably
from words import Words

MOST_NAMED = 3
UNLINK = "Remove the link, and try again."


def place(files: Mapping[str, bytes], folder: Path, record: Record) -> list[Path]:
    """Put files into a folder, the last one last, in place of those that the installer put there before.

    Everything is first written beside the folder, so that a full disk or a stop leaves the old files together. What
    the user added stays where it is; what he changed gets another name, and those are returned.
    """
    folder = real_path(folder)
    digests = {folder / name: sha256(content) for name, content in files.items()}
    refuse_links(path.parent for path in digests)
    staging = staging_of(folder)
    record.claim(staging)
    remove_tree(staging)
    try:
        for name, content in files.items():
            write(staging / name, content)
    except OSError:
        remove_tree(staging)
        raise
    record.expect_folders(f for path in digests for f in missing_folders(path.parent))
    record.expect_files(digests)
    kept = [move_in(staging / name, folder / name, record) for name in files]
    take_out(outdated(folder, digests, record), record)
    record.settle_files(folder, digests)
    remove_tree(staging)
    record.disown(staging)
    return [path for path in kept if path]


def write_into(path: Path, content: bytes, record: Record) -> list[Path]:
    """Write one file into a folder that is otherwise the user's own; returns the new name of one that was his."""
    digest = {path: sha256(content)}
    kept = set_aside(path, record)
    record.expect_files(digest)
    write_durably(path, content)
    record.settle_files(path.parent, digest)
    return [kept] if kept else []


def staging_of(folder: Path) -> Path:
    """Return where the files of a folder wait. Names with a dot in front are ignored by GIMP."""
    return folder.parent / f".{folder.name}.installing"


def refuse_links(folders: Iterable[Path]) -> None:
    for folder in folders:
        if not is_real(folder):
            told = Words("{folder} leads through a link that this installer did not make.", folder=folder)
            raise InstallError(told, UNLINK)


def write(path: Path, content: bytes) -> None:
    """Write a file with its folder; a script that names what runs it may be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        path.write_bytes(content)
    if content.startswith(b"#!"):
        path.chmod(0o755)


def move_in(source: Path, target: Path, record: Record) -> Path | None:
    """Move a file to its place; return the new name of what somebody else put there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = set_aside(target, record)
    source.replace(target)
    return aside


def set_aside(path: Path, record: Record) -> Path | None:
    """Give another name to what is in the way and not the installer's; return that name."""
    if not os.path.lexists(path) or record.wrote(path):
        return None
    aside = free_name(path)
    path.rename(aside)
    return aside


def free_name(path: Path) -> Path:
    """Return a name for a file or folder that is to be kept beside what takes its place."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.old{'' if number == 1 else f'-{number}'}")):
        number += 1
    return aside


def outdated(folder: Path, digests: Mapping[Path, str], record: Record) -> list[Path]:
    return [path for path in map(Path, record.files) if folder in path.parents and path not in digests]


def take_out(paths: Iterable[Path], record: Record) -> None:
    """Remove files, with what Python keeps of them, unless somebody changed them; then the folders left empty."""
    for path in paths:
        if record.wrote(path):
            path.unlink()
            remove_compiled(path)
            for folder in path.parents:
                if str(folder) not in record.folders or not remove_if_empty(folder):
                    break


def remove_compiled(path: Path) -> None:
    """Remove what Python 2.7 and 3 keep of a module, beside it and in a folder of its own."""
    cache = path.parent / "__pycache__"
    if path.suffix != ".py" or cache.is_symlink():
        return
    for pattern in (path.with_suffix(".pyc"), cache / f"{path.stem}.*.pyc"):
        for compiled in glob.glob(f"{glob.escape(str(pattern.parent))}/{pattern.name}"):
            os.unlink(compiled)
    remove_if_empty(cache)


def remove_tree(tree: Path) -> None:
    """Delete a folder that is the installer's, if it is there; never through a link."""
    if tree.is_symlink():
        raise InstallError(Words("{path} is a link that this installer did not make.", path=tree), UNLINK)
    if tree.is_dir():
        shutil.rmtree(tree)
    elif tree.exists():
        tree.unlink()


def remove_if_empty(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # it is not there, or has something in it
        if is_real(folder):
            folder.rmdir()
            return True
    return False


def listed(paths: Sequence[Path]) -> str:
    """Return the first of some paths, and how many more there are."""
    names = ", ".join(map(str, paths[:MOST_NAMED]))
    more = len(paths) - MOST_NAMED
    return Words("{names} and {count} more", names=names, count=more) if more > 0 else names


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, links among them, which are not followed."""
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        yield from (Path(parent, name) for name in sorted([*files, *links]))


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, each once whatever its names; what goes meanwhile counts or not."""
    sizes = {}
    for parent, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                found = os.lstat(os.path.join(parent, name))
                sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())
