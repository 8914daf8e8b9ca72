"""One pod's containers: restarts and their back-off, probes that kill, order of starts, grace, crashes."""

from __future__ import annotations

import itertools
import math

import pytest

from models.control.containers.run import Happened
from models.control.containers.status import status_of
from tests.support.containers import Told, container, pod_run, probe, told

EXITED, STARTED, HELD = Happened.EXITED, Happened.STARTED, Happened.HELD_BACK


def waits(found: Told, index: int = 0) -> list[float]:
    """From each end of a container to its next start."""
    return [
        start_s - end_s
        for end_s, start_s in zip(found.times(EXITED, index), found.times(STARTED, index)[1:], strict=False)
    ]


def test_a_crash_loop_restarts_at_the_documented_times() -> None:
    """FACTS K29: at once, then 10, 20, 40, 80, 160 s, then every 300 s."""
    found = told(pod_run(container("app", runs_s=1.0, code=1)), 2000.0)
    assert waits(found)[:10] == [0, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert found.times(STARTED)[:6] == [0, 1, 12, 33, 74, 155]


def test_a_container_that_crashes_every_10_s_restarts_ten_times_in_half_an_hour() -> None:
    """FACTS K30 (KEP-4603 l.551): about ten in the first 30 minutes, four of them in the first five."""
    found = told(pod_run(container("app", runs_s=10.0, code=1)), 1800.0)
    restarts = found.times(STARTED)[1:]
    assert len(restarts) == 10
    assert len([time_s for time_s in restarts if time_s < 300]) == 5


@pytest.mark.parametrize(("runs_s", "expected"), [(599.0, [0, 10, 20, 40]), (600.5, [0, 0, 0, 0])])
def test_a_container_that_ran_for_ten_minutes_begins_anew(runs_s: float, expected: list[float]) -> None:
    assert waits(told(pod_run(container("app", runs_s=runs_s, code=1)), 3000.0))[:4] == expected


def test_only_the_container_that_died_is_restarted() -> None:
    found = told(pod_run(container("app"), container("log", runs_s=5.0)), 100.0)
    assert (found.times(STARTED, 0), found.times(STARTED, 1)) == ([0], [0, 5, 20, 45, 90])
    ready = [(time_s, status.ready) for time_s, status in found.statuses]
    assert ready == [(0, True), (5, True), (10, False), (20, True), (25, False), (45, True), (50, False), (90, True), (95, False)]  # fmt: skip
    assert [each.restarts for each in found.statuses[-1][1].containers] == [0, 4]


@pytest.mark.parametrize(
    ("policy", "code", "starts", "phase"),
    [
        ("Always", 0, 3, "Running"),
        ("Always", 1, 3, "Running"),
        ("OnFailure", 0, 1, "Succeeded"),
        ("OnFailure", 3, 3, "Running"),
        ("Never", 0, 1, "Succeeded"),
        ("Never", 2, 1, "Failed"),
    ],
)
def test_restart_policies(policy: str, code: int, starts: int, phase: str) -> None:
    found = told(pod_run(container("app", runs_s=5.0, code=code), policy=policy), 21.0)
    assert (len(found.times(STARTED)), found.statuses[-1][1].phase) == (starts, phase)


def test_a_pod_that_never_restarts_fails_when_its_last_container_has_ended() -> None:
    containers = container("a", runs_s=5.0, code=1), container("b", runs_s=9.0)
    found = told(pod_run(*containers, policy="Never"), 100.0)
    assert [(t, s.phase) for t, s in found.statuses] == [(0, "Running"), (5, "Running"), (9, "Failed")]


def test_an_init_container_that_fails_holds_the_pod_back_or_fails_it() -> None:
    init = (container("migrate", runs_s=2.0, code=1),)
    found = told(pod_run(container("app"), init=init), 100.0)
    assert (found.times(STARTED, 0), found.times(STARTED, 1)) == ([0, 2, 14, 36, 78], [])
    assert {status.phase for _, status in found.statuses} == {"Pending"}
    assert found.statuses[-1][1].init_containers[0].reason == "CrashLoopBackOff"
    found = told(pod_run(container("app"), init=init, policy="Never"), 100.0)
    assert (found.times(STARTED, 0), found.statuses[-1][1].phase) == ([0], "Failed")


def test_a_hang_kills_within_the_documented_time() -> None:
    """FACTS K40: 20 to 31 s after the hang, over all phases of the probe."""
    delays = []
    for phase in range(100):
        base_s = phase / 10.0
        app = container("app", stops_s=0.0, slow_from=60.0, probes={"liveness": probe()})
        found = told(pod_run(app, base_s=lambda container, place, base_s=base_s: base_s), 100.0)  # type: ignore[misc]
        delays += [time_s - 60.0 for time_s in found.times(EXITED)]
    assert len(delays) == 100
    assert (min(delays), max(delays)) == (pytest.approx(21.0), pytest.approx(30.9))


def test_a_slow_answer_fails_only_at_its_timeout() -> None:
    quick = container("app", slow_from=60.0, takes_s=0.9, probes={"liveness": probe()})
    assert told(pod_run(quick), 3600.0).times(EXITED) == []
    late = container("app", slow_from=60.0, takes_s=1.0, probes={"liveness": probe()})
    assert told(pod_run(late), 100.0).times(EXITED) == [81.0]


def test_a_start_up_probe_keeps_the_others_quiet_until_it_passes() -> None:
    probes = {
        "startup": probe(period_s=5.0, failure_count=30),
        "liveness": probe(period_s=1.0, failure_count=1),
        "readiness": probe(period_s=3.0),
    }
    found = told(pod_run(container("app", healthy_from=42.0, probes=probes)), 300.0)
    assert found.times(EXITED) == []
    passed = [(time_s, each[3]) for time_s, each in found.happened if each[0] is Happened.PROBE_PASSED]
    assert passed == [(45.0, "Startup"), (45.0, "Readiness")]
    # It takes its time to start at most failureThreshold x period.
    found = told(pod_run(container("app", healthy_from=200.0, probes=probes)), 160.0)
    assert found.times(EXITED) == [145.0]


def test_ready_when_all_are_and_after_as_many_passes_as_asked_for() -> None:
    slow = container("a", probes={"readiness": probe(success_count=3, initial_delay_s=15.0)})
    found = told(pod_run(slow, container("b")), 100.0)
    assert [(t, s.ready) for t, s in found.statuses] == [(0, False), (40, True)]


def test_init_containers_run_one_by_one_and_the_others_in_turn() -> None:
    init = container("i", runs_s=3.0), container("j", runs_s=4.0)
    main = container("a", start_s=1.0), container("b", start_s=2.0)
    found = told(pod_run(*main, init=init), 100.0)
    assert [found.times(STARTED, i) for i in range(4)] == [[0], [3], [8], [10]]


@pytest.mark.parametrize(
    ("stops_s", "pre_stop_s", "grace_s", "gone_s", "code"),
    [
        (1.0, 0.0, 30.0, 1.0, 143),
        (1.0, 5.0, 30.0, 6.0, 143),
        (100.0, 5.0, 30.0, 30.0, 137),
        (100.0, 50.0, 30.0, 32.0, 137),  # the hook takes it all: 2 s are left for SIGTERM
        (1.0, 50.0, 30.0, 31.0, 143),
        (1.0, 5.0, 0.0, 1.0, 143),
    ],
)
def test_graceful_termination(
    stops_s: float, pre_stop_s: float, grace_s: float, gone_s: float, code: int
) -> None:
    run = pod_run(container("app", stops_s=stops_s, pre_stop_s=pre_stop_s), container("b", stops_s=0.5))
    found = told(run, 100.0)
    found.add(100.0, run.terminate(100.0, grace_s))
    found.until(1000.0)
    assert found.times(EXITED) == [100.0 + gone_s]
    assert found.times(EXITED, 1) == [100.5]
    assert not run.running
    assert status_of(run).containers[0].exit_code == code


def test_no_probe_shortens_the_grace_of_a_deletion() -> None:
    run = pod_run(container("app", stops_s=100.0, slow_from=10.0, probes={"liveness": probe()}))
    found = told(run, 15.0)
    found.add(15.0, run.terminate(15.0, 60.0))
    found.until(1000.0)
    assert found.times(EXITED) == [75.0]
    assert found.times(Happened.PROBE_FAILED) == []


def test_what_is_terminated_does_not_start_again() -> None:
    run = pod_run(container("app", runs_s=5.0, code=1))
    found = told(run, 12.0)
    found.add(12.0, run.terminate(12.0, 30.0))
    assert (run.next_s, run.running, found.times(STARTED)) == (float("inf"), False, [0, 5])


def test_a_container_that_ends_while_it_is_stopped_ends_with_its_own_code() -> None:
    run = pod_run(container("app", runs_s=10.0, code=7, stops_s=20.0))
    found = told(run, 8.0)
    found.add(8.0, run.terminate(8.0, 30.0))
    found.until(100.0)
    assert (found.times(EXITED), status_of(run).containers[0].exit_code) == ([10.0], 7)


@pytest.mark.parametrize(
    ("policy", "starts", "phase"),
    [("Always", [[0, 50], [2, 52], [2, 52]], "Running"), ("OnFailure", [[0, 50], [2, 52], [2]], "Running"), ("Never", [[0], [2], [2]], "Failed")],
)  # fmt: skip
def test_after_a_crash_of_its_minion_a_pod_begins_anew(
    policy: str, starts: list[list[float]], phase: str
) -> None:
    init = (container("i", runs_s=2.0),)
    run = pod_run(container("a"), container("b", runs_s=10.0), init=init, policy=policy)
    found = told(run, 11.0 if policy == "Always" else 40.0)
    run.halt(40.0)
    assert (run.next_s, run.running) == (float("inf"), False)
    found.add(50.0, run.reboot(50.0))
    found.until(55.0)
    assert [found.times(STARTED, i) for i in range(3)] == starts
    assert found.statuses[-1][1].phase == phase


def test_the_back_off_of_images_begins_with_ten_seconds() -> None:
    """FACTS K32."""
    run = pod_run(container("app", image="shop/web:1"), container("b"), pulls=True)
    found = told(run, 1.0)
    assert found.times(Happened.WANTS_IMAGE) == [0]
    time_s, waited = 0.0, []
    for _ in range(8):
        found.add(time_s, run.pulled(0, time_s, failed="ImagePullBackOff"))
        waited.append(run.next_s - time_s)
        time_s = run.next_s
        found.until(time_s + 0.001)
        assert run.next_s == float("inf")
    assert waited == [10, 20, 40, 80, 160, 300, 300, 300]
    # The others start all the same, and this one when its image has come.
    assert found.times(STARTED, 1) == [0.0]
    found.add(time_s, run.pulled(0, time_s))
    assert found.times(STARTED, 0) == [time_s]


def test_a_fault_makes_all_containers_slow_for_a_while() -> None:
    app = container("app", stops_s=0.0, probes={"liveness": probe(), "readiness": probe(failure_count=1)})
    run = pod_run(app)
    found = told(run, 30.0)
    found.add(30.0, run.answer(30.0, (True, 3.0)))
    found.until(45.0)
    assert [(t, s.ready) for t, s in found.statuses] == [(0, True), (31, False)]
    found.add(45.0, run.answer(45.0, None))
    found.until(1000.0)
    assert (found.times(EXITED), status_of(run).ready) == ([], True)
    found.add(1000.0, run.answer(1000.0, (False, 0.0)))
    found.until(1021.0)
    assert found.times(EXITED) == [1020.0]


def test_a_pod_refuses_whatever_its_probes_find() -> None:
    run = pod_run(container("app", probes={"readiness": probe()}))
    found = told(run, 30.0)
    found.add(30.0, run.refuse(30.0, refuses=True))
    found.add(60.0, run.refuse(60.0, refuses=False))
    assert [(t, s.ready) for t, s in found.statuses] == [(0, True), (30, False), (60, True)]
    assert list(itertools.chain(found.times(EXITED))) == []


def test_who_is_evicted_ends_for_good_whatever_was_still_to_come() -> None:
    """One runs, one is held back, one has yet to be begun with; nothing starts again, nothing is pulled."""
    init = (container("first", runs_s=100.0),)
    waiting = pod_run(container("app"), container("other"), init=init, pulls=True)
    found = told(waiting, 50.0)
    found.add(50.0, waiting.evict(50.0))
    assert [(each[1], each[2], each[3]) for _, each in found.happened if each[0] is EXITED] == [
        (0, 137, "Evicted")
    ]
    looping = pod_run(container("app", runs_s=1.0, code=1), container("other"))
    found = told(looping, 5.0)
    assert found.happened[-1][1][0] is HELD
    found.add(5.0, looping.evict(5.0))
    ended = [each for time_s, each in found.happened if time_s == 5.0]
    assert [(what, index, code) for what, index, code, *_ in ended] == [(EXITED, 1, 137)]
    for run in (waiting, looping):
        assert run.next_s == math.inf
        assert not run.running
        status = status_of(run)
        assert (status.phase, status.reason, status.ready) == ("Failed", "Evicted", False)


def test_a_child_that_was_killed_shows_at_the_end_of_that_start_and_not_of_the_next() -> None:
    run = pod_run(container("app", runs_s=10.0, code=0))
    found = told(run, 5.0)
    run.hurt(0)
    found.until(25.0)
    assert [each[3] for _, each in found.happened if each[0] is EXITED] == ["OOMKilled", "Completed"]
    assert [each[2] for _, each in found.happened if each[0] is EXITED] == [0, 0]
