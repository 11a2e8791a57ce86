"""A short look at what must hold whatever comes; ``python -m tests.fuzz`` looks longer."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from tests.fuzz import KINDS, looked_for

EXAMPLES = {"sessions": 6}
"""Of each property, where they are not cheap."""

PROPERTIES = [
    pytest.param(
        known, EXAMPLES.get(kind, 300), id=f"{kind}: {known.__name__}", marks=[pytest.mark.slow] * (kind in EXAMPLES)
    )
    for kind in KINDS
    for known in importlib.import_module(f"tests.fuzz.{kind}").PROPERTIES
]


@pytest.mark.parametrize(("known", "examples"), PROPERTIES)
def test_it_holds_for_the_same_examples_each_time(known: Callable[[], None], examples: int) -> None:
    looked_for(known, examples, derandomize=True)
