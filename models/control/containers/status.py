"""A pod's phase, conditions and reasons, from what its containers do: as the kubelet of v1.20 writes them.

Sources: getPhase() and convertToAPIContainerStatuses() of k/k:pkg/kubelet/kubelet_pods.go, generate.go of
pkg/kubelet/status, and UpdatePodStatus() of pkg/kubelet/prober/prober_manager.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.api.status import ContainerStatus, PodStatus
from models.control.containers.container import ContainerRun, Word
from models.control.containers.run import PodRun

__all__ = ["phase_of", "status_of"]


def status_of(run: PodRun) -> PodStatus:
    """Return what a kubelet tells the master of a pod."""
    init = run.plan.init_count
    creating = "PodInitializing" if init else "ContainerCreating"
    first = tuple([_container(each, creating, is_init=True) for each in run.containers[:init]])
    main = tuple([_container(each, creating, is_init=False) for each in run.containers[init:]])
    phase = phase_of(first, main, run.plan.policy)
    ended = phase == "Succeeded"
    containers_ready = not ended and all(each.ready for each in main)
    return PodStatus(
        phase,
        ended or all(each.ready for each in first),
        containers_ready,
        containers_ready and run.ready,
        first,
        main,
    )


def _container(each: ContainerRun, creating: str, *, is_init: bool) -> ContainerStatus:
    code = each.exit_code if each.exit_code >= 0 else None
    if each.runs:
        ready, started = each.ready and not is_init, each.started and not is_init
        return ContainerStatus("running", "", code, each.restarts, ready, started)
    if each.word is Word.HELD_BACK or each.word is Word.HELD_BACK_PULL:
        reason = "CrashLoopBackOff" if each.word is Word.HELD_BACK else each.pull_reason
        return ContainerStatus("waiting", reason, code, each.restarts, False, False)
    if not each.ran:
        return ContainerStatus("waiting", creating, code, each.restarts, False, False)
    reason = "Error" if code else "Completed"
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
