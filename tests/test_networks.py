"""Networks: from the files that people have to features and pictures, and back out."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import published
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from torchvision.models.vgg import cfgs

from nst_engine import cli
from nst_engine.files import reading, writing
from nst_engine.network import library
from nst_engine.network.layers import CONVOLUTIONS, LAYERS
from nst_engine.network.vgg import VGG19


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of the user's own networks, which is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert tmp_path in library.networks_folder().parents
    return library.networks_folder()


@pytest.fixture
def slim():
    return published.features(published.SLIM)


def refused(capsys, *arguments: object) -> str:
    """Run a command that must fail; returns what is wrong."""
    with pytest.raises(SystemExit) as ending:
        cli.main([str(argument) for argument in arguments])
    error, tip = capsys.readouterr().err.splitlines()
    assert (ending.value.code, error[:6], tip[:4]) == (1, "ERROR ", "TIP ")
    return error.removeprefix("ERROR ")


def expected_features(network: torch.nn.Sequential, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Features by torchvision's own layers, at the ReLUs."""
    found = []
    for layer in network:
        x = layer(x)
        if isinstance(layer, torch.nn.ReLU):
            found.append(x[0].clone())
    return dict(zip(LAYERS, found, strict=True))


def as_torchvision(rgb: torch.Tensor) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (rgb - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)


def as_caffe(rgb: torch.Tensor) -> torch.Tensor:
    return 255 * rgb.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("file_name", "name", "prepared", "layers"),
    [
        ("vgg19-dcbb9e9d.pth", "torchvision", as_torchvision, cfgs["E"]),
        ("vgg19-d01eb7cb.pth", "caffe", as_caffe, published.SLIM),
    ],
)
def test_features_of_a_published_file_are_those_of_torchvision(tmp_path, file_name, name, prepared, layers):
    original = published.features(layers)
    cli.main(["networks", "add", str(published.legacy_file(tmp_path / file_name, original))])
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    features = VGG19(library.load(name), torch.device("cpu"))(image, LAYERS)
    for layer, expected in expected_features(original, prepared(image)).items():
        assert (features[layer] - expected).abs().max() <= 1e-5 * expected.abs().max(), layer


def test_both_formats_of_pytorch_and_safetensors_give_the_same_network(tmp_path, slim):
    state = published.state_dict(slim)
    torch.save(state, tmp_path / "zip.pth")
    published.legacy_file(tmp_path / "legacy.pth", slim)
    safetensors.torch.save_file(state, tmp_path / "plain.safetensors")
    for file in ("zip.pth", "legacy.pth", "plain.safetensors"):
        cli.main(["networks", "add", str(tmp_path / file), "--input", "bgr"])
    hashes = {library.load(name).sha256 for name in ("zip", "legacy", "plain")}
    assert len(hashes) == 1


def test_only_the_convolutions_are_kept(tmp_path, folder, slim):
    cli.main(["networks", "add", str(published.legacy_file(tmp_path / "w.pth", slim)), "--input", "rgb"])
    kept = safetensors.torch.load_file(folder / "w.safetensors")
    assert kept.keys() == {f"{name}.{part}" for name in CONVOLUTIONS for part in ("weight", "bias")}
    assert [path.name for path in folder.iterdir()] == ["w.safetensors"]


def test_a_published_file_is_known_by_its_hash_as_well(tmp_path, monkeypatch, slim):
    from nst_engine.network import conversion

    file = published.legacy_file(tmp_path / "renamed.pth", slim)
    beginning = published.download("", file).sha256[:8]
    monkeypatch.setattr(conversion, "PUBLISHED", {beginning: ("usual", "rgb")})
    cli.main(["networks", "add", str(file)])
    assert library.load("usual").pixel_mean == (0.485, 0.456, 0.406)


def test_an_added_network_paints_a_picture(tmp_path, content, style, slim):
    file = published.legacy_file(tmp_path / "vgg19-dcbb9e9d.pth", slim)
    cli.main(["networks", "add", str(file), "--name", "mine", "--pooling", "average"])
    writing.save(tmp_path / "content.png", content)
    writing.save(tmp_path / "style.png", style)
    pictures = []
    for network in ("vgg19", "mine"):
        output = tmp_path / f"{network}.png"
        files = ["--content", tmp_path / "content.png", "--style", tmp_path / "style.png", "--output", output]
        options = ["--network", network, "--size", 32, "--quality", "draft", "--iterations", 2]
        cli.main(["stylize", *map(str, files + options)])
        pictures.append(reading.load(output))
    assert pictures[0].shape == pictures[1].shape == content.shape
    assert not np.array_equal(*pictures)


def test_a_network_of_ones_own_carries_input_and_pooling(tmp_path, capsys):
    copy = shutil.copy(library.find("vgg19"), tmp_path / "copy.safetensors")
    cli.main(["networks", "add", str(copy)])
    cli.main(["networks", "add", str(copy), "--name", "soft", "--pooling", "average"])
    shipped, own, soft = (library.load(name) for name in ("vgg19", "copy", "soft"))
    assert (shipped.pooling, own.pooling, soft.pooling) == ("max", "max", "average")
    assert shipped.pixel_mean == own.pixel_mean == soft.pixel_mean
    assert np.array_equal(shipped.weights["conv1_1"][0], own.weights["conv1_1"][0])


def test_list_and_remove(tmp_path, capsys, slim):
    cli.main(["networks", "add", str(published.legacy_file(tmp_path / "vgg19-d01eb7cb.pth", slim))])
    assert capsys.readouterr().out == "Added the network 'caffe'; choose it with --network caffe\n"
    cli.main(["networks", "list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["vgg19", "caffe"]
    cli.main(["networks", "remove", "caffe"])
    assert library.listed() == ("vgg19",)
    capsys.readouterr()
    assert refused(capsys, "networks", "remove", "caffe") == "There is no network 'caffe'."
    assert refused(capsys, "networks", "remove", "vgg19") == "The network 'vgg19' is part of the engine."
    assert refused(capsys, "networks", "remove", tmp_path / "vgg19-d01eb7cb.pth").endswith("no network's name.")
    (notes := library.networks_folder() / "notes.txt").write_text("which network was good for what")
    assert refused(capsys, "networks", "remove", notes).endswith("no network's name.")
    assert notes.is_file()
    assert (tmp_path / "vgg19-d01eb7cb.pth").exists()


def test_verify_finds_one_changed_bit(tmp_path, folder, capsys, slim):
    cli.main(["networks", "add", str(published.legacy_file(tmp_path / "vgg19-d01eb7cb.pth", slim))])
    cli.main(["networks", "verify"])
    assert capsys.readouterr().out.count(": whole, SHA-256 ") == 2
    file = folder / "caffe.safetensors"
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    sentence = f"{file} is not a network of this program (its weights are damaged)."
    assert refused(capsys, "networks", "verify") == sentence
    assert refused(capsys, "networks", "add", file, "--name", "again") == (
        f"{file} is not a whole VGG-19: its weights are damaged."
    )
    cli.main(["networks", "verify", "vgg19"])


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("form", ["pickle", "legacy", "zip"])
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, folder, capsys, slim, form):
    file, trace = tmp_path / "vgg19-dcbb9e9d.pth", tmp_path / "trace"
    content = published.state_dict(slim) | {"features.0.weight": Hostile(f"touch {trace}")}
    if form == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=form == "zip")
    assert "something else than weights" in refused(capsys, "networks", "add", file)
    assert not trace.exists()
    assert not folder.exists()
    with file.open("rb") as stream:  # the trap works: without the engine's care it closes
        torch.load(stream, weights_only=False) if form != "pickle" else pickle.load(stream)
    assert trace.exists()


def test_a_whole_model_is_told_apart_from_its_weights(tmp_path, folder, capsys, slim):
    torch.save(slim, tmp_path / "vgg19-dcbb9e9d.pth")
    said = refused(capsys, "networks", "add", tmp_path / "vgg19-dcbb9e9d.pth")
    assert said.endswith("holds a program and not only weights, and was not loaded.")
    assert not folder.exists()


def without(key: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: without("features.34.bias", s), "is not a whole VGG-19: it has no conv5_4.bias."),
        (lambda s: s | {"features.2.weight": torch.zeros(4, 5, 3, 3)}, "conv1_2 has the shape 4×5×3×3."),
        (lambda s: s | {"features.2.weight": torch.tensor(1.0)}, "conv1_2 has the shape 1."),
        (lambda s: s | {"features.2.bias": torch.full((4,), torch.nan)}, "conv1_2 has values that are not numbers."),
        (lambda s: s | {"features.2.bias": torch.full((4,), -torch.inf)}, "conv1_2 has values that are not numbers."),
        (
            lambda s: s | {"features.2.bias": torch.full((4,), 1e300, dtype=torch.float64)},
            "has values that are not numbers.",
        ),
        (lambda s: s | {"features.7.weight": torch.full((6, 6, 3, 3), 1e30)}, "values that are absurdly large."),
        (lambda s: {key: value * 1e30 for key, value in s.items()}, "values that are absurdly large."),
        (lambda s: {key: value * 1000 for key, value in s.items()}, "values that are absurdly large."),
        (lambda s: s | {"features.2.weight": torch.zeros(4, 4, 3, 3)}, "conv1_2 has nothing but zeros."),
        (lambda s: s | {"features.2.weight": torch.zeros(0, 4, 3, 3)}, "conv1_2 has the shape 0×4×3×3."),
        (lambda s: s | {"features.2.weight": torch.ones(1).expand(10**6, 10**6)}, "has 1000000000000 values."),
        (lambda s: s | {"features.2.weight": torch.zeros(4, 4, 3, 3).to_sparse()}, "was not loaded."),
        (lambda s: {"weight": torch.zeros(3)}, "holds no VGG-19."),
        (lambda s: [1, 2, 3], "holds no VGG-19."),
    ],
)
def test_what_is_no_vgg19_is_refused(tmp_path, folder, capsys, slim, change, words):
    file = tmp_path / "vgg19-dcbb9e9d.pth"
    torch.save(change(published.state_dict(slim)), file)
    assert refused(capsys, "networks", "add", file).endswith(words)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-1000], "was not loaded."),
        (lambda data: b"<!DOCTYPE html><title>Not found</title>", "is a web page and no weights file."),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "is a note of Git LFS on where the file is."),
        (lambda data: b"\x10\0\0\0\0\0\0\0{" + data, "was not loaded."),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, folder, capsys, slim, damage, words):
    file = published.legacy_file(tmp_path / "vgg19-dcbb9e9d.pth", slim)
    file.write_bytes(damage(file.read_bytes()))
    assert refused(capsys, "networks", "add", file).endswith(words)
    assert not folder.exists()


def test_mistakes_in_words(tmp_path, folder, capsys, slim):
    file = published.legacy_file(tmp_path / "some.pth", slim)
    assert refused(capsys, "networks", "add", file) == f"{file} does not say which input it expects."
    assert refused(capsys, "networks", "add", file, "--name", "../up") == "'../up' is no name for a network."
    assert refused(capsys, "networks", "add", file, "--name", "vgg19") == "There is a network 'vgg19' already."
    assert refused(capsys, "networks", "add", "gone.pth") == "gone.pth cannot be read (No such file or directory)."
    assert refused(capsys, "networks", "verify", "gone") == "There is no network 'gone'."
    assert not folder.exists()


def test_a_weights_file_as_network_is_answered_with_how_to_convert_it(tmp_path, slim):
    file = published.legacy_file(tmp_path / "vgg19-dcbb9e9d.pth", slim)
    with pytest.raises(library.NetworkError) as refusal:
        library.load(str(file))
    assert "nst-engine networks add" in refusal.value.remedy


def test_a_network_file_that_does_not_state_its_input_is_refused(tmp_path, slim):
    names = zip(CONVOLUTIONS, [layer for layer in slim if hasattr(layer, "weight")], strict=True)
    tensors = {f"{name}.{part}": getattr(layer, part).data for name, layer in names for part in ("weight", "bias")}
    file = tmp_path / "silent.safetensors"
    for metadata, words in [
        ({}, "no three numbers 'mean'"),
        ({"mean": "1,2,3"}, "does not say which input"),
        ({"mean": "1,2,3", "input": library.RGB_UNIT}, "no three numbers 'std'"),
        ({"mean": "1,2,3", "input": library.BGR_BYTES, "pooling": "median"}, "its pooling is 'median'"),
    ]:
        safetensors.torch.save_file(tensors, file, metadata)
        with pytest.raises(library.NetworkError, match=words):
            library.load(str(file))


def test_a_full_disk_leaves_nothing_behind(tmp_path, folder, capsys, slim, full_disk):
    file = published.legacy_file(tmp_path / "vgg19-dcbb9e9d.pth", slim)
    with full_disk(10_000):
        sentence = refused(capsys, "networks", "add", file)
    assert sentence == f"The folder {folder} cannot be written (File too large)."
    assert list(folder.iterdir()) == []


CODEBOOKS = [
    (lambda codes, book: {"codes": codes, "codebook": book[:, None].repeat(512, axis=1)}, "does not fit its codebook"),
    (lambda codes, book: {"codes": codes, "codebook": book[:9]}, "does not fit its codebook"),
    (lambda codes, book: {"codes": codes, "codebook": book[0]}, "does not fit its codebook"),
    (lambda codes, book: {"codes": codes, "codebook": book[:0]}, "does not fit its codebook"),
    (lambda codes, book: {"codes": codes.astype(np.int64), "codebook": book}, "does not fit its codebook"),
    (lambda codes, book: {"codes": codes[:0], "codebook": book}, "does not fit its codebook"),
    (lambda codes, book: {"codes": codes.ravel(), "codebook": book}, "conv3_2 has the shape"),
    (lambda codes, book: {"codes": codes, "codebook": book * np.float32(np.nan)}, "not numbers"),
    (lambda codes, book: {"codes": codes, "codebook": book * np.float32(1e30)}, "absurdly large"),
    (lambda codes, book: {"codes": codes}, "it has no conv3_2.codebook"),
]


@pytest.mark.parametrize(("change", "words"), CODEBOOKS)
def test_a_codebook_of_the_wrong_shape_or_with_absurd_numbers_is_refused(tmp_path, folder, capsys, change, words):
    with safetensors.safe_open(library.find("vgg19"), framework="np") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = {key: value for key, value in file.metadata().items() if key != "weights_sha256"}
    codes, book = tensors.pop("conv3_2.codes"), tensors.pop("conv3_2.codebook")
    changed = {f"conv3_2.{part}": value for part, value in change(codes, book).items()}
    path = tmp_path / "mine.safetensors"
    safetensors.numpy.save_file(
        {key: np.ascontiguousarray(value) for key, value in (tensors | changed).items()}, path, metadata
    )
    with pytest.raises(library.NetworkError, match=words):
        library.load(str(path))
    assert words.split()[-1] in refused(capsys, "networks", "add", path)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", "nan,0,0"),
        ("mean", "inf,0,0"),
        ("mean", "1e9,0,0"),
        ("std", "0,1,1"),
        ("std", "1,-1,1"),
        ("std", "1,1,nan"),
    ],
)
def test_an_absurd_input_is_refused(tmp_path, slim, key, value):
    names = zip(CONVOLUTIONS, [layer for layer in slim if hasattr(layer, "weight")], strict=True)
    tensors = {f"{name}.{part}": getattr(layer, part).data for name, layer in names for part in ("weight", "bias")}
    metadata = {"input": library.RGB_UNIT, "mean": "0.5,0.5,0.5", "std": "0.2,0.2,0.2", "pooling": " ", key: value}
    safetensors.torch.save_file(tensors, tmp_path / "a.safetensors", metadata)
    with pytest.raises(library.NetworkError, match=f"an absurd '{key}'"):
        library.load(str(tmp_path / "a.safetensors"))


ODD_NAMES = ["/dev/zero", "/dev/null", "~nosuchuser/x", "x" * 5000, "x/" * 2500, "a\0b", "a\nb", ".", "/", ""]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_name_no_file_are_refused_in_a_short_sentence(folder, capsys, name):
    with pytest.raises(library.NetworkError, match="There is no network") as refusal:
        library.load(name)
    assert str(refusal.value).isprintable()
    assert len(refusal.value.message) < 200
    sentence = refused(capsys, "networks", "add", name)
    assert "cannot be read" in sentence or "is no file" in sentence
    assert len(sentence) < 200
    assert not folder.exists()


def test_a_file_larger_than_any_vgg19_is_not_even_opened(tmp_path, capsys):
    with open(tmp_path / "large.pth", "wb") as file:
        file.truncate(10**13)
    assert "larger than a VGG-19 can be (10000.0 GB)" in refused(capsys, "networks", "add", tmp_path / "large.pth")
    with pytest.raises(library.NetworkError, match="larger than a VGG-19 can be"):
        library.load(str(tmp_path / "large.pth"))


FOREIGN = [
    ("VGG_ILSVRC_19_layers.caffemodel", b"\x0a\x14VGG_ILSVRC_19_layers" + bytes(99), "a Caffe model (.caffemodel)"),
    ("renamed.pth", b"\x0a\x14VGG_ILSVRC_19_layers" + bytes(99), "a Caffe model (.caffemodel)"),
    ("imagenet-vgg-verydeep-19.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(99), "a MATLAB file (.mat)"),
    ("vgg19.mat", b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file (.h5, or a .mat)"),
    ("vgg19.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file (.h5, or a .mat)"),
    ("vgg19.onnx", b"\x08\x06\x12\x07pytorch" + bytes(99), "an ONNX model (.onnx)"),
    ("vgg_normalised.t7", b"\x04\0\0\0\x01\0\0\0" + bytes(99), "a Torch7 file (.t7)"),
    ("vgg19.npy", b"\x93NUMPY\1\0" + bytes(99), "a NumPy array (.npy)"),
    ("vgg19.pb", b"\x12\x34" + bytes(99), "a TensorFlow model (.pb)"),
    ("vgg19.pth", b"\x89PNG\r\n\x1a\n" + bytes(99), "a picture"),
    ("vgg19.mlmodel", b"\x08\x01\x12" + bytes(99), "a Core ML model (.mlmodel)"),
    ("vgg19.tar", b"vgg19.pth" + bytes(200), "an archive (tar)"),
    ("vgg19.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99), "an archive (7z)"),
    ("vgg19.pth", b"", "an empty file"),
    ("vgg19.pth", "Übersicht: here are the layers of the network VGG-19 and their sizes\n".encode(), "a text file"),
    ("vgg19.pth", "Это не сеть, а заметка о том, где её взять\n".encode(), "a text file"),
    ("model.safetensors.index.json", b'{"metadata": {"total_size": 1}}', "a text file"),
]


@pytest.mark.parametrize(("name", "data", "kind"), FOREIGN)
def test_files_of_other_kinds_are_told_as_what_they_are_with_what_is_needed(tmp_path, folder, capsys, name, data, kind):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SystemExit):
        cli.main(["networks", "add", str(tmp_path / name)])
    error, tip = capsys.readouterr().err.splitlines()
    assert error == f"ERROR {tmp_path / name} is {kind}, which is not read here."
    assert tip.startswith("TIP Needed is a VGG-19 as PyTorch's state dict (.pth) or as safetensors")
    assert not folder.exists()


def test_archives_are_told_as_what_they_are(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/data.pkl", b"")
        archive.writestr("script/constants.pkl", b"")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(10**7))
    for name, kind in (("script.pt", "TorchScript program"), ("arrays.npz", "ZIP archive"), ("bomb.pth", "compressed")):
        assert f"is a {kind}" in refused(capsys, "networks", "add", tmp_path / name)


def test_what_only_looks_like_a_network_in_the_folder_is_not_listed(folder, capsys):
    (folder / "folder.safetensors").mkdir(parents=True)
    (folder / "gone.safetensors").symlink_to("nowhere")
    cli.main(["networks", "list"])
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_name_that_some_disks_take_for_another_is_refused(tmp_path, capsys, slim):
    file = published.legacy_file(tmp_path / "w.pth", slim)
    cli.main(["networks", "add", str(file), "--input", "rgb"])
    assert "network 'W' already" in refused(capsys, "networks", "add", file, "--input", "rgb", "--name", "W")
    assert "network 'VGG19' already" in refused(capsys, "networks", "add", file, "--input", "rgb", "--name", "VGG19")


def test_of_two_that_add_one_name_at_once_one_succeeds(tmp_path, folder, slim):
    published.legacy_file(tmp_path / "w.pth", slim)
    line = [sys.executable, "-m", "nst_engine", "networks", "add", str(tmp_path / "w.pth"), "--input", "rgb"]
    both = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    assert "There is a network 'w' already." in "".join(said)
    assert [path.name for path in folder.iterdir()] == ["w.safetensors"]
