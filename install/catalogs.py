"""Translations: the ``.po`` files that people write, and the ``.mo`` files that programs read."""

from __future__ import annotations

import ast
import re
import struct

MAGIC = 0x950412DE
HEADER_BYTES = 28
ENTRY_BYTES = 8


def read_po(text: str) -> dict[str, str]:
    """The translations that a ``.po`` file holds; sentences left untranslated are left out.

    Plural forms and contexts are not understood, since the plug-in has none.
    """
    entries = {}
    for block in re.split(r"\n\s*\n", text):
        parts = {"msgid": "", "msgstr": ""}
        keyword = ""
        for line in block.splitlines():
            found = re.fullmatch(r'(?:(msgid|msgstr) )?(".*")', line.strip())
            if found:
                keyword = found.group(1) or keyword
                parts[keyword] += ast.literal_eval(found.group(2))
        if parts["msgstr"]:
            entries[parts["msgid"]] = parts["msgstr"]
    return entries


def compiled(entries: dict[str, str]) -> bytes:
    """A ``.mo`` file: header, two tables of length and place of each text, then the texts, sorted and ended by 0."""
    pairs = sorted((key.encode(), value.encode()) for key, value in entries.items())
    keys_at = HEADER_BYTES
    values_at = keys_at + len(pairs) * ENTRY_BYTES
    place = values_at + len(pairs) * ENTRY_BYTES
    tables, texts = b"", b""
    for column in (0, 1):
        for pair in pairs:
            tables += struct.pack("<II", len(pair[column]), place + len(texts))
            texts += pair[column] + b"\0"
    return struct.pack("<7I", MAGIC, 0, len(pairs), keys_at, values_at, 0, 0) + tables + texts
