"""A checkout whose engine needs nothing but a torch of a few lines, for installations from first to last."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TORCH = """
import os, time
from unittest.mock import MagicMock
while os.path.exists(os.environ.get("TORCH_WAITS_FOR", "")):
    time.sleep(0.1)
__version__ = "99.0"
rand, isfinite, nn, backends = MagicMock(), MagicMock(), MagicMock(), MagicMock()
backends.mps.is_available.return_value = False
"""
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 99.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
MAIN = """
import sys
if sys.argv[1] == "worker":
    from nst_engine import answers
else:
    import torch
    print('the stand-in is fine')
"""


def copy_of_checkout(folder: Path) -> Path:
    """The checkout with an engine that finds itself fine, and paints at once what no one would hang up."""
    ignored = shutil.ignore_patterns("__pycache__", "data")
    for name in ("install", "gimp_plugin", "nst_engine"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "setup.cfg"):
        shutil.copyfile(CHECKOUT / name, folder / name)
    setup = (folder / "setup.cfg").read_text()
    start = setup.index("install_requires")
    end = setup.index("\n[", start)
    (folder / "setup.cfg").write_text(f"{setup[:start]}install_requires = torch\n{setup[end:]}")
    (folder / "CHANGELOG.md").write_text("## Unreleased\n\n- An installer.\n")
    engine = folder / "nst_engine"
    (engine / "data").mkdir()
    (engine / "data/NOTICE").write_text("nothing to note")
    (engine / "__main__.py").write_text(MAIN)
    for name in ("answers", "pipe"):
        code = (CHECKOUT / f"tests/gimp/engines/{name}.py").read_text()
        (engine / f"{name}.py").write_text(code.replace("import pipe\n", "from nst_engine import pipe\n"))
    return folder


def write_torch(folder: Path) -> None:
    """Write the wheels of a torch that says that it can compute, and of a torchvision."""
    folder.mkdir(exist_ok=True)
    for package, code in (("torch", TORCH), ("torchvision", "")):
        facts = f"{package}-99.0.dist-info"
        files = {f"{package}/__init__.py": code, f"{facts}/METADATA": METADATA.format(package), f"{facts}/WHEEL": WHEEL}
        with zipfile.ZipFile(folder / f"{package}-99.0-py3-none-any.whl", "w") as wheel:
            for name, text in files.items():
                wheel.writestr(name, text)
            wheel.writestr(f"{facts}/RECORD", "".join(f"{name},,\n" for name in files))


def unzipped(archive: Path, folder: Path) -> Path:
    """Unzip the project's archive as a program for archives does, and return the plug-in's folder."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            Path(opened.extract(entry, folder)).chmod(entry.external_attr >> 16)
    return folder / "neural-style"
