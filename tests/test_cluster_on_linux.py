"""A folder of pictures on a dask cluster of real processes: nst-engine batch --dask and --workers."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dask
import numpy as np
import psutil
import pytest
import torch
from command_line import ENVIRONMENT, here, line
from dask_cluster import QUICK, Cluster, arguments, names, photographs, started, until
from distributed.core import Status
from PIL import Image

from nst_engine import Options, device
from nst_engine.commands import cluster as cluster_command
from nst_engine.commands import cluster_connection
from nst_engine.commands.cluster import _Attempt, _handing_over, _Spread, paint_by
from nst_engine.commands.cluster_connection import connected
from nst_engine.commands.cluster_worker import PICTURE, Batch, Outcome, _card, _copied
from nst_engine.commands.display import Display
from nst_engine.commands.interrupts import Interrupts
from nst_engine.commands.tasks import Manner, Task
from nst_engine.errors import DeviceError, PictureError, StyleTransferError
from nst_engine.files import reading, writing
from nst_engine.network import library
from nst_engine.pixels import StylePicture

LONG = ("--quality", "best", "--iterations", 100_000, "--size", 32)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """A scheduler and two workers, each with somebody who starts it again."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for _ in range(2):
            started.add_worker()
        started.wait_for(2)
        yield started
    finally:
        started.close()


@pytest.fixture
def folder(tmp_path, content, style) -> Path:
    return photographs(tmp_path, content, style)


def test_a_cluster_paints_what_one_process_paints_and_a_bad_file_is_told_of(cluster, folder):
    (folder / "bad.png").write_text("no picture")
    done = here(*arguments(folder, *QUICK, "--dask", cluster.address))
    assert done.returncode == 1
    assert "1 of 4 pictures could not be painted (bad.png: " in done.stderr
    assert str(folder / "bad.png") in done.stderr
    assert names(folder) == ["a.png", "b.jpg", "c.png"]
    painted = reading.load(folder.parent / "painted" / "a.png")
    shutil.rmtree(folder.parent / "painted")
    assert here(*arguments(folder, *QUICK)).returncode == 1
    assert np.abs(painted - reading.load(folder.parent / "painted" / "a.png")).max() < 0.02


@pytest.mark.parametrize("statistic", ["moments", "neighbors"])
def test_styles_are_looked_at_once_for_all(cluster, folder, statistic):
    cluster.forget()
    assert here(*arguments(folder, *QUICK, "--statistic", statistic, "--dask", cluster.address)).returncode == 0
    assert len(cluster.noted("read")) == 3
    assert len(cluster.noted("style")) == 1


def test_a_grid_has_its_sheet_and_a_batch_goes_on(cluster, folder):
    grid = (*QUICK, "--grid", "--painting", "great-wave", "--dask", cluster.address)
    assert here(*arguments(folder, *grid)).returncode == 0
    assert len(names(folder)) == 7
    assert "contact-sheet.jpg" in names(folder)
    cluster.forget()
    (folder.parent / "painted" / "b in the style of waves.jpg").unlink()
    assert here(*arguments(folder, *grid, "--resume")).returncode == 0
    assert len(cluster.noted("read")) == len(cluster.noted("read-b")) == 1


def test_nothing_is_replaced_unasked(cluster, folder):
    (folder.parent / "painted").mkdir()
    (folder.parent / "painted" / "a.png").write_text("precious")
    done = here(*arguments(folder, *QUICK, "--dask", cluster.address))
    assert "a.png exists already" in done.stderr
    assert (folder.parent / "painted" / "a.png").read_text() == "precious"


def test_a_picture_that_one_worker_cannot_paint_is_tried_on_another(cluster, folder):
    cluster.forget()
    (folder / "a.png").rename(folder / "fussy.png")
    assert here(*arguments(folder, *QUICK, "--dask", cluster.address)).returncode == 0
    assert len(set(cluster.noted("read-fussy"))) == 2


def test_a_worker_that_is_killed_loses_no_picture_and_one_that_comes_late_helps(cluster, folder):
    shutil.copy(folder / "a.png", folder / "d.png")
    with cluster.gate():
        batch = started(cluster, folder, *QUICK)
        first = until(lambda: len(found := cluster.noted("read")) == 2 and found)[0]
        late = cluster.add_worker("--no-nanny", "--nthreads", "3")
        until(lambda: late.pid in cluster.noted("threads3"))
        assert len(cluster.noted("read")) == 3  # whatever its threads, a worker paints one at a time
        os.kill(first, signal.SIGKILL)
    _, said = batch.communicate(timeout=200)
    assert (batch.returncode, names(folder)) == (0, ["a.png", "b.jpg", "c.png", "d.png"]), said
    late.terminate()
    late.wait(60)
    cluster.wait_for(2)


def test_every_worker_has_a_picture_whatever_its_threads_and_whoever_else_is_paused(folder, tmp_path_factory):
    """Dask by itself has the worker that holds the styles paint all, and takes one of many threads for idle."""
    wide = Cluster(tmp_path_factory.mktemp("wide"))
    lasting = ("--no-nanny", "--nthreads", "4", "--memory-limit", "0")  # without limit nobody is paused by himself
    try:
        wide.add_worker(*lasting)
        wide.wait_for(1)
        with wide.gate():
            batch = started(wide, folder, *QUICK)
            until(lambda: wide.noted("read"))
            with connected(wide.address) as client:
                client.run(lambda dask_worker: setattr(dask_worker, "status", Status.paused))
            for _ in range(2):
                wide.add_worker(*lasting)
            until(lambda: len({*wide.noted("read")}) == 3)
        _, said = batch.communicate(timeout=200)
    finally:
        wide.close()
    assert (batch.returncode, names(folder)) == (0, ["a.png", "b.jpg", "c.png"]), said


def test_a_picture_that_ends_its_workers_does_not_end_the_others(cluster, folder):
    shutil.copy(folder / "a.png", folder / "poison.png")
    done = here(*arguments(folder, *QUICK, "--dask", cluster.address))
    assert done.returncode == 1
    assert "1 of 4 pictures could not be painted (poison.png: The workers that were to paint it ended" in done.stderr
    assert names(folder) == ["a.png", "b.jpg", "c.png"]
    cluster.wait_for(2)


def test_a_worker_that_ends_before_its_finished_picture_is_asked_for_does_not_hold_up_the_batch(cluster, folder):
    (folder / "a.png").rename(folder / "parting.png")
    batch = started(cluster, folder, *QUICK)
    _, said = batch.communicate(timeout=200)
    assert (batch.returncode, names(folder)) == (0, ["b.jpg", "c.png", "parting.png"]), said
    cluster.wait_for(2)


def test_files_that_workers_do_not_see_are_sent_to_and_fro(cluster, folder):
    """A path below /proc/self/cwd leads every process to another place."""
    elsewhere = cluster.folder / "photos"
    elsewhere.mkdir()
    (elsewhere / "a.png").write_text("no picture, and not the one that is meant")
    (folder / "bad.png").write_text("no picture")
    still, moved = Image.new("L", (64, 48)), Image.new("L", (64, 48), 200)
    still.save(folder / "moving.gif", save_all=True, append_images=[moved])
    cwd = Path("/proc/self/cwd")
    words = line(*arguments(cwd / "photos", *QUICK, "--dask", cluster.address))
    done = subprocess.run(words, cwd=folder.parent, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert "1 of 5 pictures could not be painted (bad.png: /proc/self/cwd/photos/bad.png is not" in done.stderr
    assert "WARNING /proc/self/cwd/photos/moving.gif is animated" in done.stderr
    assert names(folder) == ["a.png", "b.jpg", "c.png", "moving.gif.png"]
    assert not (cluster.folder / "painted").exists()


def test_ctrl_c_finishes_what_is_under_way_and_leaves_the_workers_free(cluster, folder):
    cluster.forget()
    batch = started(cluster, folder, *LONG)
    until(lambda: len(cluster.noted("read")) == 2)
    batch.send_signal(signal.SIGINT)
    _, said = batch.communicate(timeout=200)
    assert batch.returncode == 130
    assert "Stopped after 2 of 3 pictures; --resume goes on with the others." in said
    assert len(names(folder)) == 2
    assert here(*arguments(folder, *QUICK, "--resume", "--dask", cluster.address)).returncode == 0


def test_workers_that_end_after_the_batch_is_stopped_are_not_waited_for(cluster, folder):
    with cluster.gate():
        batch = started(cluster, folder, *QUICK)
        both = until(lambda: len(found := cluster.noted("read")) == 2 and found)
        batch.send_signal(signal.SIGTERM)
        with connected(cluster.address) as client:
            until(
                lambda: ".nst" not in client.run_on_scheduler(lambda dask_scheduler: str(dask_scheduler.worker_plugins))
            )
        for worker in both:
            os.kill(worker, signal.SIGKILL)
    _, said = batch.communicate(timeout=200)
    assert (batch.returncode, names(folder)) == (130, []), said
    assert "Stopped after 0 of 3 pictures; --resume goes on with the others." in said
    cluster.wait_for(2)


def test_a_batch_that_is_killed_or_canceled_does_not_keep_the_workers(cluster, folder):
    for signals in ([signal.SIGKILL], [signal.SIGINT, signal.SIGINT]):
        cluster.forget()
        batch = started(cluster, folder, *LONG)
        until(lambda: len(cluster.noted("read")) == 2)
        for number in signals:
            batch.send_signal(number)
        batch.communicate(timeout=200)
        shutil.rmtree(folder.parent / "painted")
        assert here(*arguments(folder, *QUICK, "--dask", cluster.address)).returncode == 0
        shutil.rmtree(folder.parent / "painted")


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listening(processes: set[int]) -> set[str]:
    """The addresses of this computer at which these processes can be spoken to."""
    connections = psutil.net_connections()
    return {each.laddr.ip for each in connections if each.pid in processes and each.status == psutil.CONN_LISTEN}


def test_processes_of_this_computer_paint_and_are_gone_after_ctrl_c(folder):
    words = line(*arguments(folder, *QUICK, "--iterations", 5000, "--workers", 2))
    batch = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True)
    while "0 of 3 pictures, workers: 2" not in (said := batch.stderr.readline()):
        assert said
    while "  0% " in batch.stderr.readline():  # until both have begun
        pass
    workers = psutil.Process(batch.pid).children(recursive=True)
    assert listening({batch.pid, *(worker.pid for worker in workers)}) == {"127.0.0.1"}
    os.killpg(batch.pid, signal.SIGINT)  # as a terminal does
    _, said = batch.communicate(timeout=200)
    assert batch.returncode == 130, said
    assert "Stopped after 2 of 3 pictures" in said
    assert len(names(folder)) == 2
    until(lambda: not any(map(is_alive, workers)))


def test_ctrl_c_while_processes_start_is_no_more_than_that(folder):
    words = line(*arguments(folder, *QUICK, "--workers", 2))
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}  # whoever runs the tests
    batch = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True, **heard)
    workers = until(
        lambda: len(found := psutil.Process(batch.pid).children()) == 3 and found
    )  # and Python's own helper
    os.killpg(batch.pid, signal.SIGINT)
    _, said = batch.communicate(timeout=200)
    assert (batch.returncode, said, names(folder)) == (130, "Cancelled.\n", [])
    until(lambda: not any(map(is_alive, workers)))


def test_the_address_of_a_worker_is_not_that_of_a_scheduler(cluster, folder):
    with connected(cluster.address) as client:
        worker = next(iter(client.scheduler_info(n_workers=-1)["workers"]))
    impatient = {**ENVIRONMENT, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    words = line(*arguments(folder, *QUICK, "--dask", worker))
    done = subprocess.run(words, env=impatient, capture_output=True, text=True, timeout=200)
    error, _tip = done.stderr.splitlines()
    assert error.startswith(f"ERROR There is no dask cluster at {worker} (")


def test_who_lets_dask_wait_longer_for_an_address_waits_longer(cluster, monkeypatch):
    monkeypatch.setattr(cluster_connection, "GREETING_SECONDS", 0)
    with dask.config.set({"distributed.comm.timeouts.connect": "60s"}), connected(cluster.address) as client:
        assert client.status == "running"


def test_a_scheduler_that_goes_is_a_sentence_and_the_pictures_before_it_are_there(folder, tmp_path_factory):
    gone = Cluster(tmp_path_factory.mktemp("gone"), settings={"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"})
    try:
        gone.add_worker()
        with gone.gate():
            batch = started(gone, folder, *QUICK)
            until(lambda: gone.noted("read"))
            gone.processes[0].kill()
            _, said = batch.communicate(timeout=200)
    finally:
        gone.close()
    assert (batch.returncode, names(folder)) == (1, [])
    assert "ERROR The dask scheduler is gone. Pictures that were done or tried: 0." in said
    assert "Traceback" not in said


def test_a_scheduler_that_is_started_anew_before_there_were_workers_hears_of_the_batch(folder, tmp_path_factory):
    anew = Cluster(tmp_path_factory.mktemp("anew"))
    try:
        batch = started(anew, folder, *QUICK)
        while "workers: 0" not in (said := batch.stderr.readline()):
            assert said
        anew.processes[0].kill()
        anew.start("scheduler", "--host", "tcp://127.0.0.1", "--port", anew.address.rpartition(":")[2])
        anew.add_worker("--no-nanny")
        _, said = batch.communicate(timeout=200)
    finally:
        anew.close()
    assert (batch.returncode, names(folder)) == (0, ["a.png", "b.jpg", "c.png"]), said


def test_workers_that_can_paint_none_cost_no_picture_and_where_all_are_so_it_is_said_once(
    cluster, folder, tmp_path, monkeypatch
):
    networks = tmp_path / "neural-style" / "networks"
    networks.mkdir(parents=True)
    shutil.copy(library.find("vgg19"), networks / "mine.safetensors")
    monkeypatch.setitem(cluster.environment, "XDG_DATA_HOME", str(tmp_path))
    knowing = cluster.add_worker("--no-nanny")
    cluster.wait_for(3)
    done = here(*arguments(folder, *QUICK, "--network", "mine", "--dask", cluster.address))
    assert (done.returncode, names(folder)) == (0, ["a.png", "b.jpg", "c.png"]), done.stderr
    refused = here(*arguments(folder, *QUICK, "--network", "nobody's", "--force", "--dask", cluster.address))
    assert "ERROR There is no network 'nobody's'." in refused.stderr
    assert "could not be painted" not in refused.stderr
    knowing.terminate()
    knowing.wait(60)


@pytest.fixture
def spread(folder) -> Iterator[_Spread]:
    """A batch whose connection to the scheduler is at an end, with one picture under way."""
    place = folder.parent / "painted"
    place.mkdir()
    with _handing_over(place) as hand_over, Interrupts(print) as interrupts:
        client: Any = SimpleNamespace(status="closed")
        manner = Manner(Options(), False, False, writing.WHITE)
        spread = _Spread(client, hand_over, manner, Display(), interrupts)
        spread.running[cast(Any, "future")] = _Attempt(7, Task(folder / "a.png", [], place / "a.png"))
        yield spread


def test_workers_that_dask_gives_nothing_to_do_are_not_waited_for(spread, monkeypatch):
    monkeypatch.setattr(cluster_command, "PATIENCE", 0)
    paused = {"resources": {PICTURE: 1}, "status": "paused"}
    spread.client.status = "running"
    spread.client.scheduler_info = lambda n_workers: {"workers": {"paused": paused}}
    assert spread._workers() == set(), "one of them is painting yet"
    spread.stray = dict.fromkeys(spread.running, 1)
    with pytest.raises(DeviceError, match="No worker has had enough memory left to take a picture"):
        spread._workers()


class Held(SimpleNamespace):
    """A future that is not done yet."""

    __hash__ = object.__hash__

    def done(self) -> bool:
        return False


@pytest.mark.parametrize(("counts", "is_stray"), [({"executing": 1}, False), ({"constrained": 1}, True)])
def test_a_picture_that_a_worker_without_memory_has_not_begun_is_for_others(spread, counts, is_stray):
    future: Any = Held(key="a")
    spread.running = {future: spread.running.pop("future")}
    worker = {"resources": {PICTURE: 1}, "status": "paused", "metrics": {"task_counts": counts}}
    spread.client = SimpleNamespace(status="running", processing=lambda: {"paused": ("a",)})
    spread.client.scheduler_info = lambda n_workers: {"workers": {"paused": worker}}
    spread._workers()
    assert (future in spread._stray()) == is_stray


@pytest.mark.parametrize("is_needed", [True, False])
def test_a_picture_whose_worker_ended_waits_for_no_style_but_its_own(spread, is_needed):
    picture, style = cast(Any, Held(key="a picture")), cast(Any, Held(key="a style"))
    needs = (style,) if is_needed else ()
    spread.running = {picture: dataclasses.replace(spread.running.pop("future"), needs=needs)}
    spread.learned["another size"] = style
    spread.client = SimpleNamespace(processing=lambda: {"another worker": ("a style",)})
    assert (picture in spread._stray()) != is_needed


def test_a_picture_that_a_slow_line_brings_is_waited_for_longer_each_time(spread):
    picture = cast(Any, Held(key="a picture"))
    spread.running = {picture: dataclasses.replace(spread.running.pop("future"), worker="a worker")}
    spread.client = SimpleNamespace(cancel=list)
    spread.known = {"a worker": {"status": "running"}}
    looks = spread._looks(picture)
    spread._take_back({picture})
    spread.running[picture] = spread.waiting.pop()
    assert spread._looks(picture) == 2 * looks > 2 * cluster_command.LOOKS
    spread.known.clear()
    assert spread._looks(picture) == cluster_command.LOOKS, "it will never arrive"


def test_what_was_handed_over_before_the_scheduler_went_is_not_lost(spread, folder):
    finished = (folder / "a.png").read_bytes()
    (spread.folder / "7").write_bytes(finished)
    with pytest.raises(DeviceError, match="done or tried: 1"):
        spread._workers()
    assert (folder.parent / "painted" / "a.png").read_bytes() == finished


def test_a_worker_that_cannot_paint_beside_a_new_scheduler_does_not_end_the_batch(spread):
    def refuse(plugin, name):
        raise ImportError("No module named 'nst_engine'")

    spread.client = SimpleNamespace(status="running", subscribe_topic=lambda *_: None, register_plugin=refuse)
    spread.client.processing = dict
    spread.running.clear()
    spread.client.scheduler_info = lambda n_workers: {"workers": {"bare": {"resources": {}, "status": "running"}}}
    spread.last_look = -cluster_command.LOOKING_SECONDS
    spread._look_around(are_workers=False)
    with pytest.raises(StyleTransferError, match="has not what the engine needs"):
        spread._join()


@pytest.mark.parametrize("outcome", [Outcome("a worker"), Outcome(problem=StyleTransferError("Lost."), is_lost=True)])
def test_a_picture_that_is_there_needs_no_scheduler(spread, folder, outcome):
    finished = (folder / "a.png").read_bytes()
    (spread.folder / "7").write_bytes(finished)
    spread._settle(spread.running.pop("future"), outcome)
    assert (spread.attempted, spread.problems) == (1, [])
    assert (folder.parent / "painted" / "a.png").read_bytes() == finished


def test_a_bad_picture_and_a_worker_that_can_paint_none_do_not_end_the_batch(spread):
    able, unable = ({"resources": {PICTURE: 1}, "status": "running"} for _ in range(2))
    spread.client = SimpleNamespace(status="running")
    spread.client.scheduler_info = lambda n_workers: {"workers": {"able": able, "unable": unable}}
    spread._settle(spread.running.pop("future"), Outcome("able", problem=PictureError("It is damaged.")))
    hopeless = Outcome("unable", problem=StyleTransferError("There is no network."), is_hopeless=True)
    spread._settle(spread.waiting.pop(), hopeless)
    assert spread.problems == ["a.png: It is damaged"]


def test_a_batch_that_is_stopped_looks_at_no_more_pictures(spread):
    class Stopping(list[str]):
        def append(self, problem: str) -> None:
            spread.interrupts.stopped = True

    task = Task(spread.folder / "gone.png", [], spread.folder.parent / "gone.png")
    spread.running.clear()
    spread.waiting.extend(_Attempt(number, task) for number in range(3))
    spread.problems, spread.client = Stopping(), SimpleNamespace(processing=dict)
    spread._hand_out({"a worker"})
    assert (spread.attempted, len(spread.waiting)) == (1, 2)


def test_a_connection_that_breaks_for_a_moment_costs_no_picture(cluster, folder):
    due = [
        Task(path, [StylePicture("waves", reading.load(folder / "a.png"))], folder / f"{path.stem} painted.png")
        for path in sorted(folder.iterdir())
    ]
    manner = Manner(Options(iterations=1, size=32), False, False, writing.WHITE)

    with connected(cluster.address) as client, ThreadPoolExecutor() as pool:
        with cluster.gate():
            done = pool.submit(paint_by, client, due, manner)
            until(lambda: len(cluster.noted("read")) == 2)
            first = client.scheduler_comm.comm
            client.loop.add_callback(first.abort)
            until(lambda: client.status == "running" and client.scheduler_comm.comm is not first)
        assert done.result(200) == (3, [])
    assert all(reading.load(task.output).shape for task in due)


def test_a_worker_without_room_for_a_file_that_is_sent_says_so():
    original = Path("/photos", 300 * "x")
    with pytest.raises(PictureError, match=rf"no place for {original} \(File name too long\)"), _copied(original, b"x"):
        pass


@pytest.mark.parametrize(
    ("network", "meant"), [("vgg19", "vgg19"), ("mine", "{here}/mine"), ("~nobody", "~nobody"), ("folder", "folder")]
)
def test_only_a_path_to_a_network_is_made_whole(tmp_path, monkeypatch, network, meant):
    monkeypatch.chdir(tmp_path)
    for name in ("vgg19", "mine"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    options = cluster_command._with_whole_paths(Options(network=network))
    assert options.network == meant.format(here=tmp_path)


def test_each_process_of_this_computer_has_a_card_of_its_own(monkeypatch):
    monkeypatch.setattr(device, "named", lambda wanted: [torch.device("cuda", number) for number in range(2)])
    ours, theirs = {"a batch": Batch("a batch", True)}, {"a batch": Batch("a batch", False)}
    workers: Any = [SimpleNamespace(name=name, plugins=ours) for name in range(3)]
    assert [_card("auto", worker) for worker in workers] == ["cuda:0", "cuda:1", "cuda:0"]
    elsewhere: Any = SimpleNamespace(name="tcp://10.0.0.2:3000", plugins=theirs)
    assert _card("auto", elsewhere) == "cuda:0"  # of those that it sees
    assert _card("cuda:0,cuda:1", elsewhere) == "cuda:0,cuda:1"
