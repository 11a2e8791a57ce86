"""Threads beside other programs, on a machine whose busy seconds and clock are made up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch

from nst_engine import Options, stylize, threads
from nst_engine.threads import Threads, Watched, watched


@pytest.fixture(autouse=True)
def eight_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    yield
    torch.set_num_threads(before)


class Machine:
    """One with so many cores, some of which others keep busy while time goes by."""

    def __init__(self, cores: int = 8) -> None:
        self.cores, self.moment, self.busy, self.own = cores, 0.0, 50.0, 10.0

    def pass_by(self, seconds: float, others: float) -> None:
        used = torch.get_num_threads() * seconds
        self.moment, self.own, self.busy = self.moment + seconds, self.own + used, self.busy + used + others * seconds

    def watched(self) -> Watched:
        return Watched(self.cores, self.busy, self.own)

    def clock(self) -> float:
        return self.moment


def after(threads: Threads, machine: Machine, seconds: float, others: float) -> int:
    """Return how many threads there are when others have kept so many cores busy for some time."""
    machine.pass_by(seconds, others)
    threads.adapt()
    return torch.get_num_threads()


def test_others_get_the_cores_that_they_keep_busy_and_give_them_back():
    machine = Machine()
    adapted = Threads(machine.watched, machine.clock)
    assert [after(adapted, machine, 2.0, others) for others in (0.1, 1.0, 2.8, 2.0, 0.2)] == [8, 7, 5, 6, 8]


@pytest.mark.parametrize(("cores", "fewest"), [(1, 1), (2, 1), (3, 1), (8, 4), (64, 8)])
def test_half_the_cores_are_kept_however_busy_others_are_and_never_more_than_the_caller_has_set(cores, fewest):
    machine = Machine(cores)
    assert after(Threads(machine.watched, machine.clock), machine, 2.0, float(cores)) == fewest


@pytest.mark.parametrize(("others", "threads"), [(0.3, 2), (0.67, 1), (1.0, 1), (2.0, 1)])
def test_beside_a_busy_core_of_two_one_thread_computes(others, threads):
    """Two threads that spin leave a busy program two thirds of a core."""
    torch.set_num_threads(2)
    machine = Machine(2)
    assert after(Threads(machine.watched, machine.clock), machine, 2.0, others) == threads


def test_what_was_seen_before_the_work_counts_from_its_beginning_and_not_after_it():
    machine = Machine()
    adapted = Threads(machine.watched, machine.clock)
    machine.pass_by(2.0, others=3.0)
    for _ in range(2):
        assert torch.get_num_threads() == 8
        with adapted.at_work():
            assert torch.get_num_threads() == 5


def test_what_is_busy_for_a_moment_changes_nothing_but_counts_when_it_lasts():
    machine = Machine()
    adapted = Threads(machine.watched, machine.clock)
    assert [after(adapted, machine, 0.125, 4.0) for _ in range(5)] == [8, 8, 8, 4, 4]


def test_seconds_of_this_process_are_its_own_and_none_of_the_others():
    before, deadline = watched(), watched().own + 0.5
    while (now := watched()).own < deadline:
        torch.rand(100_000).exp()
    assert now.busy - before.busy >= 0.8 * (now.own - before.own)  # the system counts in hundredths


def test_a_picture_is_painted_with_fewer_threads_beside_busy_programs_and_the_callers_come_back(
    content, style, monkeypatch
):
    machine = Machine()
    monkeypatch.setattr(threads, "Threads", partial(Threads, machine.watched, machine.clock))
    counts: list[int] = []

    def on_step(step):
        counts.append(torch.get_num_threads())
        machine.pass_by(2.0, others=3.0 if len(counts) < 5 else 0.0)

    stylize(content, style, Options(quality="draft", iterations=8, size=32), on_step=on_step)
    assert counts[0] == counts[-1] == torch.get_num_threads() == 8
    assert set(counts) == {8, 5}


def test_the_callers_threads_come_back_after_a_failure(content, style):
    def fail(step):
        torch.set_num_threads(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize(content, style, Options(quality="draft", iterations=2, size=32), on_step=fail)
    assert torch.get_num_threads() == 8


@pytest.mark.parametrize(("cores", "left"), [(1, 1), (2, 2), (3, 2), (16, 15)])
def test_a_core_is_left_where_that_leaves_two(cores: int, left: int) -> None:
    torch.set_num_threads(cores)
    with threads.leaving_a_core():
        assert torch.get_num_threads() == left
    assert torch.get_num_threads() == cores
