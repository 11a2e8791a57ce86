"""Options: any mapping is valid options, and then a recipe, or refused in a sentence."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nst_engine import options, recipes
from nst_engine.errors import OptionError
from tests.fuzz.values import json_values, texts

LAYER_PARTS = (
    "relu1_1",
    "relu4_2",
    "relu9_9",
    "gram",
    "moments",
    "neighbors",
    ":",
    ",",
    "0",
    "0.5",
    "1e308",
    "nan",
    "-1",
    "",
)

layer_lists = st.lists(st.sampled_from(LAYER_PARTS), max_size=8).map("".join)

beyond_json = st.sampled_from([float("nan"), float("inf"), 10**400, -(10**5000), b"bytes", 1j, object(), {1}])
"""What Python's callers may give, where JSON's cannot."""


def likely(name: str, spec: options.Spec) -> st.SearchStrategy[Any]:
    """Values of which many are allowed."""
    if spec.choices:
        return st.sampled_from(sorted(spec.choices))
    if spec.kind == "string":
        return layer_lists if name.endswith("layers") else texts
    return st.floats(spec.low, spec.high) if spec.kind == "float" else st.integers(int(spec.low or 0), 200_000)


anything = json_values | beyond_json

mappings = st.fixed_dictionaries(
    {},
    optional={name: likely(name, spec) | anything for name, (_, spec) in options.specs().items()},
)


@given(mappings | mappings.flatmap(lambda known: st.dictionaries(texts, anything, max_size=1).map(known.__or__)))
def options_are_valid_or_refused_in_a_sentence(values: dict[str, Any]) -> None:
    try:
        chosen = options.from_mapping(values)
        assert options.from_mapping(dataclasses.asdict(chosen)) == chosen
        assert recipes.chosen(chosen).content_weight >= 0
    except OptionError as error:
        assert error.message.endswith(".")
        assert error.remedy.endswith(".")


PROPERTIES = (options_are_valid_or_refused_in_a_sentence,)
