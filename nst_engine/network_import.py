"""Networks from elsewhere: a published weights file becomes one of the user's own networks.

A weights file is data and nothing in it is run. Only the convolutions are kept, with the numbers of the original.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from nst_engine import download, networks
from nst_engine.download import Download
from nst_engine.errors import NetworkError
from nst_engine.networks import BGR_BYTES, CONVOLUTIONS, RGB_UNIT, Network

DOWNLOADS = {
    "torchvision": Download(
        url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        size=574_673_361,
    )
}
"""What can be added by name alone."""

INPUTS = {
    "rgb": {"input": RGB_UNIT, "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"},
    "bgr": {"input": BGR_BYTES, "mean": "103.939,116.779,123.68"},
}
"""Metadata of the two input conventions in use: torchvision's (ImageNet's mean and deviation) and Caffe's."""

PUBLISHED = {"dcbb9e9d": ("torchvision", "rgb"), "d01eb7cb": ("caffe", "bgr")}
"""Name and input of the known files, by how their SHA-256 begins, which is part of their file names as well."""

FEATURES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Where torchvision's VGG-19 has its convolutions: ``features.N.weight`` and ``.bias``."""

Arrays = dict[str, NDArray[Any]]


def add(source: str, name: str | None = None, convention: str | None = None, pooling: str | None = None) -> Network:
    """Make a network of ``source``, a weights file or a key of :data:`DOWNLOADS`, and return it.

    ``convention`` is a key of :data:`INPUTS`; without it, the file has to be a known one or state its own.
    ``pooling`` is one of :data:`networks.POOLINGS`; without it, it is the file's own or max. Raises
    :class:`NetworkError`, and then everything is as before.
    """
    if source not in DOWNLOADS:
        return _convert(Path(source).expanduser(), name, convention, pooling)
    _check_name(name or source)
    with _workplace() as place:
        return _convert(download.fetch(DOWNLOADS[source], place), name or source, convention, pooling)


def _convert(file: Path, name: str | None, convention: str | None, pooling: str | None) -> Network:
    known_name, known_convention = _published(file)
    name = name or known_name or file.stem
    _check_name(name)
    tensors, own_metadata = _read(file)
    arrays = _convolutions(file, tensors)
    metadata = _metadata(file, own_metadata, convention or known_convention, pooling)
    data = _file_bytes(arrays, {"weights_sha256": networks.fingerprint(arrays), **metadata})
    try:
        network = networks.from_tensors(name, hashlib.sha256(data).hexdigest(), arrays, metadata)
    except ValueError as error:
        raise NetworkError(f"{file} is not a whole VGG-19: {error}.", "Give the weights of a VGG-19.") from None
    with _workplace() as place:
        part = place / "whole"
        part.write_bytes(data)
        os.replace(part, _own_file(name))
    return network


def _check_name(name: str) -> None:
    """Raise NetworkError unless a new network can have this name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise NetworkError(f"'{name}' is no name for a network.", "Say --name with letters, digits, dots and dashes.")
    if name in networks.listed():
        raise NetworkError(
            f"There is a network '{name}' already.", "Choose another --name, or remove that one first if it is yours."
        )


def _own_file(name: str) -> Path:
    return networks.networks_folder() / f"{name}.safetensors"


@contextlib.contextmanager
def _workplace() -> Iterator[Path]:
    """A folder for half files, on the disk of the user's networks; it goes away with all that is left in it."""
    folder = networks.networks_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=folder) as place:
            yield Path(place)
    except OSError as error:
        raise NetworkError(
            f"The folder {folder} cannot be written ({error.strerror}).",
            "Make room on its disk, and see that you may write there.",
        ) from None


def _published(file: Path) -> tuple[str, str] | tuple[None, None]:
    """Name and input of a known file, which is known by its hash or, saved anew by some program, by its name."""
    try:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise NetworkError(
            f"{file} cannot be read ({error.strerror}).",
            "Give a weights file that is there, or one of these names: " + ", ".join(DOWNLOADS) + ".",
        ) from None
    for beginning, known in PUBLISHED.items():
        if sha256.startswith(beginning) or beginning in file.name:
            return known
    return None, None


def _read(file: Path) -> tuple[Mapping[str, Any], dict[str, str]]:
    """What a weights file holds by name, and its metadata, which only a safetensors file has."""
    with file.open("rb") as stream:
        beginning = stream.read(64)
    if beginning.lstrip()[:1] == b"<":
        raise NetworkError(f"{file} is a web page and no weights file.", "Download the file itself.")
    try:
        if beginning[8:9] == b"{":
            with safe_open(file, framework="pt") as opened:
                return {key: opened.get_tensor(key) for key in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch, on what it is about to refuse
            held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # because there is no end to what a broken or hostile pickle can raise
        raise _no_plain_weights(file) from None
    return held if isinstance(held, Mapping) else {}, {}


def _no_plain_weights(file: Path) -> NetworkError:
    return NetworkError(
        f"{file} is damaged, or holds something else than weights, and was not loaded.",
        "Download it again from a place you trust; a PyTorch file has to hold a state dict alone.",
    )


def _convolutions(file: Path, tensors: Mapping[str, Any]) -> Arrays:
    """The tensors of the convolutions, under the names of :data:`networks.CONVOLUTIONS`, in float32 or as codes."""
    known = {f"{name}.{part}" for name in CONVOLUTIONS for part in ("weight", "codes", "codebook", "bias")}
    foreign = {
        f"features.{index}.{part}": f"{name}.{part}"
        for name, index in zip(CONVOLUTIONS, FEATURES, strict=True)
        for part in ("weight", "bias")
    }
    arrays = {}
    for key, tensor in tensors.items():
        key = foreign.get(key, key)
        if key in known and isinstance(tensor, torch.Tensor):
            try:
                plain = tensor if key.endswith(".codes") else tensor.detach().float()
                arrays[key] = np.ascontiguousarray(plain.numpy())
            except (RuntimeError, TypeError):  # a sparse one, or one without values
                raise _no_plain_weights(file) from None
    if not arrays:
        raise NetworkError(
            f"{file} holds no VGG-19.", "Give a file with tensors named as in torchvision (features.0.weight)."
        )
    return arrays


def _metadata(file: Path, own: dict[str, str], convention: str | None, pooling: str | None) -> dict[str, str]:
    """The file's own metadata, with what the user or its being a known file says instead."""
    metadata = {**own, **INPUTS[convention]} if convention else dict(own)
    if "input" not in metadata:
        raise NetworkError(
            f"{file} does not say which input it expects.",
            "Say --input rgb (0 to 1, as in torchvision) or --input bgr (0 to 255, as in Caffe).",
        )
    if pooling:
        metadata["pooling"] = pooling
    return metadata


def _file_bytes(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    """A safetensors file whose header is in order, so that the same network has the same hash everywhere."""
    data = safetensors.numpy.save(arrays, metadata)
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]
