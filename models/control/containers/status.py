"""A pod's phase, conditions and reasons, from what its containers do: as the kubelet of v1.20 writes them.

Sources: getPhase() and convertToAPIContainerStatuses() of k/k:pkg/kubelet/kubelet_pods.go, generate.go of
pkg/kubelet/status, and UpdatePodStatus() of pkg/kubelet/prober/prober_manager.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from models.api.status import EVICTED, OOM_KILLED, ContainerStatus, PodStatus
from models.control.containers.container import Word
from models.control.containers.run import PodRun

__all__ = ["phase_of", "status_of"]


class _State(NamedTuple):
    """What of a container its status follows from."""

    word: int
    exit_code: int
    restarts: int
    ready: bool
    started: bool
    ran: bool
    pull_reason: str
    oom_killed: bool


def status_of(run: PodRun) -> PodStatus:
    """Return what a kubelet tells the master of a pod; equal ones are mostly one object."""
    # HOT: of thousands of pods that start alike each is asked several times.
    plan = run.plan
    states = [
        (
            +each.word,
            each.exit_code,
            each.restarts,
            each.ready,
            each.started,
            each.ran,
            each.pull_reason,
            each.oom_killed,
        )
        for each in run.containers
    ]
    return _status(plan.init_count, plan.policy, run.refuses, tuple(states), evicted=run.evicted)


@lru_cache(maxsize=4096)
def _status(
    init: int, policy: str, refuses: bool, given: tuple[tuple[Any, ...], ...], *, evicted: bool
) -> PodStatus:
    creating = "PodInitializing" if init else "ContainerCreating"
    states = [_State(*each) for each in given]
    first = tuple([_container(each, creating, is_init=True) for each in states[:init]])
    main = tuple([_container(each, creating, is_init=False) for each in states[init:]])
    phase = phase_of(first, main, policy)
    if evicted:  # the manager writes a status of its own: phase, reason and message
        return PodStatus("Failed", False, False, False, first, main, EVICTED)
    ended = phase == "Succeeded"
    containers_ready = not ended and all(each.ready for each in main)
    return PodStatus(
        phase,
        ended or all(each.ready for each in first),
        containers_ready,
        containers_ready and not refuses and all(each.ready for each in states[init:]),
        first,
        main,
    )


def _container(each: _State, creating: str, *, is_init: bool) -> ContainerStatus:
    code = each.exit_code if each.exit_code >= 0 else None
    if each.word in (Word.RUNNING, Word.STOPPING):
        ready, started = each.ready and not is_init, each.started and not is_init
        return ContainerStatus("running", "", code, each.restarts, ready, started)
    if each.word in (Word.HELD_BACK, Word.HELD_BACK_PULL):
        reason = "CrashLoopBackOff" if each.word == Word.HELD_BACK else each.pull_reason
        return ContainerStatus("waiting", reason, code, each.restarts, False, False)
    if not each.ran:
        return ContainerStatus("waiting", creating, code, each.restarts, False, False)
    reason = OOM_KILLED if each.oom_killed else "Error" if code else "Completed"
    return ContainerStatus("terminated", reason, code, each.restarts, is_init and code == 0, False)


def phase_of(init: Sequence[ContainerStatus], main: Sequence[ContainerStatus], policy: str) -> str:
    """Return a pod's phase, given its containers and its restart policy."""
    pending = failed = running = waiting = stopped = succeeded = 0
    for each in init:
        if each.state == "terminated" or (each.state == "waiting" and each.exit_code is not None):
            failed += each.exit_code != 0
        else:
            pending += 1
    for each in main:
        if each.state == "running":
            running += 1
        elif each.state == "terminated":
            stopped += 1
            succeeded += each.exit_code == 0
        elif each.exit_code is not None:
            stopped += 1
        else:
            waiting += 1
    if failed and policy == "Never":
        return "Failed"
    if pending or waiting:
        return "Pending"
    if running:
        return "Running"
    if policy == "Always":
        return "Running"
    if stopped == succeeded:
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"
