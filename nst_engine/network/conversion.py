"""Networks from elsewhere: a published weights file becomes one of the user's own networks.

A weights file is data and nothing in it is run. Only the convolutions are kept, with the numbers of the original.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from nst_engine.errors import NetworkError
from nst_engine.files import places
from nst_engine.network import download, library
from nst_engine.network.download import Download
from nst_engine.network.layers import CONVOLUTIONS
from nst_engine.network.library import BGR_BYTES, RGB_UNIT, Network

TORCHVISION_SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
"""Of the file that :func:`torchvision_download` names; torchvision itself tells the first eight digits."""

INPUTS = {
    "rgb": {"input": RGB_UNIT, "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"},
    "bgr": {"input": BGR_BYTES, "mean": "103.939,116.779,123.68"},
}
"""Metadata of the two input conventions in use: torchvision's (ImageNet's mean and deviation) and Caffe's."""

PUBLISHED = {TORCHVISION_SHA256[:8]: ("torchvision", "rgb"), "d01eb7cb": ("caffe", "bgr")}
"""Name and input of the known files, by how their SHA-256 begins, which is part of their file names as well."""

FOREIGN_MARKS = {
    b"MATLAB": "a MATLAB file (.mat)",
    b"\x89HDF": "an HDF5 file (.h5, or a .mat)",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"GGUF": "a GGUF file",
    b"\x03\0\0\0\x01\0\0\0": "a Torch7 file (.t7)",
    b"\x04\0\0\0\x01\0\0\0": "a Torch7 file (.t7)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a compressed file (gzip)",
    b"BZh": "a compressed file (bzip2)",
    b"\xfd7zXZ": "a compressed file (xz)",
    b"7z\xbc\xaf": "an archive (7z)",
    b"Rar!": "an archive (RAR)",
}
"""How files of other kinds begin → what they are."""

FOREIGN_ENDINGS = {
    ".caffemodel": "a Caffe model (.caffemodel)",
    ".prototxt": "a description of a Caffe model (.prototxt)",
    ".mat": "a MATLAB file (.mat)",
    ".onnx": "an ONNX model (.onnx)",
    ".t7": "a Torch7 file (.t7)",
    ".h5": "a Keras model (.h5)",
    ".hdf5": "an HDF5 file (.hdf5)",
    ".keras": "a Keras model (.keras)",
    ".pb": "a TensorFlow model (.pb)",
    ".ckpt": "a checkpoint (.ckpt)",
    ".tflite": "a TensorFlow Lite model (.tflite)",
    ".npz": "a NumPy archive (.npz)",
    ".npy": "a NumPy array (.npy)",
    ".msgpack": "a Flax model (.msgpack)",
    ".mlmodel": "a Core ML model (.mlmodel)",
    ".params": "an MXNet model (.params)",
    ".tar": "an archive (tar)",
}
"""Endings of files of other kinds → what they are; where these have no mark of their own."""

FOREIGN_BYTES = {b"": "an empty file", b"\n": "a Caffe model (.caffemodel)", b"\x08": "an ONNX model (.onnx)"}
"""First bytes that are usual for a kind → what it may be, if nothing else says."""

NEEDED = (
    "Needed is a VGG-19 as PyTorch's state dict (.pth) or as safetensors; "
    "'nst-engine networks add torchvision' downloads one."
)

Arrays = dict[str, NDArray[Any]]


def torchvision_download() -> Download:
    """torchvision's VGG-19, from where torchvision has it; NetworkError where that package is missing or does not work.

    It fails when it is imported where it was made for another torch. It is no requirement of this one: pip would
    replace a torch that somebody chose for his machine by the newest, for the sake of the newest torchvision.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that read pictures
            from torchvision.models import VGG19_Weights  # type: ignore[import-untyped]
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise NetworkError(
            f"The package torchvision, which knows where its network is, does not work ({error}).",
            "Install the one that belongs to your torch, as install/install.py does, or get the file yourself and run: "
            f"nst-engine networks add vgg19-{TORCHVISION_SHA256[:8]}.pth",
        ) from None
    return Download(VGG19_Weights.IMAGENET1K_V1.url, TORCHVISION_SHA256, size=574_673_361)


DOWNLOADS: dict[str, Callable[[], Download]] = {"torchvision": torchvision_download}
"""What can be added by name alone."""


def add(source: str, name: str | None = None, convention: str | None = None, pooling: str | None = None) -> Network:
    """Make a network of ``source``, a weights file or a key of :data:`DOWNLOADS`, and return it.

    ``convention`` is a key of :data:`INPUTS`; without it, the file has to be a known one or state its own.
    ``pooling`` is one of :data:`library.POOLINGS`; without it, it is the file's own or max. Raises
    :class:`NetworkError`, and then everything is as before.
    """
    if source not in DOWNLOADS:
        return _convert(_file(source), name, convention, pooling)
    _check_name(name or source)
    with _workplace() as place:
        return _convert(download.fetch(DOWNLOADS[source](), place), name or source, convention, pooling)


def _file(source: str) -> Path:
    """The file of this path; raises NetworkError when there is none, or one that cannot be a network's."""
    remedy = "Give a weights file that is there, or one of these names: " + ", ".join(DOWNLOADS) + "."
    shown = library.shortened(source)
    try:
        file = Path(source).expanduser()
        found = file.stat()
    except (OSError, ValueError, RuntimeError) as error:  # the last two are of names that nothing can have
        raise NetworkError(f"{shown} cannot be read ({getattr(error, 'strerror', error)}).", remedy) from None
    if not stat.S_ISREG(found.st_mode):
        raise NetworkError(f"{shown} is no file.", remedy)
    if found.st_size > library.LARGEST_FILE:
        raise NetworkError(f"{shown} is larger than a VGG-19 can be ({found.st_size / 1e9:.1f} GB).", remedy)
    return file


def _convert(file: Path, name: str | None, convention: str | None, pooling: str | None) -> Network:
    _refuse_foreign(file)
    known_name, known_convention = _published(file)
    name = name or known_name or file.stem
    _check_name(name)
    tensors, own_metadata = _read(file)
    arrays = _convolutions(file, tensors)
    metadata = _metadata(file, own_metadata, convention or known_convention, pooling)
    data = _file_bytes(arrays, {"weights_sha256": library.fingerprint(arrays), **metadata})
    try:
        network = library.from_tensors(name, hashlib.sha256(data).hexdigest(), arrays, metadata)
    except ValueError as error:
        raise NetworkError(f"{file} is not a whole VGG-19: {error}.", "Give the weights of a VGG-19.") from None
    with _workplace():
        try:
            places.put(_own_file(name), data, force=False)
        except FileExistsError:
            raise _taken(name) from None
    return network


def _check_name(name: str) -> None:
    """Raise NetworkError unless a new network can have this name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise NetworkError(f"'{name}' is no name for a network.", "Say --name with letters, digits, dots and dashes.")
    if name.lower() in (other.lower() for other in library.listed()):
        raise _taken(name)


def _taken(name: str) -> NetworkError:
    return NetworkError(
        f"There is a network '{name}' already.", "Choose another --name, or remove that one first if it is yours."
    )


def _own_file(name: str) -> Path:
    return library.networks_folder() / f"{name}.safetensors"


@contextlib.contextmanager
def _workplace() -> Iterator[Path]:
    """A folder for half files, on the disk of the user's networks; it goes away with all that is left in it."""
    folder = library.networks_folder()
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
    sha256 = library.file_hash(file)
    for beginning, known in PUBLISHED.items():
        if sha256.startswith(beginning) or beginning in file.name:
            return known
    return None, None


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(64)
    except OSError as error:
        raise NetworkError(f"{file} cannot be read ({error.strerror}).", "See that you may read it.") from None


def _refuse_foreign(file: Path) -> None:
    """Raise NetworkError for a file of another kind, with what it is."""
    beginning = _beginning(file)
    if beginning.lstrip()[:1] == b"<":
        raise NetworkError(f"{file} is a web page and no weights file.", "Download the file itself.")
    if beginning.startswith(b"version https://git-lfs"):
        raise NetworkError(f"{file} is a note of Git LFS on where the file is.", "Fetch the file itself: git lfs pull.")
    if beginning[8:9] == b"{" or beginning[:1] == b"\x80":  # safetensors, or a pickle
        return
    kind = next((kind for mark, kind in FOREIGN_MARKS.items() if beginning.startswith(mark)), None)
    kind = kind or FOREIGN_ENDINGS.get(file.suffix.lower()) or FOREIGN_BYTES.get(beginning[:1])
    if not kind and _is_text(beginning):
        kind = "a text file"
    if zipfile.is_zipfile(file):
        kind = _kind_of_archive(file)
    if kind:
        raise NetworkError(f"{file} is {kind}, which is not read here.", NEEDED)


def _is_text(beginning: bytes) -> bool:
    letters = beginning.decode(errors="ignore")
    is_whole = len(letters.encode()) > len(beginning) - 4  # the last letter may be cut off
    return bool(letters) and is_whole and all(letter.isprintable() or letter.isspace() for letter in letters)


def _kind_of_archive(file: Path) -> str | None:
    """What a ZIP archive is, if not a state dict, whose parts are not compressed."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return None
    names = {part.filename.rpartition("/")[2] for part in parts}
    if "data.pkl" not in names:
        return "a ZIP archive"
    if "constants.pkl" in names:
        return "a TorchScript program"
    is_packed = sum(part.file_size for part in parts) > 2 * file.stat().st_size
    return "a compressed archive" if is_packed else None


def _read(file: Path) -> tuple[Mapping[str, Any], dict[str, str]]:
    """What a weights file holds by name, and its metadata, which only a safetensors file has."""
    try:
        if _beginning(file)[8:9] == b"{":
            with safe_open(file, framework="pt") as opened:
                return {key: opened.get_tensor(key) for key in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch, on what it is about to refuse
            held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # because there is no end to what a broken or hostile pickle can raise
        raise _program(file) if "Unsupported global" in str(error) else _no_plain_weights(file) from None
    return held if isinstance(held, Mapping) else {}, {}


def _program(file: Path) -> NetworkError:
    return NetworkError(
        f"{file} holds a program and not only weights, and was not loaded.",
        "Save its weights alone where you trust it, torch.save(model.state_dict(), 'vgg19.pth'), and add that file.",
    )


def _no_plain_weights(file: Path) -> NetworkError:
    return NetworkError(
        f"{file} is damaged, or holds something else than weights, and was not loaded.",
        "Download it again from a place you trust; a PyTorch file has to hold a state dict alone.",
    )


def _convolutions(file: Path, tensors: Mapping[str, Any]) -> Arrays:
    """The tensors of the convolutions, under the names of :data:`layers.CONVOLUTIONS`, in float32 or as codes."""
    known = {f"{name}.{part}" for name in CONVOLUTIONS for part in ("weight", "codes", "codebook", "bias")}
    foreign = {
        f"features.{place}.{part}": f"{name}.{part}"
        for name, place in zip(CONVOLUTIONS, _places(), strict=True)
        for part in ("weight", "bias")
    }
    arrays = {}
    for key, tensor in tensors.items():
        key = foreign.get(key, key)
        if key in known and isinstance(tensor, torch.Tensor):
            if tensor.numel() > library.MOST_VALUES:
                raise NetworkError(f"{file} is not a whole VGG-19: {key} has {tensor.numel()} values.", NEEDED)
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


def _places() -> Iterator[int]:
    """Where PyTorch's VGG-19 has its convolutions, each followed by its ReLU, and each block by its pooling."""
    place = 0
    for name in CONVOLUTIONS:
        place += name.endswith("_1") and place > 0
        yield place
        place += 2


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
