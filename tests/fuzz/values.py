"""What the others are made of: texts and values of JSON, odd ones among them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def _as_json_has_it(text: str) -> str:
    """The text with the halves of one character joined, as they are once they have traveled."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


texts = st.text(st.characters(exclude_categories=()), max_size=20).map(_as_json_has_it)
"""Half characters, control characters and zeros included."""

numbers = st.integers(-(10**300) + 1, 10**300 - 1) | st.floats(allow_nan=False, allow_infinity=False)

leaves = st.none() | st.booleans() | numbers | texts

json_values: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
