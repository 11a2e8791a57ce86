"""The way to a dask cluster: one that is there, or processes of this computer that are started for a batch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Iterator

import dask
from dask.system import CPU_COUNT
from dask.utils import parse_timedelta
from distributed import Client, LocalCluster, Security
from distributed.comm.core import connect

from nst_engine.commands.interrupts import held_back
from nst_engine.errors import DeviceError

GREETING_SECONDS = 60.0
"""Longest wait for a scheduler's first words, beyond dask's own patience with an address that nobody answers at."""

LOGS = ("distributed", "distributed.client", "tornado.application")
"""Those of dask that have levels of their own; what matters of them is told in sentences."""


SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": "1TB",
    "distributed.admin.low-level-log-length": 10,  # messages that were sent, photographs among them
    "distributed.worker.profile.enabled": False,  # what was called when, which takes hundreds of megabytes
}


@contextlib.contextmanager
def connected(where: str | int) -> Iterator[Client]:
    """A client of the cluster, which is closed afterwards if it is one of our own."""
    for name in LOGS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set(SETTINGS), contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            there = _reached(where) if isinstance(where, str) else _started(where, stack)
            client = stack.enter_context(_Client(there, set_as_default=False))  # type: ignore[no-untyped-call]
        except Exception as error:
            raise _no_cluster(where, error) from None
        yield client


class _Client(Client):
    """One that does not complain once more when it ends, of what kept it from beginning."""

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            super().__del__()  # type: ignore[no-untyped-call]


def _reached(address: str) -> str:
    """The same address, where one of dask's programs is: of another a client would await a greeting for ever."""

    async def reach() -> None:
        await (await connect(address, **Security().get_connection_args("client"))).close()

    try:
        patience = parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
        asyncio.run(asyncio.wait_for(reach(), patience + GREETING_SECONDS))
    except asyncio.TimeoutError:
        raise TimeoutError("what answers there does not speak as dask does") from None
    return address


def _no_cluster(where: str | int, error: Exception) -> DeviceError:
    if isinstance(where, int):
        return DeviceError(f"The workers cannot be started ({error}).", "Take fewer, or none.")
    return DeviceError(
        f"There is no dask cluster at {where} ({error}).",
        "Check the address and dask's settings for TLS, and see that the scheduler runs.",
    )


def _started(workers: int, stack: contextlib.ExitStack) -> LocalCluster:
    """Processes on this computer that share its processor, and end with the stack. Nobody else can speak with them, and
    Ctrl-C, which a terminal sends to all, is left to the batch."""
    with held_back():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=max(1, CPU_COUNT // workers),
            dashboard_address=None,
            security=True,
            silence_logs=logging.CRITICAL,
        )
        stack.enter_context(cluster)
    return cluster
