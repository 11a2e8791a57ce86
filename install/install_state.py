"""The record of what the installer wrote, so that uninstalling takes away exactly that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from errors import InstallError

FORMAT = 1


@dataclass
class InstallState:
    """``files`` maps each file in a GIMP folder to its sha256; ``folders`` were made for them, outermost first.

    ``trees`` names the folders in the engine's home that belong to the installer whole, such as the venv.
    ``torch_backend`` is the build that this machine wanted, and ``device`` what its convolution ran on.
    """

    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    torch_backend: str = ""
    device: str = ""

    @classmethod
    def load(cls, path: Path) -> InstallState:
        """Return the recorded state, or an empty one where nothing has been installed."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            version = record.pop("format")
            if version != FORMAT:
                raise ValueError(f"format {version} instead of {FORMAT}")
            return cls(**record)
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InstallError(
                f"{path} is not the record of an installation ({error}).",
                f"Delete the folder {path.parent} and run this installer again.",
            ) from error

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1), encoding="utf-8")
        fresh.replace(path)

    def make_folder(self, folder: Path) -> None:
        """Make a folder with its parents and remember those that were not there before."""
        missing = [f for f in [*reversed(folder.parents), folder] if not f.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self.folders += [str(f) for f in missing if str(f) not in self.folders]

    def record_folder(self, folder: Path) -> None:
        """Replace whatever was recorded below a folder by the files that are there now."""
        self.forget_folder(folder)
        self.folders.append(str(folder))
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                self.folders.append(str(path))
            else:
                self.files[str(path)] = sha256(path)

    def forget_folder(self, folder: Path) -> None:
        def is_kept(path: str) -> bool:
            return folder != Path(path) and folder not in Path(path).parents

        self.files = {path: digest for path, digest in self.files.items() if is_kept(path)}
        self.folders = [path for path in self.folders if is_kept(path)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
