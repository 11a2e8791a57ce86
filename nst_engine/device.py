"""Devices: which there are, which is asked for, how much memory is free, what they can do."""

from __future__ import annotations

import ctypes
import platform
import time

import psutil
import torch
import torch.nn.functional as F

from nst_engine.errors import DeviceError

ACCELERATORS = ("cuda", "mps", "xpu")
"""Kinds of GPU, in the order in which ``auto`` looks for them."""


def available() -> tuple[str, ...]:
    """The kinds of device this machine has, best first; 'cpu' is always the last."""
    present = [kind for kind in ACCELERATORS if getattr(torch, kind, None) is not None and _has(kind)]
    return (*present, "cpu")


def choose(wanted: str) -> torch.device:
    """The device for the option ``device``, ready for work; DeviceError when it is not there."""
    present = available()
    if wanted != "auto" and wanted not in present:
        raise DeviceError(
            f"This machine has no device '{wanted}'.", "Use one of these: auto, " + ", ".join(present) + "."
        )
    device = torch.device(present[0] if wanted == "auto" else wanted)
    torch.set_flush_denormal(True)
    if device.type == "cpu":
        _keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
    return device


def describe(device: torch.device) -> str:
    """The device in words: 'cuda: NVIDIA H100 80GB', 'cpu: AMD EPYC, 2 threads'."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    if device.type == "xpu":
        return f"xpu: {torch.xpu.get_device_name(device)}"
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    return f"{device.type}: {processor()}{threads}"


def processor() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def free_memory(device: torch.device) -> int:
    """Bytes that a job may take on the device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def peak_memory(device: torch.device) -> int:
    """Most bytes that this process has held so far: on a CUDA device its allocations there, else resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if platform.system() == "Windows":
        return int(getattr(psutil.Process().memory_info(), "peak_wset"))  # noqa: B009 (only there)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def convolution_seconds(device: torch.device, dtype: torch.dtype) -> float:
    """Seconds of one small convolution, forward and backward, in a number format; the second of two runs.

    On processors without the instructions for a half format it is 30 to 130 times slower than float32, so
    formats are judged by this time and never by name.
    """
    image = torch.rand(1, 64, 32, 32, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    kernel = torch.rand(64, 64, 3, 3, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    image.requires_grad_()
    for _ in range(2):
        started = time.perf_counter()
        F.conv2d(image, kernel, padding=1).sum().backward()  # type: ignore[no-untyped-call]
        if device.type in ACCELERATORS:
            getattr(torch, device.type).synchronize()
        seconds = time.perf_counter() - started
    return seconds


def _keep_freed_memory() -> None:
    """Let this process reuse the memory of large tensors instead of asking Linux for blank pages again and again.

    Without it, a quarter of a step's time went into page faults. See mallopt(3); elsewhere nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        m_trim_threshold, m_mmap_max = -1, -4
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(m_mmap_max, 0)
        mallopt(m_trim_threshold, 2**31 - 1)


def _has(kind: str) -> bool:
    backend = torch.backends.mps if kind == "mps" else getattr(torch, kind)
    return bool(backend.is_available())
