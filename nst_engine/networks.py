"""Networks: which there are, where they lie, and their weights as plain arrays.

A network is a safetensors file. Each convolution ``convB_C`` is either ``.weight`` (float) or ``.codes`` (uint8
indices) with ``.codebook`` (256 floats), and ``.bias``. The file's metadata states the input convention.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from nst_engine.errors import NetworkError

SHIPPED = {"vgg19": "af466424be5d7a849c08e2c7fb7935d080893569b26d6db6480a089d354b2e40"}
"""SHA-256 of the networks that lie in the package's ``data`` folder."""

CONVOLUTIONS = tuple(
    f"conv{block}_{index}" for block, depth in enumerate((2, 2, 4, 4, 4), start=1) for index in range(1, depth + 1)
)
"""The convolutions of VGG-19 (Simonyan & Zisserman 2014, table 1, column E), shallowest first."""

BGR_BYTES = "BGR, 0..255, minus mean"
RGB_UNIT = "RGB, 0..1, minus mean, over std"
"""What the metadata field ``input`` may say; ``mean`` and ``std`` hold three numbers in that channel order."""

CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Network:
    """The convolutions of a VGG-19 and the input they expect.

    ``weights[name]`` is (kernel out×in×3×3, bias out); the first kernel's input channels are RGB. The network's
    input is ``(rgb - pixel_mean) / pixel_std`` for rgb in [0, 1]. ``sha256`` is that of the file.
    """

    name: str
    sha256: str
    weights: dict[str, tuple[Floats, Floats]]
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]


def networks_folder() -> Path:
    """The user's own networks: ``NAME.safetensors`` each."""
    return platformdirs.user_data_path("neural-style", appauthor=False) / "networks"


def listed() -> tuple[str, ...]:
    """Names of all networks present, the shipped ones first."""
    own = sorted(path.stem for path in networks_folder().glob("*.safetensors"))
    return tuple(SHIPPED) + tuple(name for name in own if name not in SHIPPED)


def load(name_or_file: str) -> Network:
    """The network of this name, or in the file of this path.

    Raises :class:`NetworkError` when it is missing, damaged or not a VGG-19.
    """
    path = _path(name_or_file)
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if path.parent == _data_folder() and sha256 != SHIPPED[path.stem]:
        raise NetworkError(f"The network file {path} is damaged.", "Run install/install.py again.")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            weights = {convolution: _convolution(file, convolution) for convolution in CONVOLUTIONS}
            return _in_rgb(path.stem, sha256, weights, metadata)
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise NetworkError(
            f"{path} is not a VGG-19 network ({error}).", "Give a safetensors file with its 16 convolutions."
        ) from None


def _path(name_or_file: str) -> Path:
    if name_or_file in SHIPPED:
        return _data_folder() / f"{name_or_file}.safetensors"
    own = networks_folder() / f"{name_or_file}.safetensors"
    if "/" not in name_or_file and own.is_file():
        return own
    path = Path(name_or_file).expanduser()
    if path.is_file():
        return path
    raise NetworkError(
        f"There is no network '{name_or_file}'.", "Name one of these, or a file: " + ", ".join(listed()) + "."
    )


def _data_folder() -> Path:
    return Path(__file__).parent / "data"


def _convolution(file: Any, name: str) -> tuple[Floats, Floats]:
    """Kernel and bias of one convolution, in float32."""
    if f"{name}.codes" in set(file.keys()):
        kernel = file.get_tensor(f"{name}.codebook")[file.get_tensor(f"{name}.codes")]
    else:
        kernel = file.get_tensor(f"{name}.weight")
    if kernel.ndim != 4 or kernel.shape[2:] != (3, 3):
        raise ValueError(f"{name} is not a 3×3 convolution")
    return kernel.astype(np.float32), file.get_tensor(f"{name}.bias").astype(np.float32)


def _in_rgb(name: str, sha256: str, weights: dict[str, tuple[Floats, Floats]], metadata: dict[str, str]) -> Network:
    """The network with the input convention that the file states turned into RGB in [0, 1]."""
    mean = _numbers(metadata, "mean", CAFFE_MEAN_BGR)
    if metadata.get("input", BGR_BYTES) == RGB_UNIT:
        return Network(name, sha256, weights, mean, _numbers(metadata, "std", (1.0, 1.0, 1.0)))
    kernel, bias = weights["conv1_1"]
    flipped = {**weights, "conv1_1": (np.ascontiguousarray(kernel[:, ::-1]), bias)}
    blue, green, red = mean
    return Network(name, sha256, flipped, (red / 255, green / 255, blue / 255), (1 / 255, 1 / 255, 1 / 255))


def _numbers(metadata: dict[str, str], key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
    if key not in metadata:
        return default
    first, second, third = (float(number) for number in metadata[key].split(","))
    return first, second, third
