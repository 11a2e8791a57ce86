"""A network on one device or on several, which work on the tiles of a picture at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import torch

from nst_engine import device
from nst_engine.network.vgg import VGG19

Part = TypeVar("Part")
Found = TypeVar("Found")


class Lanes:
    """The same network on each of some devices. The first is where the picture lies, and what is found comes together.

    One device works where it is called; of several each has a thread.
    """

    def __init__(self, networks: Sequence[VGG19]) -> None:
        self.networks = networks
        several = len(networks) > 1
        self.threads: list[Executor] = [ThreadPoolExecutor(1) if several else _AtOnce() for _ in networks]

    def __len__(self) -> int:
        return len(self.networks)

    def map(self, function: Callable[[VGG19, Part], Found], parts: Iterable[Part]) -> Iterator[Found]:
        """What a function makes of each part with a network, in their order: the parts go to the devices in turn.

        What is found is on the device that found it. No more parts than devices are ahead of the one that is asked for.
        """
        at_work: deque[Future[Found]] = deque()
        alike = _alike(function)
        try:
            for index, part in enumerate(parts):
                lane = index % len(self)
                at_work.append(self.threads[lane].submit(alike, self.networks[lane], part))
                if len(at_work) == len(self):
                    yield at_work.popleft().result()
            while at_work:
                yield at_work.popleft().result()
        finally:
            wait(at_work)


def _alike(function: Callable[[VGG19, Part], Found]) -> Callable[[VGG19, Part], Found]:
    """The function as it works in this thread: with gradients or without."""
    with_gradients = torch.is_grad_enabled()

    def work(network: VGG19, part: Part) -> Found:
        with device.without_denormals(), torch.set_grad_enabled(with_gradients):
            return function(network, part)

    return work


class _AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(function(*args, **kwargs))
        return done
