"""The simulated control plane against recordings of a real one; and that this comparison can fail."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.verify.control import replay as replaying
from experiments.verify.control.command import verify_control
from experiments.verify.control.recording import Recording
from experiments.verify.control.replay import replay
from models.api.constants import constants_for
from models.api.types import TERMINATING, Pod
from models.control.kubequeue import KubeQueue
from models.control.kubescheduler import KubeScheduler
from models.control.lifecycle import MinionLifecycle
from models.control.log import Op
from models.control.replicationbelief import ReplicationBelief

Change = Callable[[Recording], Recording]
Patch = Callable[[pytest.MonkeyPatch], None]


def same(recording: Recording) -> Recording:
    return recording


def verified(folder: Path, names: tuple[str, ...], seeds: int, change: Change = same) -> tuple[int, str]:
    """Return the exit status of verify and what it printed; the recording is changed for the replay only."""
    files = [folder / "behaviour" / f"{name}.json" for name in names]
    screen = Console(file=io.StringIO(), width=160)
    status = verify_control(
        files,
        seeds=seeds,
        count_seeds=seeds,
        workers=1,
        console=screen,
        replay=lambda recording, seed: replay(change(recording), seed),
    )
    assert isinstance(screen.file, io.StringIO)
    return status, screen.file.getvalue()


def constant(**values: float) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            replaying, "constants_for", lambda version, given: constants_for(version, {**given, **values})
        )

    return patch


def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pass


def taint_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The NoExecute taint is asked for in the pass that says Unknown, not in the next."""
    over = MinionLifecycle._over

    def eager(self: MinionLifecycle, wrote: bool) -> None:
        for minion in self._unknown:
            if self._waits(minion):
                self._queues.add(self._zones[minion], minion)
        over(self, wrote)

    monkeypatch.setattr(MinionLifecycle, "_over", eager)


def asleep_to_deletions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller is not woken by the deletion of its pods."""
    concerns = ReplicationBelief.concerns

    def deaf(self: ReplicationBelief, op: Op, what: object, before: int, after: int) -> bool:
        if op is Op.POD_CHANGED and isinstance(what, Pod) and (before ^ after) & TERMINATING:
            return False
        return concerns(self, op, what, before, after)

    monkeypatch.setattr(ReplicationBelief, "concerns", deaf)


def later_toleration(recording: Recording) -> Recording:
    return dataclasses.replace(recording, toleration_s=recording.toleration_s + 10.0)


def later_ready(recording: Recording) -> Recording:
    kubelet = dataclasses.replace(recording.kubelet, ready_s=recording.kubelet.ready_s + 0.3)
    return dataclasses.replace(recording, kubelet=kubelet)


def preempts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KubeScheduler, "_make_room", lambda self, waiting, cause: ([], -1))


def leaves_no_room_for_the_nominated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KubeScheduler, "_fits_beside", lambda self, pod, minion: True)


def sleeps_through_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who backs off is not woken by the report of its own failure."""
    monkeypatch.setattr(KubeQueue, "update", lambda self, pod, now_s, *, changed: None)


def waits_for_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minion that came or changed moves nobody: who found no room waits for the flush after a minute."""
    monkeypatch.setattr(KubeQueue, "move_all", lambda self, now_s, cause: None)


DEATHS = ("one_minion_dies", "five_die", "zone_dead")
CREATIONS = ("create_and_scale", "five_die")
MUTATIONS: dict[str, tuple[Patch, Change, tuple[str, ...]]] = {
    "pass period": (constant(node_monitor_period_s=12), same, DEATHS),
    "grace": (constant(node_monitor_grace_s=55), same, DEATHS),
    "second pass before the taint": (taint_at_once, same, DEATHS),
    "eviction rate": (constant(eviction_rate_per_s=0.2), same, DEATHS),
    "burst": (constant(controller_client_burst_count=60), same, CREATIONS),
    "slow start": (constant(replication_slow_start_count=500), same, CREATIONS),
    "client rate": (constant(controller_client_rate_per_s=30), same, CREATIONS),
    "toleration": (nothing, later_toleration, ("one_minion_dies",)),
    "ready delay": (nothing, later_ready, ("create_and_scale", "cordon")),
    "back-off": (constant(pod_backoff_initial_s=3), same, ("preempt",)),
    "preemption": (preempts_nobody, same, ("preempt",)),
    "nominated pods": (leaves_no_room_for_the_nominated, same, ("preempt",)),
    "reports of failures": (sleeps_through_reports, same, ("preempt",)),
    "what moves the unschedulable": (waits_for_no_change, same, ("unschedulable_then_room",)),
    "what wakes whom": (asleep_to_deletions, same, ("pods_killed",)),
}
QUICK = (
    "toleration",
    "client rate",
    "what wakes whom",
    "back-off",
    "preemption",
    "nominated pods",
    "reports of failures",
)


def test_a_death_and_a_scaling_agree_with_what_was_recorded(shared: Path) -> None:
    status, text = verified(shared, ("one_minion_dies", "create_and_scale", "pods_killed"), 25)
    print(text)
    assert status == 0, text


def test_preemption_and_room_that_comes_late_agree_with_what_was_recorded(shared: Path) -> None:
    status, text = verified(shared, ("preempt", "unschedulable_then_room"), 100)
    print(text)
    assert status == 0, text


@pytest.mark.parametrize("name", QUICK)
def test_a_wrong_rule_is_found(name: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, change, files = MUTATIONS[name]
    patch(monkeypatch)
    status, text = verified(shared, files[:1], 25, change)
    assert status == 1, text


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_every_wrong_constant_or_rule_is_found(
    name: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, change, files = MUTATIONS[name]
    patch(monkeypatch)
    status, text = verified(shared, files, 100, change)
    assert status == 1, text


@pytest.mark.long
def test_all_recordings_agree(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "behaviour").glob("*.json"))
    screen = Console(width=160)
    found: Any = verify_control(
        files, seeds=200, count_seeds=1000, workers=2, console=screen, out=tmp_path / "verified.json"
    )
    assert found == 0
