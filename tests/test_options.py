"""The option table and what is made from it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nst_engine import estimate, forecast, optimize, options, pyramid, style_statistics
from nst_engine.errors import OptionError
from nst_engine.network import vgg
from nst_engine.options import Options
from nst_engine.recipes import RECIPES

GIMP_ARGUMENTS = [
    "recipe", "quality", "size", "strength", "style_scale", "color", "seed", "network", "device", "memory_limit",
]  # fmt: skip


def test_without_any_value_options_are_their_defaults():
    assert options.from_mapping({}) == Options()


def test_numbers_that_python_itself_does_not_write_are_refused_in_a_sentence():
    with pytest.raises(OptionError, match="'size' is too large a number"):
        options.from_mapping({"size": 10**5000})


def test_mappings_come_back_the_same():
    given = Options(quality="draft", strength=70.0, iterations=5)
    assert options.from_mapping(json.loads(json.dumps(dataclasses.asdict(given)))) == given


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sise", 3, "no option 'sise'"),
        ("size", -1, "a whole number from 0 to 16384"),
        ("size", 1.5, "a whole number"),
        ("size", "512", "a whole number"),
        ("size", True, "a whole number"),
        ("size", 10**400, "a whole number"),
        ("strength", 101, "a number from 0 to 100"),
        ("strength", float("nan"), "a number from 0 to 100"),
        ("quality", "superb", "one of draft, normal, high, best"),
        ("network", 19, "a text"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name, value, sentence):
    with pytest.raises(OptionError) as caught:
        options.from_mapping({name: value})
    assert sentence in str(caught.value)
    assert name in str(caught.value)


def test_every_option_is_an_argument_of_the_command_line():
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    parsed = parser.parse_args(["--style-scale", "1.5", "--iterations", "9", "--color", "match"])
    assert options.from_mapping(vars(parsed)) == Options(style_scale=1.5, iterations=9, color="match")


def test_the_table_for_gimp_keeps_the_order_that_scripts_rely_on():
    command = [sys.executable, "-m", "nst_engine.options"]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert [row["name"] for row in printed["options"]][: len(GIMP_ARGUMENTS)] == GIMP_ARGUMENTS
    for row in printed["options"]:
        assert row["label"].count("_") == 1
        assert row["help"].endswith(".")
        assert row["default"] is not None


def test_mnemonics_differ_from_one_another_and_from_the_buttons():
    letters = [
        spec.label[spec.label.index("_") + 1].lower() for _, spec in options.specs().values() if "_" in spec.label
    ]
    assert len(set(letters)) == len(letters)
    assert not set(letters) & set("ocrlsh")  # OK, Cancel, Reset, Load, Save, Help


def test_the_table_in_the_readme_is_fresh():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert options.markdown() in readme, "renew it with: python -m nst_engine.options --markdown"


def test_every_recipe_can_be_chosen():
    assert list(options.specs()["recipe"][1].choices) == list(RECIPES)


QUALITIES = [pyramid.SCHEDULES, pyramid.HALF_PRECISION_SCHEDULES, pyramid.FINISH_STEPS, estimate.MINUTES]
KNOWN = [
    *(("quality", table) for table in QUALITIES),
    ("statistic", style_statistics.DISTANCES),
    ("pooling", vgg.POOLS),
    ("padding", vgg.REPLICATED),
    ("optimizer", optimize.OPTIMIZERS),
    ("optimizer", forecast.DESCENT),
]


@pytest.mark.parametrize(("name", "table"), KNOWN, ids=lambda part: part if isinstance(part, str) else "")
def test_every_choice_is_known_where_it_is_used(name, table):
    assert options.specs()[name][1].choices.keys() <= table.keys()
