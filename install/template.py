#!/usr/bin/env python3
"""Print what a translation consists of: every sentence that a user of GIMP can meet, in English, for its other words.

python3 install/template.py > neural-style.pot
python3 install/template.py neural-style.po > new.po     # with the words of that file, for all that are said today
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from catalogs import read_po
from sentences import sentences

HEADER = """\
Project-Id-Version: Neural Style for GIMP
Language:
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
"""


def template(words: set[str], known: Mapping[str, str] | None = None) -> str:
    """Return a ``.po`` file with the translations that are known already, and place for the others."""
    known = known or {"": HEADER}
    return "\n".join(entry(text, known.get(text, "")) for text in ("", *sorted(sorted(words), key=str.lower)))


def entry(original: str, translated: str) -> str:
    return f"msgid {quoted(original)}\nmsgstr {quoted(translated)}\n"


def quoted(text: str) -> str:
    """Return a text as such files have it, each of several lines below the keyword."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n\n")
    lines = [f'"{line}"' for line in escaped.splitlines() or [""]]
    return "\n".join(lines if len(lines) == 1 else ['""', *lines])


if __name__ == "__main__":
    given = read_po(Path(sys.argv[1]).read_text(encoding="utf-8")) if sys.argv[1:] else None
    sys.stdout.buffer.write(template(sentences(), given).encode())
