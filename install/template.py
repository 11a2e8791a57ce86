#!/usr/bin/env python3
"""Print the template that a translation begins with: every sentence that a user of GIMP can meet, in English.

python3 install/template.py > gimp_plugin/neural-style/locale/LANGUAGE/LC_MESSAGES/neural-style.po
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

from source import read_options

CHECKOUT = Path(__file__).resolve().parent.parent
PLUG_INS = ("gimp_plugin/neural-style", "gimp_plugin/gimp210")
MARKS = ("_", "N_")
"""Functions whose argument is translated."""

HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: Neural Style for GIMP\\n"
"Language: \\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def sentences(checkout: Path = CHECKOUT) -> set[str]:
    """Return what the plug-in marks to be translated, and what the option table brings to GIMP."""
    found = set()
    for path in (path for folder in PLUG_INS for path in (checkout / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_marked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS
            if is_marked and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    for row in json.loads(read_options(checkout))["options"]:
        found |= {row["label"], row["help"], *(choice["label"] for choice in row.get("choices", []))}
    return found


def template(words: set[str]) -> str:
    """Return a ``.po`` file whose translations are still empty."""
    entries = [f'msgid {quoted(sentence)}\nmsgstr ""\n' for sentence in sorted(words, key=str.lower)]
    return "\n".join([HEADER, *entries])


def quoted(sentence: str) -> str:
    escaped = sentence.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


if __name__ == "__main__":
    sys.stdout.buffer.write(template(sentences()).encode())
