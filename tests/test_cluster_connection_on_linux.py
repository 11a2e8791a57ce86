"""The way to a dask cluster, and who is there: addresses, TLS, workers that lack the engine or have another one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import dask
import pytest
from command_line import ENVIRONMENT, here, line
from dask_cluster import QUICK, Cluster, arguments, names, photographs, started, until
from distributed import Security

import nst_engine.commands
from nst_engine.commands import cluster as cluster_command
from nst_engine.commands import cluster_connection


@pytest.fixture
def folder(tmp_path, content, style) -> Path:
    return photographs(tmp_path, content, style)


def test_a_cluster_that_is_not_there_is_a_sentence(folder):
    words = line(*arguments(folder, *QUICK, "--dask", "tcp://127.0.0.1:1"))
    impatient = {**ENVIRONMENT, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    done = subprocess.run(words, env=impatient, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR There is no dask cluster at tcp://127.0.0.1:1 (")
    assert names(folder) == []


@pytest.mark.parametrize("address", ["", "desk", "tls://127.0.0.1:1"])
def test_what_is_no_address_is_a_sentence_and_nothing_more(folder, address):
    """Also one that needs a certificate which nobody has set."""
    words = line(*arguments(folder, *QUICK, "--dask", address))
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    error, tip = done.stderr.splitlines()
    assert error.startswith(f"ERROR There is no dask cluster at {address} (")
    assert tip.startswith("TIP Check the address")


def test_another_program_at_the_address_is_not_waited_for(folder, monkeypatch):
    monkeypatch.setattr(cluster_connection, "GREETING_SECONDS", 1)
    patience = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with patience, socket.create_server(("127.0.0.1", 0)) as silent:
        done = here(*arguments(folder, *QUICK, "--dask", f"127.0.0.1:{silent.getsockname()[1]}"))
    assert "(what answers there does not speak as dask does)" in done.stderr


@pytest.mark.parametrize("count", ["x", "0", "-1", "1.5", ""])
def test_a_number_of_processes_is_one(folder, count):
    done = here(*arguments(folder, "--workers", count))
    assert f"'{count}' is not a whole number from 1 on" in done.stderr


def test_processes_of_this_computer_keep_no_record_that_grows():
    with cluster_connection.connected(1) as client:
        running = client.run(lambda dask_worker: [*dask_worker.periodic_callbacks])
    assert not [name for names in running.values() for name in names if "profile" in name]


def test_a_cluster_without_workers_is_given_up(folder, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(cluster_command, "PATIENCE", 2)
    empty = Cluster(tmp_path_factory.mktemp("empty"))
    try:
        done = here(*arguments(folder, *QUICK, "--dask", empty.address))
    finally:
        empty.close()
    assert "ERROR No worker that can paint has come to the dask scheduler for 2 s." in done.stderr
    assert names(folder) == []


@pytest.fixture
def without_engine(tmp_path) -> tuple[str, ...]:
    """What a worker is started with that does not have the engine."""
    (tmp_path / "bare.py").write_text("import sys\nsys.modules['nst_engine'] = None\n")
    return ("--no-nanny", "--nthreads", "1", "--preload", str(tmp_path / "bare.py"))


def test_a_worker_without_the_engine_takes_no_part(folder, tmp_path_factory, without_engine):
    mixed = Cluster(tmp_path_factory.mktemp("mixed"))
    try:
        mixed.add_worker("--no-nanny")
        mixed.start("worker", mixed.address, *without_engine)
        mixed.wait_for(2)
        done = here(*arguments(folder, *QUICK, "--dask", mixed.address))
    finally:
        mixed.close()
    assert (done.returncode, names(folder)) == (0, ["a.png", "b.jpg", "c.png"]), done.stderr
    assert "WARNING A worker has not what the engine needs (" in done.stderr


LATE = """
import asyncio
from distributed import Worker
async def late(worker, at_once=Worker.set_resources, **resources):
    await asyncio.sleep(1)
    await at_once(worker, **resources)
Worker.set_resources = late
"""


def test_what_nobody_could_take_when_a_worker_came_is_brought_to_it(folder, tmp_path, tmp_path_factory, without_engine):
    """Dask looks for such pictures when a worker comes, which says only then that it can paint. The one without the
    engine holds the styles, or they would have to be made anew first."""
    (tmp_path / "late.py").write_text(LATE)
    lonely = Cluster(tmp_path_factory.mktemp("lonely"))
    try:
        first = lonely.add_worker("--no-nanny")
        lonely.start("worker", lonely.address, *without_engine)
        lonely.wait_for(2)
        with lonely.gate():
            batch = started(lonely, folder, *QUICK)
            until(lambda: lonely.noted("read"))
            first.kill()
            first.wait()
        lonely.start("worker", lonely.address, "--no-nanny", "--nthreads", "1", "--preload", str(tmp_path / "late.py"))
        _, said = batch.communicate(timeout=100)
    finally:
        lonely.close()
    assert (batch.returncode, names(folder)) == (0, ["a.png", "b.jpg", "c.png"]), said


def test_a_cluster_of_another_version_is_a_sentence(folder, tmp_path, tmp_path_factory):
    (tmp_path / "other.py").write_text("import nst_engine\nnst_engine.__version__ = '0'\n")
    other = Cluster(tmp_path_factory.mktemp("other"))
    try:
        other.start("worker", other.address, "--no-nanny", "--nthreads", "1", "--preload", str(tmp_path / "other.py"))
        other.wait_for(1)
        done = here(*arguments(folder, *QUICK, "--dask", other.address))
    finally:
        other.close()
    assert "has version 0 of the engine, and the batch" in done.stderr
    assert names(folder) == []


def test_a_cluster_without_the_engine_is_a_sentence(folder, tmp_path_factory, without_engine):
    bare = Cluster(tmp_path_factory.mktemp("bare"))
    try:
        bare.start("worker", bare.address, *without_engine)
        bare.wait_for(1)
        done = here(*arguments(folder, *QUICK, "--dask", bare.address))
    finally:
        bare.close()
    assert done.stderr.count("ERROR A worker has not what the engine needs (") == 1
    assert "TIP Install the engine there." in done.stderr
    assert names(folder) == []


def test_the_packages_that_are_missing_are_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "nst_engine.commands.cluster")
    monkeypatch.delattr(nst_engine.commands, "cluster")
    done = here(*arguments(folder, *QUICK, "--workers", 2))
    assert "TIP Install them: pip install '.[cluster]'." in done.stderr


def test_a_cluster_behind_tls_is_reached_with_dasks_own_settings(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("tls")
    settings = tls_settings(place)
    secret = Cluster(place, "tls", settings)
    try:
        secret.add_worker()
        words = line(*arguments(folder, *QUICK, "--dask", secret.address))
        done = subprocess.run(words, env={**ENVIRONMENT, **settings}, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
            refused = here(*arguments(folder, *QUICK, "--force", "--dask", secret.address))
        assert "ERROR There is no dask cluster at tls://" in refused.stderr
    finally:
        secret.close()


def tls_settings(folder: Path) -> dict[str, str]:
    """Dask's variables for a key and a certificate made for this test."""
    made = Security.temporary()
    settings = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}
    for role in ("scheduler", "worker", "client"):
        for kind in ("key", "cert"):
            file = folder / f"{role}-{kind}.pem"
            file.write_text(getattr(made, f"tls_{role}_{kind}"))
            settings[f"DASK_DISTRIBUTED__COMM__TLS__{role.upper()}__{kind.upper()}"] = str(file)
    (folder / "ca.pem").write_text(made.tls_ca_file)
    return {**settings, "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / "ca.pem")}
