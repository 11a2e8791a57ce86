"""Sentences that can be said in other languages than English: each knows what it is made of.

Nothing but Python is needed here; the installer, which runs where there is no engine yet, has a copy of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXT_LIMIT = 2000
"""Most characters of a text that travels. A longer one is for nobody to read: its middle is left out."""

NUMBER_LIMIT = 1e15
"""Numbers from here on travel as texts, as do those that are none: not every JSON has them."""


class Words(str):
    """A text in English, and the template and values that it is made of: ``Words("{count} px", count=3)`` is '3 px'.

    Whoever has words of his own for the template can say the same in another language. Each value is a number, other
    Words, or a text that is the same in every language, as the name of a file is.
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> Words:
        words = super().__new__(cls, template.format(**values) if values else template)
        words.template, words.values = template, values
        return words


def translatable(texts: Mapping[str, object]) -> dict[str, Any]:
    """Of named texts those that are Words, as JSON has them: each a ``text``, its ``template`` and its ``values``."""
    return {name: _parts(text) for name, text in texts.items() if isinstance(text, Words)}


def shortened(text: str, limit: int = TEXT_LIMIT) -> str:
    """A text of at most so many characters, whose middle may be missing."""
    half = limit // 2
    return text if len(text) <= limit else f"{text[: half - 1]}…{text[-half:]}"


def _parts(words: Words) -> dict[str, Any]:
    values = {name: _value(value) for name, value in words.values.items()}
    return {"text": shortened(words), "template": words.template, "values": values}


def _value(value: object) -> object:
    if isinstance(value, Words):
        return _parts(value)
    is_number = isinstance(value, (int, float)) and abs(value) < NUMBER_LIMIT
    return value if is_number else shortened(str(value))
