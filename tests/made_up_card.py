"""A made-up CUDA card: the few calls of ``torch.cuda`` that recording and pacing make, done by the processor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Card:
    """Stands in for ``torch.cuda``. ``story`` tells what it was asked for, in order."""

    def __init__(self, records: bool = True) -> None:
        self.records = records
        self.story: list[str] = []
        self.stream_at_work = "the usual stream"
        self.events = 0

    def Stream(self) -> Stream:
        return Stream(self, "a stream aside")

    def current_stream(self) -> Stream:
        return Stream(self, self.stream_at_work)

    @contextlib.contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        usual, self.stream_at_work = self.stream_at_work, stream.name
        yield
        self.stream_at_work = usual

    def CUDAGraph(self) -> Graph:
        return Graph()

    @contextlib.contextmanager
    def graph(self, graph: Graph) -> Iterator[None]:
        if not self.records:
            raise RuntimeError("CUDA error: operation not supported")
        self.story.append("recording begins")
        with graph:
            yield

    def Event(self) -> Event:
        self.events += 1
        return Event(self, self.events)


class Stream:
    """A queue of work, by its name."""

    def __init__(self, card: Card, name: str) -> None:
        self.card, self.name = card, name

    def wait_stream(self, other: Stream) -> None:
        self.card.story.append(f"{self.name} waits for {other.name}")


class Event:
    """The end of all work queued so far, by its number."""

    def __init__(self, card: Card, number: int) -> None:
        self.card, self.number = card, number

    def record(self) -> None:
        self.card.story.append(f"step {self.number} is queued")

    def synchronize(self) -> None:
        self.card.story.append(f"waited for step {self.number}")


class Graph(TorchDispatchMode):
    """Keeps each operation, and does all of them again in the same memory. Nothing may wait for a number meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Callable[..., Any], Any, dict[str, Any], Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        result = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        for function, args, kwargs, before in self.operations:
            again = function(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(again), strict=True):
                if isinstance(old, Tensor):
                    old.copy_(new)


class OnCard(Tensor):
    """A tensor that says that it lies on the card. What is made of it does not."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @property
    def device(self) -> torch.device:
        return torch.device("cuda")
