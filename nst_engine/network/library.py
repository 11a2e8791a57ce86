"""Networks: which there are, where they lie, and their weights as plain arrays.

A network is a safetensors file. Each convolution ``convB_C`` is either ``.weight`` (float) or ``.codes`` (uint8
indices) with ``.codebook`` (256 floats), and ``.bias``. The file's metadata states the input convention (``input``,
``mean``, ``std``) and the ``pooling``; ``weights_sha256``, where it is there, is the fingerprint of the tensors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from nst_engine.errors import NetworkError
from nst_engine.network.layers import CONVOLUTIONS
from nst_engine.own_folders import own_folder
from nst_engine.pixels import Floats
from nst_engine.words import Words

SHIPPED = {"vgg19": "af466424be5d7a849c08e2c7fb7935d080893569b26d6db6480a089d354b2e40"}
"""SHA-256 of the networks that lie in the package's ``data`` folder."""

BGR_BYTES = "BGR, 0..255, minus mean"
RGB_UNIT = "RGB, 0..1, minus mean, over std"
"""What the metadata field ``input`` may say; ``mean`` and ``std`` hold three numbers in that channel order."""

LARGEST_FILE = 2 * 10**9
"""Bytes of a weights file; those of the whole VGG-19 in float64 are 1.2 GB."""

MOST_VALUES = 1 << 24
"""Numbers in a convolution's kernel; those of VGG-19 have two million at most."""

LARGEST_INPUT = 1000
"""No network takes pixels larger than this, or with a mean or deviation larger than this."""

SMALLEST_SPREAD = 1e-3
"""No network divides its input by less than this."""

LARGEST_FEATURE = 1e35
"""A bound that no feature can pass: about 1e24 for VGG-19, whose features are below 1e4 in truth."""

LONGEST_SHOWN = 120

POOLINGS = ("max", "average")
"""How the metadata field ``pooling`` may begin; without the field it is the first."""

Tensors = Mapping[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Network:
    """The convolutions of a VGG-19, the input they expect, and the 2×2 pooling between them.

    ``weights[name]`` is (kernel out×in×3×3, bias out); the first kernel's input channels are RGB. The network's
    input is ``(rgb - pixel_mean) / pixel_std`` for rgb in [0, 1]. ``pooling`` is one of :data:`POOLINGS`.
    ``sha256`` is that of the file.
    """

    name: str
    sha256: str
    weights: dict[str, tuple[Floats, Floats]]
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]
    pooling: str


def networks_folder() -> Path:
    """The user's own networks, ``NAME.safetensors`` each."""
    return own_folder("networks")


def listed() -> tuple[str, ...]:
    """Names of all networks present, the shipped ones first."""
    own = sorted(path.stem for path in networks_folder().glob("*.safetensors") if os.path.isfile(path))
    return tuple(SHIPPED) + tuple(name for name in own if name not in SHIPPED)


def find(name_or_file: str) -> Path:
    """The file of the network of this name, or of this path; raises NetworkError when there is none."""
    if name_or_file in SHIPPED:
        return _data_folder() / f"{name_or_file}.safetensors"
    own = networks_folder() / f"{name_or_file}.safetensors"
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # of names that nothing can have
        if "/" not in name_or_file and own.is_file():
            return own
        path = Path(name_or_file).expanduser()
        if path.is_file():
            return path
    raise NetworkError(
        Words("There is no network '{name}'.", name=shortened(name_or_file)),
        Words("Name one of these, or a file: {names}.", names=", ".join(listed())),
    )


def shortened(name: str) -> str:
    """A name as a sentence can bear it: what cannot be printed is escaped, and of a long one the middle is left out."""
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN // 2]}…{shown[-LONGEST_SHOWN // 4 :]}"


def load(name_or_file: str) -> Network:
    """The network of this name, or in the file of this path.

    Raises :class:`NetworkError` when it is missing, damaged or not a VGG-19.
    """
    path = find(name_or_file)
    shipped = path.parent == _data_folder()
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(Words("it is larger than a VGG-19 can be"))
        sha256 = file_hash(path)
        if shipped and sha256 != SHIPPED[path.stem]:
            raise NetworkError(Words("The network file {path} is damaged.", path=path), "Run install/install.py again.")
        with safe_open(path, framework="np") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no dictionary
            return from_tensors(path.stem, sha256, tensors, file.metadata() or {})
    except OSError as error:
        told = Words("The network file {path} cannot be read ({reason}).", path=path, reason=error.strerror)
        raise NetworkError(
            told, "Run install/install.py again." if shipped else "See that the file is there and may be read."
        ) from None
    except (SafetensorError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise NetworkError(
            Words("{path} is not a network of this program ({reason}).", path=path, reason=(*error.args, "")[0]),
            "Convert weights files with 'nst-engine networks add FILE'; add a damaged network anew.",
        ) from None


def from_tensors(name: str, sha256: str, tensors: Tensors, metadata: Mapping[str, str]) -> Network:
    """The network in these tensors, its input convention turned into RGB in [0, 1].

    Raises ValueError, with half a sentence, when they are not a whole VGG-19 or do not say what input it expects.
    """
    if "weights_sha256" in metadata and metadata["weights_sha256"] != fingerprint(tensors):
        raise ValueError(Words("its weights are damaged"))
    weights = _chained({convolution: _convolution(tensors, convolution) for convolution in CONVOLUTIONS})
    pooling = (metadata.get("pooling", "").split() or [POOLINGS[0]])[0]
    if pooling not in POOLINGS:
        raise ValueError(Words("its pooling is '{pooling}'", pooling=pooling))
    mean = _numbers(metadata, "mean", -LARGEST_INPUT)
    _refuse_absurd(weights)
    if metadata.get("input") == RGB_UNIT:
        return Network(name, sha256, weights, mean, _numbers(metadata, "std", SMALLEST_SPREAD), pooling)
    if metadata.get("input") != BGR_BYTES:
        raise ValueError(Words("it does not say which input it expects"))
    kernel, bias = weights["conv1_1"]
    flipped = {**weights, "conv1_1": (np.ascontiguousarray(kernel[:, ::-1]), bias)}
    blue, green, red = mean
    return Network(name, sha256, flipped, (red / 255, green / 255, blue / 255), (1 / 255, 1 / 255, 1 / 255), pooling)


def file_hash(path: Path) -> str:
    """SHA-256 of a file; raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def fingerprint(tensors: Tensors) -> str:
    """SHA-256 of the tensors' names and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def remove(name: str) -> None:
    """Delete one of the user's own networks; raises NetworkError when there is none, or it cannot be deleted."""
    if name in SHIPPED:
        told = Words("The network '{name}' is part of the engine.", name=name)
        raise NetworkError(told, "Only networks you added can be removed.")
    path = find(name)
    if path.parent != networks_folder() or path.suffix != ".safetensors":
        told = Words("{name} is a file and no network's name.", name=name)
        raise NetworkError(told, "Delete it yourself, or name a network.")
    try:
        path.unlink()
    except OSError as error:
        told = Words("{path} cannot be deleted ({reason}).", path=path, reason=error.strerror)
        raise NetworkError(told, "See that you may write in its folder.") from None


def _data_folder() -> Path:
    return Path(__file__).parents[1] / "data"


def _convolution(tensors: Tensors, name: str) -> tuple[Floats, Floats]:
    """Kernel and bias of one convolution, in float32."""
    try:
        bias = tensors[f"{name}.bias"]
        if f"{name}.codes" in tensors:
            return _decoded(name, tensors[f"{name}.codes"], tensors[f"{name}.codebook"]), _floats(name, bias)
        return _floats(name, tensors[f"{name}.weight"]), _floats(name, bias)
    except KeyError as missing:
        raise ValueError(Words("it has no {name}", name=missing.args[0])) from None


def _decoded(name: str, codes: NDArray[Any], codebook: NDArray[Any]) -> Floats:
    if codes.dtype != np.uint8 or codebook.ndim != 1 or not codes.size or codes.max() >= len(codebook):
        raise ValueError(Words("{name} does not fit its codebook", name=name))
    kernel: Floats = _floats(name, codebook)[codes]
    return kernel


def _floats(name: str, values: NDArray[Any]) -> Floats:
    """The values in float32, after a look whether they are numbers of a size that a network can have."""
    if values.size > MOST_VALUES:
        raise ValueError(_misshapen(name, values.shape))
    if values.dtype.kind != "f":
        raise ValueError(Words("{name} has values of the kind {kind}", name=name, kind=values.dtype))
    with np.errstate(over="ignore"):
        floats: Floats = values.astype(np.float32)
    if not np.isfinite(floats).all():
        raise ValueError(Words("{name} has values that are not numbers", name=name))
    return floats


def _chained(weights: dict[str, tuple[Floats, Floats]]) -> dict[str, tuple[Floats, Floats]]:
    """The weights, after a look whether each convolution takes what the one before it gives."""
    channels = 3
    for name, (kernel, bias) in weights.items():
        if kernel.ndim != 4 or kernel.shape[1:] != (channels, 3, 3) or bias.shape != kernel.shape[:1] or not bias.size:
            raise ValueError(_misshapen(name, kernel.shape))
        channels = len(kernel)
    return weights


def _misshapen(name: str, shape: tuple[int, ...]) -> Words:
    return Words("{name} has the shape {shape}", name=name, shape="×".join(map(str, shape)))


def _refuse_absurd(weights: dict[str, tuple[Floats, Floats]]) -> None:
    """Raise ValueError where features could leave the range of float32, or nothing comes out whatever goes in.

    The bound is that of inputs whose every value has the sign of the kernel's: real networks keep far below it.
    """
    bound = np.full(3, float(LARGEST_INPUT))
    for name, (kernel, bias) in weights.items():
        if not kernel.any():
            raise ValueError(Words("{name} has nothing but zeros", name=name))
        sums = np.abs(kernel).sum((2, 3), dtype=np.float64)
        bound = sums @ bound + np.abs(bias)
        if bound.max() > LARGEST_FEATURE:
            raise ValueError(Words("{name} has values that are absurdly large", name=name))


def _numbers(metadata: Mapping[str, str], key: str, least: float) -> tuple[float, float, float]:
    """Three numbers of the metadata, separated by commas."""
    try:
        first, second, third = (float(number) for number in metadata[key].split(","))
    except (KeyError, ValueError):
        raise ValueError(Words("its metadata has no three numbers '{name}'", name=key)) from None
    if not all(least <= number <= LARGEST_INPUT for number in (first, second, third)):
        raise ValueError(Words("its metadata has an absurd '{name}'", name=key))
    return first, second, third
