"""What the stubs of GIMP 2.10's Python say must be there in the real modules."""

from __future__ import annotations

import ast
import json

import pytest
from plug_in_210 import CHECKOUT, PlugIn

# The procedures have no class with a name.
REAL = {"gimp.PDB": "gimp.pdb"}


def stubbed_names(module: str) -> list[str]:
    """All names of a stub file, those in classes with the class in front."""
    names = []
    for node in ast.parse((CHECKOUT / f"tests/stubs/gimpfu-stubs/{module}-stubs/__init__.pyi").read_text()).body:
        if isinstance(node, ast.ClassDef):
            path = REAL.get(f"{module}.{node.name}", f"{module}.{node.name}")
            names += [path, *(f"{path}.{name}" for name in defined(node.body) if not name.startswith("__"))]
        else:
            names += [f"{module}.{name}" for name in defined([node])]
    return names


def defined(nodes: list[ast.stmt]) -> list[str]:
    functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return functions + [
        node.target.id for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


@pytest.mark.parametrize("module", ["gimp", "gimpfu", "gimpenums", "gimpcolor"])
def test_every_stubbed_name_exists(plug_in: PlugIn, module: str) -> None:
    names = stubbed_names(module)
    assert names
    facts = plug_in.facts(f"""
import {module}
missing = []
for name in {json.dumps(names)}:
    found = {module}
    for part in name.split(".")[1:]:
        try:
            found = getattr(found, part)
        except AttributeError:
            missing.append(name)
            break
tell(missing=missing)
""")
    assert facts["missing"] == []
