"""Devices: which there are, which is asked for, how much memory is free, what they can do."""

from __future__ import annotations

import math
import platform
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache

import torch

from nst_engine import memory
from nst_engine.errors import DeviceError
from nst_engine.network.convolution import Convolution
from nst_engine.words import Words

ACCELERATORS = ("cuda", "mps", "xpu")
"""Kinds of GPU, in the order in which ``auto`` looks for them."""

PROBE_CHANNELS, PROBE_SIDE = 128, 16
"""Size of the convolution that formats are judged by."""

PROBE_SECONDS, PROBE_RUNS = 0.05, 8
"""How long one format is tried, and how often at most: the best of several runs is the same on a busy machine."""

PROBE_ROUNDS, CLEAR = 4, 3.0
"""How often formats take turns at most, and how many times as quick one has to be to need no other turn."""

TRANSFORM_PLANS = 8
"""How many sizes of Fourier transforms a GPU remembers plans for: the newest, where it would keep thousands."""

STEPS_AHEAD = 2
"""How many steps may be queued on a GPU while the host goes on: enough to keep it busy, few enough to stop soon."""


def available() -> tuple[str, ...]:
    """The kinds of device this machine has, best first; 'cpu' is always the last."""
    present = [kind for kind in ACCELERATORS if getattr(torch, kind, None) is not None and _has(kind)]
    return (*present, "cpu")


def choose(wanted: str) -> tuple[torch.device, ...]:
    """The devices for the option ``device``, ready for work together; DeviceError when one is not there."""
    found = named(wanted)
    if found[0].type == "cpu":
        memory.keep_what_is_freed()
    if found[0].type == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.cufft_plan_cache[found[0]].max_size = TRANSFORM_PLANS
        torch.backends.cudnn.conv.fp32_precision = "tf32"  # type: ignore[attr-defined]  # statistics stay exact
    return tuple(found)


def named(wanted: str) -> list[torch.device]:
    """The devices for the option ``device``: 'auto', kinds, or cards by number, with commas between.

    A kind stands for all cards of it that are like the first: one that is slower would keep the others waiting, and
    one that rounds otherwise would change the picture.
    """
    present = available()
    found = [device for name in wanted.split(",") for device in _named(present[0] if name == "auto" else name, present)]
    if len({device.type for device in found}) > 1:
        raise DeviceError(
            Words("Devices of several kinds cannot share a picture ({names}).", names=wanted),
            Words("Name those of one kind."),
        )
    return found if found[0].type == "cpu" else list(dict.fromkeys(found))


def _named(name: str, present: Collection[str]) -> list[torch.device]:
    """The device of a name such as 'cuda:1', or of 'cuda' all that are alike."""
    kind, _, number = name.partition(":")
    cards = _cards(kind) if kind in present else []
    if not cards or int(number or 0) >= len(cards):
        there = [card for kind in present for card in (kind, *(map(str, _cards(kind)) if kind != "cpu" else ()))]
        raise DeviceError(
            Words("This machine has no device '{name}'.", name=name),
            Words("Use one of these: {names}.", names=", ".join(("auto", *there))),
        )
    if number:
        return [cards[int(number)]]
    return [card for card in cards if describe(card) == describe(cards[0])]


def _cards(kind: str) -> list[torch.device]:
    """All devices of a kind, by number where they have any."""
    if kind not in ("cuda", "xpu"):
        return [torch.device(kind)]
    return [torch.device(kind, number) for number in range(getattr(torch, kind).device_count())]


def at_work(device: torch.device) -> AbstractContextManager[object]:
    """Within the context it is the one that this thread's streams and graphs are of, where there are several."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@contextmanager
def without_denormals() -> Iterator[None]:
    """Within the context this thread takes the smallest numbers for 0, which spares the processor its slow path.

    Afterwards it is as before: a caller's own arithmetic is none of the engine's business.
    """
    before = sys.float_info.min / 2 == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


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
    """Bytes that a job may take on the device, those included that this process holds there without using."""
    if device.type == "cpu":
        return memory.free()
    if device.type == "mps":  # which shares the machine's memory
        torch.mps.empty_cache()
        allowed = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return min(allowed, memory.free())
    kind = getattr(torch, device.type)
    kind.empty_cache()
    return int(kind.mem_get_info(device)[0])


def held_memory(device: torch.device) -> int:
    """Bytes that this process holds now: on a CUDA device its allocations there, else resident memory."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else memory.held()


def peak_memory(device: torch.device) -> int:
    """Most bytes that this process has held so far: on a CUDA device its allocations there, else resident memory."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.peak()


def convolution_seconds(
    device: torch.device, dtype: torch.dtype, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds of one small convolution, forward and backward, in a number format: the best of two runs or more."""
    kernel = torch.rand(PROBE_CHANNELS, PROBE_CHANNELS, 3, 3, device=device, dtype=dtype)
    convolution = Convolution(kernel, kernel[:, 0, 0, 0])
    image = torch.rand(1, PROBE_CHANNELS, PROBE_SIDE, PROBE_SIDE, device=device, dtype=dtype)
    image = image.contiguous(memory_format=torch.channels_last).requires_grad_()
    seconds: list[float] = []
    with at_work(device):
        while len(seconds) < 2 or (len(seconds) < PROBE_RUNS and sum(seconds) < PROBE_SECONDS):
            started = clock()
            convolution(image).sum().backward()  # type: ignore[no-untyped-call]
            if device.type in ACCELERATORS:
                getattr(torch, device.type).synchronize()
            seconds.append(clock() - started)
    return min(seconds)


@lru_cache
def fastest_format(device: torch.device) -> torch.dtype:
    """The number format that convolutions are quickest in here: float32 or bfloat16, by a timed one of each.

    On processors without the instructions for it bfloat16 is 15 to 130 times slower, so formats are judged by this
    and never by name, once a process; again where it is not clear, since other programs work in bursts. float16 is left
    out: gradients of this network leave its range. GPUs without CUDA keep float32: none was tried.
    """
    seconds = {torch.float32: math.inf, torch.bfloat16: math.inf}
    if device.type in ("mps", "xpu"):
        return torch.float32
    for _ in range(PROBE_ROUNDS):
        for dtype, best in seconds.items():
            seconds[dtype] = min(best, convolution_seconds(device, dtype))
        if max(seconds.values()) > CLEAR * min(seconds.values()):
            break
    return min(seconds, key=seconds.__getitem__)


class Pace:
    """Keeps the host a few steps ahead of a CUDA device, without ever waiting for the step just queued."""

    def __init__(self, device: torch.device) -> None:
        self.is_needed = device.type == "cuda"
        self.queued: deque[torch.cuda.Event] = deque()

    def step(self) -> None:
        """A step has been queued; waits until at most STEPS_AHEAD are."""
        if self.is_needed:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
            self.queued.append(event)
            if len(self.queued) > STEPS_AHEAD:
                self.queued.popleft().synchronize()


def _has(kind: str) -> bool:
    backend = torch.backends.mps if kind == "mps" else getattr(torch, kind)
    return bool(backend.is_available())
