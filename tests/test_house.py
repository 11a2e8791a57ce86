"""Who may import whom: the arrows of CONTRIBUTING.md that must never be."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
ENGINE, PLUG_IN, INSTALLER = CHECKOUT / "nst_engine", CHECKOUT / "gimp_plugin", CHECKOUT / "install"
GIMP = {"gi", "gimp", "gimpfu", "gimpenums", "nst_plugin"}
LARGE = {"numpy", "torch", "torchvision", "PIL", "scipy", "nst_engine"}
POSIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}
BARE = ["options", "errors", "frames", "words"]
WITHOUT_TORCH = ["pixels", "pyramid", "recipes"]
STDLIB = sys.stdlib_module_names


def imports(tree: ast.AST, at_start: bool = False) -> Iterator[str]:
    """Yield what is imported by full names: everywhere, or only by what runs when the module is loaded."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (at_start and (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_for_types(node))):
            yield from imports(node, at_start)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def parsed(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def packages(path: Path) -> set[str]:
    """Return the outermost names of all that a file imports anywhere."""
    return {name.partition(".")[0] for name in imports(parsed(path))}


def rooms_needed(path: Path, house: Path) -> set[str]:
    """Return the rooms below a folder that a room imports, by their full names; of a doorway those that it opens."""
    is_doorway = path.name == "__init__.py"  # one asks for what lies behind it only when it is called
    found = {room_of(name, house) for name in imports(parsed(path), at_start=is_doorway)}
    return found - {"", name_of(path, house)}


def room_of(name: str, house: Path) -> str:
    """Return the room that an imported name stands for, or is in; nothing where it is none of this house's."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        place = house.joinpath(*parts[:end])
        if place.with_suffix(".py").exists() or (place / "__init__.py").exists():
            return ".".join(parts[:end])
    return ""


def name_of(path: Path, house: Path = CHECKOUT) -> str:
    return ".".join(path.relative_to(house).with_suffix("").parts).removesuffix(".__init__")


def test_the_engine_knows_nothing_of_gimp() -> None:
    found = {name_of(path): packages(path) & GIMP for path in modules(ENGINE)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_plug_in_needs_nothing_but_gimps_python() -> None:
    found = {str(path): packages(path) & LARGE for path in modules(PLUG_IN)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_installer_needs_nothing_but_python_and_the_table_of_options() -> None:
    own = {path.stem for path in modules(INSTALLER)}
    users = [path for path in modules(INSTALLER) if path.name != "demo.py"]
    found = {path.name: packages(path) - STDLIB - own for path in users}
    shared = {"source.py": {"nst_engine"}, "remote.py": {"nst_plugin"}}
    assert {name: wrong for name, wrong in found.items() if wrong} == shared


def test_what_python_2_reads_has_no_letter_beyond_ascii() -> None:
    read = [*modules(PLUG_IN / "neural-style/nst_plugin/shared"), *modules(PLUG_IN / "gimp210"), ENGINE / "frames.py"]
    assert [path.name for path in read if not path.read_bytes().isascii()] == []


@pytest.mark.parametrize("folder", [ENGINE, PLUG_IN / "neural-style/nst_plugin", INSTALLER], ids=lambda path: path.name)
def test_no_room_needs_itself_in_the_end(folder: Path) -> None:
    house = folder if folder == INSTALLER else folder.parent
    graph = {name_of(path, house): rooms_needed(path, house) for path in modules(folder)}
    assert sum(map(len, graph.values())) > len(graph)
    graphlib.TopologicalSorter(graph).prepare()  # raises where there is a circle


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_rooms_at_ground_level_load_no_torch(room: str) -> None:
    code = f"import sys; import nst_engine.{room}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT).returncode == 0


@pytest.mark.parametrize("room", BARE)
def test_rooms_that_others_share_are_loaded_by_a_bare_python(room: str) -> None:
    bare = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, sys.argv[1]); import nst_engine.{room}"]
    done = subprocess.run([*bare, str(CHECKOUT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_import_is_seen_wherever_it_hides() -> None:
    code = "if 1:\n    import a.b\ndef f():\n    from c import d\nif TYPE_CHECKING:\n    import e\n"
    assert list(imports(ast.parse(code))) == ["a.b", "c", "c.d", "e"]
    assert list(imports(ast.parse(code), at_start=True)) == ["a.b"]


def test_contributing_names_what_is_there() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {link or path for link, path in re.findall(r"\]\(([\w./-]+)\)|`((?:[\w.-]+/)+[\w.-]+)`", text)}
    assert len(named) > 20
    assert {path for path in named if not any((top / path).exists() for top in (CHECKOUT, ENGINE))} == set()


def test_no_two_files_of_tests_share_a_name() -> None:
    """Pytest imports them by it alone, whatever folder they are in."""
    names = [path.name for path in (CHECKOUT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_tests_outside_gimp_can_be_collected_on_windows() -> None:
    tests = [path for path in modules(CHECKOUT / "tests") if not path.stem.endswith("_on_linux")]
    everywhere = [path for path in tests if "gimp" not in path.relative_to(CHECKOUT).parts[1]]
    found = {path.name: set(imports(parsed(path), at_start=True)) & POSIX for path in everywhere}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_files_that_are_said_to_be_slow_are_there() -> None:
    assigned = [node for node in ast.walk(parsed(CHECKOUT / "tests/conftest.py")) if isinstance(node, ast.Assign)]
    slow = next(node.value for node in assigned if ast.unparse(node.targets[0]) == "SLOW")
    assert ast.literal_eval(slow) <= {path.stem for path in modules(CHECKOUT / "tests")}
