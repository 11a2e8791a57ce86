"""Which torch build a machine wants: tables of drivers and cards, and made-up machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from machine import Machine
from torch_backend import device_of, fallbacks, read_nvidia_smi, wanted_backend, wanted_for_nvidia

Program = Callable[[str, str], Path]


@pytest.mark.parametrize(
    "answer, backend",
    [
        pytest.param("12.0, 580.65.06", "cu130", id="Blackwell, new driver"),
        pytest.param("12.0, 572.16", "cu128", id="Blackwell, first driver"),
        pytest.param("8.9, 570.86.15", "cu128", id="Ada, middle driver"),
        pytest.param("7.5, 580.65.06", "cu130", id="Turing, new driver"),
        pytest.param("7.5, 525.60.13", "cu126", id="Turing, oldest driver that will do"),
        pytest.param("7.5, 524.99", "cpu", id="driver too old"),
        pytest.param("7.0, 580.65.06", "cu128", id="Volta lost CUDA 13"),
        pytest.param("7.0, 535.10", "cu126", id="Volta, old driver"),
        pytest.param("6.1, 580.65.06", "cu126", id="Pascal keeps CUDA 12.6 whatever the driver"),
        pytest.param("5.2, 535.10", "cu126", id="Maxwell"),
        pytest.param("3.5, 470.10", "cpu", id="Kepler is too old"),
        pytest.param("8.9, 580.65.06\n6.1, 580.65.06", "cu126", id="the lowest card counts"),
    ],
)
def test_card_and_driver_together_decide(answer: str, backend: str) -> None:
    assert wanted_for_nvidia(list(read_nvidia_smi(answer))).backend == backend


def test_lines_of_another_form_are_no_cards() -> None:
    assert list(read_nvidia_smi('Field "compute_cap" is not a valid field to query.\n[N/A], 570.1\n')) == []


def test_an_nvidia_card_is_asked_through_its_own_program(linux: Machine, add_program: Program) -> None:
    add_program("nvidia-smi", 'test "$1" = "--query-gpu=compute_cap,driver_version" && echo "6.1, 580.65.06"')
    wanted = wanted_backend(linux)
    assert wanted.backend == "cu126"
    assert "compute capability 6.1, driver 580" in wanted.reason


def test_a_driver_without_a_card_leaves_the_processor(linux: Machine, add_program: Program) -> None:
    add_program("nvidia-smi", "echo 'No devices were found'; exit 6")
    assert wanted_backend(linux).backend == "cpu"


@pytest.mark.parametrize("version, backend", [("110000", "rocm7.2"), ("0", "cpu")])
def test_an_amd_card_is_told_from_the_processors_own_node(linux: Machine, version: str, backend: str) -> None:
    node = linux.root / "sys/class/kfd/kfd/topology/nodes/0"
    node.mkdir(parents=True)
    (node / "properties").write_text(f"cpu_cores_count 16\ngfx_target_version {version}\n")
    assert wanted_backend(linux).backend == backend


@pytest.mark.parametrize("number, backend", [("0x56a0", "xpu"), ("0xe20b", "xpu"), ("0x46a6", "cpu")])
def test_an_arc_card_is_told_from_other_intel_graphics(linux: Machine, number: str, backend: str) -> None:
    device: Path = linux.root / "sys/bus/pci/devices/0000:03:00.0"
    device.mkdir(parents=True)
    for name, value in (("vendor", "0x8086"), ("device", number), ("class", "0x030000")):
        (device / name).write_text(f"{value}\n")
    assert wanted_backend(linux).backend == backend


def test_macos_takes_the_plain_index(linux: Machine) -> None:
    assert wanted_backend(replace(linux, platform="darwin")).backend == "index"


@pytest.mark.parametrize(
    "adapter, backend, words",
    [
        ("Intel(R) Arc(TM) B580 Graphics", "xpu", "Intel Arc"),
        ("AMD Radeon RX 7900 XTX", "cpu", "AMD on Windows"),
        ("Microsoft Basic Display Adapter", "cpu", "processor"),
    ],
)
def test_windows_is_asked_for_its_adapters(
    linux: Machine, add_program: Program, adapter: str, backend: str, words: str
) -> None:
    add_program("powershell", f"echo '{adapter}'")
    wanted = wanted_backend(replace(linux, platform="win32"))
    assert wanted.backend == backend
    assert words in wanted.reason


def test_after_a_cuda_build_come_the_older_ones_and_then_the_processor() -> None:
    assert fallbacks("cu130") == ["cu130", "cu128", "cu126", "cpu"]
    assert fallbacks("cu126") == ["cu126", "cpu"]
    assert fallbacks("rocm7.2") == ["rocm7.2", "cpu"]
    assert fallbacks("cpu") == ["cpu"]


@pytest.mark.parametrize("backend, device", [("cu128", "cuda"), ("rocm7.2", "cuda"), ("xpu", "xpu"), ("index", None)])
def test_each_build_is_for_one_device(backend: str, device: str | None) -> None:
    assert device_of(backend) == device
