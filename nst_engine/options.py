"""The one table of every user-facing option.

The fields of :class:`Options` are the table: name, type and default stand in the field, everything else in the
metadata that :func:`option` attaches. The command line, the protocol's validation, the README's table and the
dialogs in GIMP (through ``options.json``, which ``python -m nst_engine.options`` prints) are made from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import numbers
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from nst_engine.errors import OptionError
from nst_engine.words import Words

Kind = Literal["int", "float", "choice", "string"]
Group = Literal["basic", "advanced", "expert"]
"""``basic`` and ``advanced`` options stand in GIMP's dialog; ``expert`` ones are for the command line and Python."""


DEVICE = "(cpu|mps|(cuda|xpu)(:[0-9]{1,3})?)"
"""A regular expression for the name of a device."""


@dataclasses.dataclass(frozen=True)
class Spec:
    """What is known of one option beside its name, type and default.

    ``label`` carries GIMP's mnemonic underscore; ``low`` and ``high`` are inclusive; ``choices`` maps each value
    to what the dialog shows for it; elsewhere what matches ``others`` will do, too, such as the ``examples``. ``help``
    is one or two plain sentences: the tooltip.
    """

    kind: Kind
    label: str
    help: str
    group: Group
    low: float | None = None
    high: float | None = None
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    others: str = ""
    examples: Sequence[str] = ()

    @property
    def allowed(self) -> Words:
        """The allowed values, in words."""
        if self.choices:
            return Words("one of {names}", names=", ".join((*self.choices, *self.examples)))
        if self.kind == "string":
            return Words("a text")
        if self.kind == "int":
            return Words("a whole number from {low} to {high}", low=self.low, high=self.high)
        return Words("a number from {low:g} to {high:g}", low=self.low, high=self.high)


def option(
    default: Any,
    kind: Kind,
    label: str,
    help: str,
    group: Group,
    low: float | None = None,
    high: float | None = None,
    choices: Mapping[str, str] | None = None,
    others: str = "",
    examples: Sequence[str] = (),
) -> Any:
    """A field of :class:`Options`. A default of None means: what the recipe says."""
    spec = Spec(kind, label, help, group, low, high, choices or {}, others, examples)
    return dataclasses.field(default=default, metadata={"spec": spec})


@dataclasses.dataclass(frozen=True)
class Options:
    """Everything a user can ask of one stylisation. Instances made by :func:`from_mapping` are valid."""

    recipe: str = option(
        "painterly",
        "choice",
        "Reci_pe",
        "How style is measured and the picture is made.",
        "advanced",
        choices={
            "painterly": "Painterly",
            "gatys": "Gatys, Ecker & Bethge 2016",
            "nst": "The classic script",
            "neighbors": "Nearest neighbors",
        },
    )
    quality: str = option(
        "normal",
        "choice",
        "_Quality",
        "How long to work: each step takes three to five times as long as the one before.",
        "basic",
        choices={"draft": "Draft", "normal": "Normal", "high": "High", "best": "Best"},
    )
    size: int = option(
        0,
        "int",
        "Si_ze",
        "Long side in pixels at which the picture is painted; the result has the content's own size. "
        "0 means the content's own long side, at most what this machine does in about 2 (draft), 6 (normal), "
        "20 (high) or 60 (best) minutes, and at least half of it in up to four times as long.",
        "basic",
        low=0,
        high=16384,
    )
    strength: float = option(
        50.0,
        "float",
        "S_trength",
        "Style against content: low keeps the content recognizable, high lets the style take over.",
        "basic",
        low=0.0,
        high=100.0,
    )
    style_scale: float = option(
        1.0,
        "float",
        "Style sc_ale",
        "Size of the brush strokes: below 1 finer, above 1 broader.",
        "basic",
        low=0.1,
        high=4.0,
    )
    color: str = option(
        "style",
        "choice",
        "Colors _from",
        "Take the style's colors, keep the content's, or paint with the style recolored to match the content.",
        "basic",
        choices={"style": "Style", "content": "Content", "match": "Style, matched to the content"},
    )
    seed: int = option(
        0,
        "int",
        "S_eed",
        "Start of the random numbers; the same seed on the same machine gives the same pixels, while it is as busy.",
        "advanced",
        low=0,
        high=2**31 - 1,
    )
    network: str = option(
        "vgg19",
        "string",
        "_Network",
        "Name of an installed network or the path of a weights file.",
        "advanced",
    )
    device: str = option(
        "auto",
        "choice",
        "_Device",
        "Where to compute; automatic takes the fastest there is.",
        "advanced",
        choices={
            "auto": "Automatic",
            "cpu": "Processor",
            "cuda": "NVIDIA or AMD GPU",
            "mps": "Apple GPU",
            "xpu": "Intel GPU",
        },
        others=rf"{DEVICE}(,{DEVICE})*",
        examples=("cuda:1", "cuda:0,cuda:1", "…"),
    )
    memory_limit: float = option(
        0.0,
        "float",
        "Memory limit (G_B)",
        "Most memory in GB that the engine takes where it computes. 0 means what is free there.",
        "advanced",
        low=0.0,
        high=100.0,
    )
    iterations: int | None = option(
        None,
        "int",
        "Iterations",
        "Steps at the finest scale; coarser scales follow in proportion.",
        "expert",
        low=1,
        high=100_000,
    )
    optimizer: str | None = option(
        None,
        "choice",
        "Optimizer",
        "The method of descent.",
        "expert",
        choices={"adam": "Adam", "lbfgs": "L-BFGS", "tensorflow-adam": "Adam as TensorFlow 1 had it"},
    )
    learning_rate: float | None = option(
        None,
        "float",
        "Learning rate",
        "Step of the Adam optimizers, in parts of the pixel range.",
        "expert",
        low=1e-6,
        high=1.0,
    )
    keep: str | None = option(
        None,
        "choice",
        "Keep",
        "Which picture is the result: that of the last step, the best by its loss, or a running average. None is taken "
        "that is worse than an earlier one.",
        "expert",
        choices={"last": "The last", "best": "The best", "average": "Their average"},
    )
    statistic: str | None = option(
        None,
        "choice",
        "Style statistic",
        "What of the style's features is matched: Gram matrices, means and covariances (Wasserstein distance), or for "
        "each place the features of the style's most similar place.",
        "expert",
        choices={"gram": "Gram matrix", "moments": "Mean and covariance", "neighbors": "Nearest neighbors"},
    )
    content_layers: str | None = option(
        None,
        "string",
        "Content layers",
        "Layers compared with the content, as in 'relu4_2' or 'relu3_1:0.5,relu4_2:1'.",
        "expert",
    )
    style_layers: str | None = option(
        None,
        "string",
        "Style layers",
        "Layers compared with the style, each with an optional weight and statistic, as in 'relu1_1:0.2:gram,relu4_1'.",
        "expert",
    )
    content_weight: float | None = option(
        None,
        "float",
        "Content weight",
        "Weight of the content loss, before strength.",
        "expert",
        low=0.0,
        high=1e12,
    )
    style_weight: float | None = option(
        None,
        "float",
        "Style weight",
        "Weight of the style loss.",
        "expert",
        low=0.0,
        high=1e12,
    )
    tv_weight: float | None = option(
        None,
        "float",
        "Smoothness weight",
        "Weight of the total variation loss.",
        "expert",
        low=0.0,
        high=1e12,
    )
    tv_norm: str | None = option(
        None,
        "choice",
        "Smoothness measure",
        "Total variation from squared differences of neighbors, or from absolute ones, which keep edges.",
        "expert",
        choices={"squared": "Squared", "absolute": "Absolute"},
    )
    photo_weight: float | None = option(
        None,
        "float",
        "Photo weight",
        "Weight of a term that keeps the result a photograph: around each pixel, colors mix as the content's do.",
        "expert",
        low=0.0,
        high=1e12,
    )
    normalize: str | None = option(
        None,
        "choice",
        "Normalize",
        "What every layer's loss is divided by: nothing, the target's energy there, or its gradient's own size.",
        "expert",
        choices={"none": "Nothing", "energy": "The target's energy", "gradient": "The gradient's size"},
    )
    pooling: str | None = option(
        None,
        "choice",
        "Pooling",
        "How the network makes its features smaller. Default: as the network was made for.",
        "expert",
        choices={"max": "Maximum", "average": "Average", "l2": "Root of the mean square"},
    )
    padding: str | None = option(
        None,
        "choice",
        "Padding",
        "What the network sees beyond the border: zeros, the picture's own pixels, or in every layer its own features.",
        "expert",
        choices={"zeros": "Zeros", "replicate": "The border's pixels", "replicate-all": "The border's features"},
    )
    style_border: float | None = option(
        None,
        "float",
        "Style border",
        "Percent of the style's sides that are not looked at all around: the edge of a canvas is no stroke.",
        "expert",
        low=0.0,
        high=25.0,
    )
    init: str | None = option(
        None,
        "choice",
        "Start",
        "The picture to start from.",
        "expert",
        choices={"content": "The content", "noise": "Noise", "style": "The style"},
    )


def specs() -> dict[str, tuple[Any, Spec]]:
    """Default and :class:`Spec` of every option, by name, in the table's order."""
    return {field.name: (field.default, cast(Spec, field.metadata["spec"])) for field in dataclasses.fields(Options)}


def from_mapping(values: Mapping[str, Any]) -> Options:
    """Valid :class:`Options` from names and plain values; what is absent (or None) keeps its default.

    Raises :class:`OptionError` naming option, value and what is allowed.
    """
    table = specs()
    checked = {}
    for name, value in values.items():
        if name not in table:
            told = Words("There is no option '{name}'.", name=name)
            raise OptionError(told, Words("The options are {names}.", names=", ".join(table)))
        if value is not None:
            checked[name] = _checked(name, table[name][1], value)
    return Options(**checked)


def checked(options: Options | Mapping[str, Any]) -> Options:
    """Valid options from any; :class:`OptionError` as above."""
    if isinstance(options, Mapping):
        return from_mapping(options)
    if not isinstance(options, Options):
        told = Words("The options are given as a {kind}.", kind=type(options).__name__)
        raise OptionError(told, "Give Options or a mapping.")
    return from_mapping(dataclasses.asdict(options))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One ``--option-name`` for each option. Absent ones parse to None; validate with :func:`from_mapping`."""
    types: dict[str, Any] = {"int": int, "float": float, "choice": str, "string": str}
    for name, (default, spec) in specs().items():
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=types[spec.kind],
            choices=None if spec.others else list(spec.choices) or None,
            metavar=None if spec.choices and not spec.others else {"int": "N", "float": "X"}.get(spec.kind, "TEXT"),
            help=f"{spec.help} Default: {'the recipe’s' if default is None else default}.".replace("%", "%%"),
        )


def table() -> dict[str, Any]:
    """What GIMP's side knows of the options: the content of ``options.json``."""
    rows = []
    for name, (default, spec) in specs().items():
        if spec.group == "expert":
            continue
        row: dict[str, Any] = {"name": name, "kind": spec.kind, "default": default, "label": spec.label}
        row |= {"help": spec.help, "group": spec.group}
        if spec.choices:
            row["choices"] = [{"value": value, "label": label} for value, label in spec.choices.items()]
        if spec.low is not None:
            row |= {"low": spec.low, "high": spec.high}
        rows.append(row)
    return {"format": 1, "options": rows}


def _checked(name: str, spec: Spec, value: Any) -> Any:
    """The value in the option's own type, or OptionError."""
    if spec.kind in ("int", "float"):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise _refusal(name, spec, value)
        number: Any = value
        if not cast(float, spec.low) <= number <= cast(float, spec.high):
            raise _refusal(name, spec, value)
        if spec.kind == "int" and number != int(number):
            raise _refusal(name, spec, value)
        return int(number) if spec.kind == "int" else float(number)
    is_known = isinstance(value, str) and (not spec.choices or value in spec.choices)
    if not (is_known or (spec.others and isinstance(value, str) and re.fullmatch(spec.others, value))):
        raise _refusal(name, spec, value)
    return value


def _refusal(name: str, spec: Spec, value: Any) -> OptionError:
    try:
        shown = repr(value)
    except ValueError:  # Python writes no more than some thousand digits
        shown = Words("too large a number")
    told = Words("Option '{name}' is {value}.", name=name, value=shown)
    return OptionError(told, Words("It must be {allowed}.", allowed=spec.allowed))


def markdown() -> str:
    """The table of the README."""
    lines = ["| option | default | allowed | what it does |", "| --- | --- | --- | --- |"]
    for name, (default, spec) in specs().items():
        shown = "the recipe's" if default is None else str(default)
        lines.append(f"| `{name.replace('_', '-')}` | {shown} | {spec.allowed} | {spec.help} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--markdown"]:
        print(markdown())
    else:
        print(json.dumps(table(), indent=2))
