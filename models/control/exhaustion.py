"""Minions on which no process can be started: what their kubelets cannot do, and how the master comes to know.

Containers and sandboxes are not started, execs fail, nothing is killed (runc, which does all that, is a process): what
was to be done is done when there are processes again. Kubelet and container engine go on with those that they have,
and so does the lease: the minion stays Ready. But the pod lifecycle event generator relists no more, and once its last
relist is 3 min old (FACTS K26) the next status of the minion, every 10 s (K1), says Ready=False; the first one after a
relist says Ready=True again.

Simplified: that the engine's daemons may die of it themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from models.api import records
from models.api.types import Pod
from models.control.kubeletcalls import KubeletCalls
from models.control.store import Store
from models.kernel.nodeeviction import next_pass_s
from models.machines.fleet import Fleet
from sim.engine import TRUTH, Deadline, Engine
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["Exhaustion"]


class _Minion:
    """One minion without processes to start.

    Attributes:
        seq: Seq of the record that says so.
        waits: What is done when that is over.
    """

    __slots__ = ("seq", "waits")

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.waits: list[Callable[[], None]] = []


class Exhaustion:
    """The kubelets of all minions.

    Args:
        groups: By minion, (pool, index): names of its draws.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        streams: Streams,
        store: Store,
        fleet: Fleet,
        calls: KubeletCalls,
        groups: Sequence[tuple[str, int]],
        constants: Mapping[str, float],
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._store = store
        self._fleet = fleet
        self._calls = calls
        self._groups = groups
        self._relist_s = constants["pleg_relist_period_s"]
        self._old_s = constants["pleg_unhealthy_s"]
        self._status_s = constants["node_status_update_period_s"]
        self._relists = streams.stream("kubelet.relist_phase")
        self._statuses = streams.stream("kubelet.status_phase")
        self._minions: dict[int, _Minion] = {}
        self._deadlines: dict[int, Deadline] = {}

    def seq(self, minion: int) -> int:
        """Return seq of the record that no process can be started on a minion; -1: it can."""
        found = self._minions.get(minion)
        return -1 if found is None else found.seq

    def holds(self, pod: Pod, verb: Callable[[Pod], None], *, starts: bool = False) -> bool:
        """Whether what is to be done with a pod has to wait: it is done then, if the pod is still meant to."""
        found = self._minions.get(pod.minion)
        if found is None:
            return False
        generation = pod.generation

        def later() -> None:
            if pod.generation == generation and self._fleet.has(pod):
                verb(pod)

        found.waits.append(later)
        if starts:
            self._journal.write(
                records.FORK_REFUSED,
                pod.identity,
                minion=self._fleet.identity(pod.minion),
                owner=pod.owner,
                cause=found.seq,
                value=0.0,
                reason="EAGAIN: FailedCreatePodSandBox",
            )
        return True

    def begin(self, minion: int, seq: int) -> None:
        """Note that no process can be started on a minion any more, as a record says."""
        self._minions[minion] = _Minion(seq)
        next_s = self._next_relist_s(minion)
        last_s = next_s - self._relist_s if next_s > self._env._now else next_s
        self._report(minion, last_s + self._old_s, ready=False, seq=seq)

    def end(self, minion: int, seq: int) -> None:
        """Note that processes can be started again; what had to wait is done."""
        found = self._minions.pop(minion, None)
        if found is None:
            return
        self._report(minion, self._next_relist_s(minion), ready=True, seq=seq)
        for verb in found.waits:
            verb()

    def down(self, minion: int) -> None:
        """Forget a minion: it crashed."""
        self._minions.pop(minion, None)
        if minion in self._deadlines:
            self._deadlines.pop(minion).clear()

    def back(self, minion: int) -> None:
        """Say that a minion is ready, where the master has from before a crash that it is not."""
        if self._store.minions[minion].broken and minion not in self._minions:
            self._store.minion_condition(minion, ready=True, cause=self._engine.cause)

    def _next_relist_s(self, minion: int) -> float:
        phase_s = self._relists.at(*self._groups[minion]) * self._relist_s
        return next_pass_s(phase_s, self._env._now, self._relist_s)

    def _report(self, minion: int, from_s: float, *, ready: bool, seq: int) -> None:
        """Let the first status from a time on tell, if nothing else has come between."""
        phase_s = self._statuses.at(*self._groups[minion]) * self._status_s
        deadline = self._deadlines.get(minion)
        if deadline is not None:
            deadline.clear()
        tell = partial(self._tell, minion, ready=ready, seq=seq)
        deadline = self._deadlines[minion] = Deadline(
            self._engine, TRUTH, partial(self._calls.say, minion, tell)
        )
        deadline.set(next_pass_s(phase_s, from_s, self._status_s), cause=seq)

    def _tell(self, minion: int, *, ready: bool, seq: int) -> None:
        """Enter what a minion says of itself, where the master does not have it already."""
        entry = self._store.minions[minion]
        if entry.ready is not ready:
            self._store.minion_condition(minion, ready=ready, cause=seq, broken="PLEG is not healthy")
