"""The record of what the installer wrote, so that it replaces and takes away exactly that."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from errors import InstallError, naming
from words import Words

FORMAT = 2

UNABLE_TO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF)
"""How file systems say that they cannot wait for the disk; everything else is a file that did not get there."""


@dataclass
class Record:
    """What belongs to the installer. Each thing is written down before it is made: a stop at any time is told of here.

    ``files`` maps each file in a GIMP folder to the sha256 of every content that the installer may have given it:
    one, or two while it is being replaced. ``folders`` were made for them, outermost first. ``trees`` names the files
    and folders that belong to the installer whole, such as the venv; those in the engine's home by what follows it.
    Paths are real ones: what is reached through a link today is not what was made then. ``torch_backend`` is the
    build that this machine wanted, and ``device`` what its convolution ran on. ``place`` is the record's own file.
    """

    files: dict[str, list[str]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    torch_backend: str = ""
    device: str = ""
    place: Path | None = None

    @classmethod
    def load(cls, path: Path) -> Record:
        """Return what is recorded, or an empty record where nothing has been installed."""
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            version = facts.pop("format")
            if version == 1:
                facts = from_first_format(facts, path.parent)
            if isinstance(version, int) and version > FORMAT:
                raise InstallError(
                    Words("{path} was written by a newer version of this installer.", path=path),
                    "Use that version, or bring this checkout up to date.",
                )
            return cls(**checked(facts), place=path)
        except (FileNotFoundError, NotADirectoryError):
            return cls(place=path)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InstallError(
                Words(
                    "{path} is damaged and does not tell what was installed ({reason}).", path=path, reason=str(error)
                ),
                Words(
                    "Move it and {folder} away, if that is there, and try again. Everything else can stay.",
                    folder=path.with_name("venv"),
                ),
            ) from error

    def save(self) -> None:
        """Write the record so that it is on the disk, whole, before anything that relies on it is made."""
        if self.place is not None:
            facts = {name: value for name, value in asdict(self).items() if name != "place"}
            write_durably(self.place, json.dumps({"format": FORMAT, **facts}, indent=1).encode())

    def make_folder(self, folder: Path) -> None:
        """Make a folder with its parents and remember those that were not there before."""
        self.expect_folders(missing_folders(folder))
        folder.mkdir(parents=True, exist_ok=True)

    def expect_folders(self, folders: Iterable[Path]) -> None:
        fresh = [folder for folder in dict.fromkeys(map(str, folders)) if folder not in self.folders]
        if fresh:
            self.folders += fresh
            self.save()

    def owns(self, tree: Path) -> bool:
        return self._name(tree) in self.trees

    def claim(self, tree: Path) -> None:
        """Record that a file or folder belongs to the installer whole; refuse what is there and belongs to another."""
        if self.owns(tree):
            return
        refuse_foreign(tree, self)
        self.trees.append(self._name(tree))
        self.save()

    def disown(self, tree: Path) -> None:
        self.trees.remove(self._name(tree))
        self.save()

    def expect_files(self, digests: Mapping[Path, str]) -> None:
        """Record the contents that files are about to get, beside those that they may have now."""
        for path, digest in digests.items():
            known = self.files.setdefault(str(path), [])
            known += [digest] if digest not in known else []
        self.save()

    def settle_files(self, folder: Path, digests: Mapping[Path, str]) -> None:
        """Record that these files, and no others, are what the installer has below a folder."""
        others = {path: known for path, known in self.files.items() if folder not in Path(path).parents}
        self.files = {**others, **{str(path): [digest] for path, digest in digests.items()}}
        self.save()

    def wrote(self, path: Path) -> bool:
        """Say whether a file is as the installer wrote it, and where."""
        known = self.files.get(str(path), [])
        return bool(known) and is_real(path) and path.is_file() and sha256(path.read_bytes()) in known

    def _name(self, tree: Path) -> str:
        home = (self.place or tree).parent
        return tree.relative_to(home).as_posix() if home in tree.parents else str(tree)


def refuse_foreign(tree: Path, record: Record) -> None:
    """Raise where a name that the installer needs for itself is taken by something that it did not make."""
    if os.path.lexists(tree) and not record.owns(tree):
        raise InstallError(
            Words("{path} exists and was not made by this installer.", path=tree),
            "Move it away, and try again.",
            "Or name another folder with --data-folder.",
        )


def from_first_format(facts: dict[str, Any], home: Path) -> dict[str, Any]:
    """Return the facts of a record of format 1 as those of today's: it knew one digest a file, and not its own log."""
    files = {path: [digest] for path, digest in facts["files"].items()}
    own = {"trees": [*facts["trees"], "logs/install.log"], "folders": [*facts["folders"], str(home / "logs")]}
    return {**facts, **own, "files": files}


def checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a record if they are of the form that they must have."""
    texts = [
        *facts["folders"],
        *facts["trees"],
        *facts["files"],
        *(d for known in facts["files"].values() for d in known),
    ]
    lists = [facts["folders"], facts["trees"], *facts["files"].values()]
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(known, list) for known in lists):
        raise ValueError("its entries are of another form")
    return facts


def missing_folders(folder: Path) -> list[Path]:
    """Return the folder and those of its parents that are not there, outermost first, by their real names."""
    real = real_path(folder)
    return [f for f in [*reversed(real.parents), real] if not os.path.lexists(f)]


def real_path(path: Path) -> Path:
    return Path(os.path.realpath(path))


def is_real(path: Path) -> bool:
    """Say whether a path leads through no link."""
    return real_path(path) == path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file whole: after a stop at any time, or a full disk, it has the old content or the new one."""
    fresh = unfinished(path)
    try:
        with naming(path), fresh.open("wb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    if os.name == "posix":
        sync_folder(path.parent)


def unfinished(path: Path) -> Path:
    """Return where a file is while it is written; a stop may leave it there."""
    return path.with_name(f"{path.name}.new")


def sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNABLE_TO_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
