"""A bomb in closed form, against steps of a small size, and what it must keep whatever the numbers are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.forkbomb import ForkBomb, course, first_limit, tasks_of_memory
from models.kernel.memory import Memory
from models.kernel.processes import PidGroup, ProcessTable

_BOMBS = st.builds(
    ForkBomb,
    forks_per_cpu_s=st.floats(0.1, 2000.0),
    cores=st.floats(0.01, 64.0),
    rivals=st.one_of(st.just(0.0), st.floats(0.5, 500.0)),
)
_TASKS = st.floats(1.0, 1e5)


def stepped(bomb: ForkBomb, tasks: float, elapsed_s: float, steps: int) -> float:
    """The differential equation in steps, by Runge and Kutta's fourth order."""

    def slope(n: float) -> float:
        return bomb.forks_per_cpu_s * n * min(1.0, bomb.cores / (n + bomb.rivals))

    step = elapsed_s / steps
    for _ in range(steps):
        a = slope(tasks)
        b = slope(tasks + step / 2 * a)
        c = slope(tasks + step / 2 * b)
        tasks += step / 6 * (a + 2 * b + 2 * c + slope(tasks + step * c))
    return tasks


@given(_BOMBS, _TASKS, st.floats(0.01, 20.0))
def test_growth_is_that_of_small_steps(bomb: ForkBomb, tasks: float, growth: float) -> None:
    elapsed_s = growth / bomb.forks_per_cpu_s  # at most e^20 times as many
    assert bomb.tasks_after(tasks, elapsed_s) == pytest.approx(
        stepped(bomb, tasks, elapsed_s, 4000), rel=1e-5
    )


@given(_BOMBS, _TASKS, st.floats(1.0, 1e4))
def test_the_time_to_a_number_is_when_it_is_there(bomb: ForkBomb, tasks: float, factor: float) -> None:
    goal = tasks * factor
    assert bomb.tasks_after(tasks, bomb.time_to_s(tasks, goal)) == pytest.approx(goal, rel=1e-6)


@given(_BOMBS, _TASKS, st.floats(0.0, 5.0), st.floats(0.0, 5.0))
def test_growth_can_be_taken_up_again(bomb: ForkBomb, tasks: float, one_s: float, two_s: float) -> None:
    one_s, two_s = one_s / bomb.forks_per_cpu_s, two_s / bomb.forks_per_cpu_s
    halfway = bomb.tasks_after(tasks, one_s)
    assert tasks <= halfway
    assert bomb.tasks_after(halfway, two_s) == pytest.approx(bomb.tasks_after(tasks, one_s + two_s), rel=1e-6)


@given(_BOMBS, st.floats(1.0, 1e5))
def test_it_never_takes_more_than_there_is(bomb: ForkBomb, tasks: float) -> None:
    assert bomb.cores_used(tasks) <= min(bomb.cores, tasks) * (1 + 1e-12)
    assert bomb.cores_used(2 * tasks) >= bomb.cores_used(tasks)


@given(
    _BOMBS,
    st.dictionaries(
        st.sampled_from(["pids.max", "pid_max", "memory"]), st.integers(0, 4_194_304), min_size=1
    ),
    st.integers(1, 100),
)
def test_its_course_is_short_and_ends_at_the_first_limit(
    bomb: ForkBomb, room: dict[str, int], tasks: int
) -> None:
    events = course(bomb, room, tasks=tasks, deadly=frozenset({"memory"}))
    assert 1 <= len(events) <= 25
    assert [each.after_s for each in events] == sorted(each.after_s for each in events)
    assert [each.tasks for each in events] == sorted(each.tasks for each in events)
    assert all(each.limit is None and not each.killed for each in events[:-1])
    last = events[-1]
    assert last.tasks == max(tasks, min(room.values()))
    assert room[str(last.limit)] == min(room.values())
    assert last.killed == (last.limit == "memory")
    assert last.after_s == bomb.time_to_s(tasks, last.tasks)


def test_exponential_on_cores_enough_and_a_line_when_they_are_full() -> None:
    alone = ForkBomb(10.0, cores=1e9)
    assert alone.time_to_s(1, 32768) == pytest.approx(math.log(32768) / 10)  # FACTS L44
    full = ForkBomb(10.0, cores=2.0)
    assert full.tasks_after(2.0, 5.0) == pytest.approx(2.0 + 10.0 * 2.0 * 5.0)
    assert full.time_to_s(1, 2) == pytest.approx(math.log(2) / 10)


def test_with_rivals_it_takes_what_its_number_weighs() -> None:
    assert ForkBomb(1.0, cores=4.0, rivals=96.0).cores_used(4.0) == pytest.approx(0.16)
    assert ForkBomb(1.0, cores=4.0, rivals=96.0).cores_used(9504.0) == pytest.approx(3.96)


def test_without_cpu_it_stands() -> None:
    assert ForkBomb(10.0, cores=0.0).tasks_after(5.0, 100.0) == 5.0
    assert course(ForkBomb(10.0, cores=0.0), {"pids.max": 100}, deadly=frozenset()) == []


def test_limits_of_a_container_come_from_its_tables() -> None:
    table = ProcessTable(pid_max=32768, threads_max=100_000, system_tasks=400)
    container = PidGroup("c", limit=1000)
    memory = Memory(10**6)
    group = memory.add_group("c", limit_pages=10_000)
    room, limit, _ = table.room(container)
    rooms = {str(limit): room, "memory": tasks_of_memory(10_000 - group.charged_pages, 12)}
    assert first_limit(rooms) == ("memory", 833)
    # As many processes as the pages are enough for do start, and the next one meets the killer.
    for n in range(833):
        process, outcome = memory.start(group, namespace=1, kernel_pages=12)
        assert process is not None, n
        assert not outcome.kills
    assert memory.start(group, namespace=1, kernel_pages=12)[1].kills
