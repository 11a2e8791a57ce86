"""What tests/stubs say of GIMP's libraries must be there in the real ones."""

from __future__ import annotations

import ast
import json

import pytest
from plug_in import CHECKOUT, PlugIn

STUBS = CHECKOUT / "tests/stubs/gi/repository"
MODULES = sorted(path.stem for path in STUBS.glob("[A-Z]*.pyi"))
# Names that the stubs give to types that the libraries have without a name.
OURS = {"Gimp.RunFunc", "Gimp.RunImageFunc", "GimpUi.Labeled"}


def stubbed_names(module: str) -> list[str]:
    """All names of a stub file, those in classes with the class in front."""
    names = []
    for node in ast.parse((STUBS / f"{module}.pyi").read_text()).body:
        if isinstance(node, ast.ClassDef):
            names += [f"{module}.{node.name}", *(f"{module}.{node.name}.{name}" for name in defined(node.body))]
        elif not isinstance(node, (ast.Import, ast.ImportFrom)):
            names += [f"{module}.{name}" for name in defined([node])]
    return [name for name in names if not name.endswith("__init__") and ".".join(name.split(".")[:2]) not in OURS]


def defined(nodes: list[ast.stmt]) -> list[str]:
    names = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return names


@pytest.mark.parametrize("module", MODULES)
def test_every_stubbed_name_exists(plug_in: PlugIn, module: str) -> None:
    facts = plug_in.facts(f"""
import importlib
gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
missing = []
for name in {json.dumps(stubbed_names(module))}:
    found = importlib.import_module("gi.repository." + name.split(".")[0])
    for part in name.split(".")[1:]:
        found = getattr(found, part, None)
    if found is None:
        missing.append(name)
tell(missing=missing)
""")
    assert facts["missing"] == []
