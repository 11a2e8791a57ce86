"""Downloads of networks, from a server that does what servers do."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import published
import pytest
from torchvision.models import VGG19_Weights

from nst_engine import cli
from nst_engine.network import conversion, library


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of the user's own networks, on a machine whose proxies do not stand before its own server."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return library.networks_folder()


@pytest.fixture
def file(tmp_path) -> Path:
    """A weights file as it lies on torchvision's server."""
    return published.legacy_file(tmp_path / "vgg19-dcbb9e9d.pth", published.features(published.SLIM))


def add(monkeypatch, download) -> None:
    monkeypatch.setitem(conversion.DOWNLOADS, "torchvision", lambda: download)
    cli.main(["networks", "add", "torchvision"])


def refused(monkeypatch, capsys, download) -> tuple[str, str]:
    """Add a network that does not arrive; returns what is wrong and what to do, after a look at what is left."""
    with pytest.raises(SystemExit) as ending:
        add(monkeypatch, download)
    assert ending.value.code == 1
    error, tip = capsys.readouterr().err.splitlines()
    assert list(library.networks_folder().iterdir()) == []
    return error.removeprefix("ERROR "), tip.removeprefix("TIP ")


@pytest.mark.parametrize("mishaps", [[], ["without_length"], ["overloaded"], ["broken_off"], ["wrong_file"]])
def test_a_download_becomes_a_network(monkeypatch, capsys, file, folder, mishaps):
    with published.serving(file.read_bytes(), *mishaps) as (server, address):
        add(monkeypatch, published.download(address, file, retries=1))
    assert capsys.readouterr().err == ""
    assert [path.name for path in folder.iterdir()] == ["torchvision.safetensors"]
    downloaded = library.load("torchvision")
    cli.main(["networks", "add", str(file), "--name", "by-hand"])
    assert library.load("by-hand").sha256 == downloaded.sha256


@pytest.mark.parametrize(
    ("mishap", "sentence"),
    [
        ("forbidden", "{host} refuses the download (403 Forbidden)."),
        ("web_page", "{host} sends 36 bytes where {size} are expected."),
        ("length_in_words", "{host} sends manymanymanymanymany bytes where {size} are expected."),
        ("web_page_without_length", "{host} sent another file than the one expected."),
        ("wrong_file", "{host} sent another file than the one expected."),
        ("broken_off", "The download from {host} broke off."),
        ("too_long", "{host} sends {ten_times} bytes where {size} are expected."),
        ("stalled", "The download from {host} stalled: next to nothing came for 0.3 seconds."),
        ("dripping", "The download from {host} stalled: next to nothing came for 0.3 seconds."),
        ("dripping_headers", "The download from {host} stalled: next to nothing came for 0.3 seconds."),
        ("silent", "The download from {host} stalled: next to nothing came for 0.3 seconds."),
    ],
)
def test_a_download_that_fails_says_why_and_how_to_do_it_by_hand(monkeypatch, capsys, file, mishap, sentence):
    with published.serving(file.read_bytes(), mishap) as (server, address):
        download = published.download(address, file, retries=0, stall_seconds=0.3)
        error, tip = refused(monkeypatch, capsys, download)
    host = address.removeprefix("http://")
    assert error == sentence.format(host=host, size=download.size, ten_times=10 * download.size)
    assert tip == f"Download {download.url} with a browser, then run: nst-engine networks add vgg19-dcbb9e9d.pth"


def test_more_than_was_asked_for_does_not_fill_the_disk(monkeypatch, capsys, file):
    with published.serving(file.read_bytes(), "endless") as (server, address):
        error, _ = refused(monkeypatch, capsys, published.download(address, file, retries=0))
    assert "bytes where" in error


def test_it_is_tried_as_often_as_said_and_no_more(monkeypatch, capsys, file):
    with published.serving(file.read_bytes(), *["overloaded"] * 9) as (server, address):
        error, _ = refused(monkeypatch, capsys, published.download(address, file, retries=1))
    assert "(503 Service Unavailable)" in error
    assert server.requests == 2


def test_no_network(monkeypatch, capsys, file):
    with published.serving(b"") as (server, address):
        pass
    error, tip = refused(monkeypatch, capsys, published.download(address, file, retries=0))
    assert error == f"{address.removeprefix('http://')} cannot be reached."
    assert "with a browser" in tip


def test_a_disk_without_room_is_noticed_before_the_download(monkeypatch, capsys, file, folder):
    with published.serving(file.read_bytes()) as (server, address):
        huge = dataclasses.replace(published.download(address, file), size=10**18)
        error, _ = refused(monkeypatch, capsys, huge)
    assert "has no room for 1000000000000 MB" in error
    assert server.requests == 0


def test_a_disk_that_fills_up_during_the_download(monkeypatch, capsys, file, folder, full_disk):
    with published.serving(file.read_bytes()) as (server, address), full_disk(10_000):
        error, _ = refused(monkeypatch, capsys, published.download(address, file, retries=0))
    assert error == f"The folder {folder} cannot be written (File too large)."


def test_the_real_download_is_the_one_that_torchvision_names():
    real = conversion.DOWNLOADS["torchvision"]()
    assert real.url == VGG19_Weights.IMAGENET1K_V1.url
    assert real.file_name == f"vgg19-{real.sha256[:8]}.pth"
    assert real.size / 2**20 == pytest.approx(VGG19_Weights.IMAGENET1K_V1.meta["_file_size"], abs=1e-3)


def test_colors_are_taken_as_torchvision_takes_them():
    transforms = VGG19_Weights.IMAGENET1K_V1.transforms()
    for name, numbers in (("mean", transforms.mean), ("std", transforms.std)):
        assert conversion.INPUTS["rgb"][name] == ",".join(map(str, numbers))


@pytest.mark.parametrize("mishap", ["ImportError('No module')", "RuntimeError('no operator nms')", "OSError('no lib')"])
def test_a_torchvision_that_does_not_work_keeps_no_file_from_being_added(tmp_path, monkeypatch, capsys, file, mishap):
    package = tmp_path / "packages/torchvision/__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text(f"raise {mishap}")
    monkeypatch.syspath_prepend(package.parents[1])
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit):
        cli.main(["networks", "add", "torchvision"])
    error, tip = capsys.readouterr().err.splitlines()
    assert error.startswith("ERROR The package torchvision, which knows where its network is, does not work (")
    assert tip.startswith("TIP Install the one that belongs to your torch, as install/install.py does, or get the file")
    assert tip.endswith(f"networks add {file.name}")
    cli.main(["networks", "add", str(file)])
    assert library.load("torchvision").name == "torchvision"
