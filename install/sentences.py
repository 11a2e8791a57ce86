"""Every sentence that a user of GIMP can meet, as the sources have them: plug-in, engine and installer.

Plug-in and options are translated where they are marked so. Engine and installer speak English, and tell their
:class:`Words` along; what else they say in an error has to be a sentence that is always the same.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from source import read_options

CHECKOUT = Path(__file__).resolve().parent.parent
PLUG_INS = ("gimp_plugin/neural-style", "gimp_plugin/gimp210")
MARKS = ("_", "N_")
"""Functions of the plug-in whose argument is translated."""

WORDS = "Words"
ENGINE = "nst_engine.commands.worker"
"""What GIMP runs of the engine: this module, and all that it needs."""

NOT_IN_GIMP = ("demo.py", "release.py", "sentences.py", "template.py")
"""What of the installer is no part of an archive."""

PASSED_ON = ("message", "remedy", "tip")
"""Attributes of errors: what another one said before."""


class Told(NamedTuple):
    """A call that makes words for people, and where it is."""

    call: ast.Call
    place: str
    constants: dict[str, set[str]]
    known: set[str]
    """Names of variables and functions that are Words."""

    def texts(self) -> Iterator[str | None]:
        """Yield the sentences that it may say, and None for one that nobody could translate."""
        arguments = self.call.args[:1] if name_of(self.call.func) == WORDS else self.call.args[:2]
        return (text for argument in arguments for text in self._texts(argument))

    def _texts(self, node: ast.expr) -> Iterator[str | None]:
        name = name_of(node.func if isinstance(node, ast.Call) else node)
        if isinstance(node, ast.IfExp):
            yield from (*self._texts(node.body), *self._texts(node.orelse))
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        elif name in self.constants:
            yield from self.constants[name]
        elif name not in (WORDS, *PASSED_ON, *self.known):
            yield None


def sentences(checkout: Path = CHECKOUT) -> set[str]:
    """Return all of them; what cannot be translated is left out."""
    told = {text for call in (*of_engine(checkout), *of_installer(checkout)) for text in call.texts() if text}
    return {*of_plug_in(checkout), *of_options(checkout), *told}


def of_plug_in(checkout: Path = CHECKOUT) -> Iterator[str]:
    for path in (path for folder in PLUG_INS for path in (checkout / folder).rglob("*.py")):
        for node in ast.walk(parsed(path)):
            is_marked = isinstance(node, ast.Call) and name_of(node.func) in MARKS
            if is_marked and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def of_options(checkout: Path = CHECKOUT) -> Iterator[str]:
    for row in json.loads(read_options(checkout))["options"]:
        yield from (row["label"], row["help"], *(choice["label"] for choice in row.get("choices", [])))


def of_engine(checkout: Path = CHECKOUT) -> list[Told]:
    return list(told_in(checkout, modules_needed(ENGINE, checkout)))


def of_installer(checkout: Path = CHECKOUT) -> list[Told]:
    return list(
        told_in(checkout, [p for p in sorted((checkout / "install").glob("*.py")) if p.name not in NOT_IN_GIMP])
    )


def modules_needed(name: str, checkout: Path) -> list[Path]:
    """Return the files of a module and of all that it imports of ours, whatever for."""
    found: set[Path] = set()
    names = [name]
    while names:
        path = (checkout / names.pop().replace(".", "/")).with_suffix(".py")
        if path not in found and path.is_file():
            found.add(path)
            names += imports(parsed(path))
    return sorted(found)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def told_in(checkout: Path, paths: Iterable[Path]) -> Iterator[Told]:
    """Yield every making of Words or of an error in some modules that belong together."""
    trees = {path.relative_to(checkout).as_posix(): parsed(path) for path in paths}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    makers = {WORDS, *errors_among(nodes)}
    constants, functions = constants_among(nodes), set(functions_among(nodes))
    shared = {name for tree in trees.values() for name in variables_in(tree) if name.isupper()}
    for name, tree in trees.items():
        known = {*functions, *shared, *variables_in(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in makers:
                yield Told(node, f"{name}:{node.lineno}", constants, known)


def errors_among(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names of the classes whose instances are made of a sentence and what to do."""
    found = {"StyleTransferError", "InstallError"}
    for node in nodes:
        if isinstance(node, ast.ClassDef) and any(name_of(base) in found for base in node.bases):
            found.add(node.name)
    return found


def constants_among(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """Return the texts that constants have, by the constants' names."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for name in filter(str.isupper, map(name_of, node.targets)):
                found.setdefault(name, set()).add(node.value.value)
    return found


def functions_among(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names of functions that return Words."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and node.returns and name_of(node.returns) == WORDS:
            yield node.name


def variables_in(tree: ast.Module) -> Iterator[str]:
    """Yield the names of what a module makes as Words or is given as such."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation and name_of(node.annotation) == WORDS:
            yield node.arg
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and name_of(node.value.func) == WORDS:
            yield from map(name_of, node.targets)


def name_of(node: ast.expr) -> str:
    """Return the name of a variable, or the last part of one with dots."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
