"""Physical truth of the minions: what each really runs, and whether it is up.

With instant timing a bound pod runs at once (``bind``), a crash is known to the master at the same instant, and the
pods that ran there are lost (``crash``). Otherwise kubelets decide (models.control.kubelet): they take a pod, begin it,
and let it leave; a crash only halts what runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import add, sub

from models.api import records
from models.api.protocols import Master
from models.api.types import MinionAsk, Phase, Pod, PodTemplate, ResourceTable
from models.cluster.allocatable import allocatable_of
from models.machines.ledger import Ledger
from models.machines.podusages import PodUsages
from models.machines.usages import Usages
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.series import SeriesBook

__all__ = ["Fleet"]

_FAILED, _SUCCEEDED = Phase.FAILED, Phase.SUCCEEDED


class Fleet:
    """Every minion's truth, and the sums that the series show.

    Args:
        minions: The minions, in order of index.
        identities: Their identities, in the same order.
        templates: The run's templates, for stranded capacity; grows while the run goes on.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        series: SeriesBook,
        store: Master,
        minions: Sequence[MinionAsk],
        identities: Sequence[int],
        resources: ResourceTable,
        templates: Sequence[PodTemplate],
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._store = store
        self._identities = identities
        self._allocatable = [allocatable_of(m, resources) for m in minions]
        # What is left by kubelets' admissions; with instant timing nobody asks.
        self._free: list[Sequence[int]] = list(self._allocatable)
        self._admits = False
        self.up = [minion.ready for minion in minions]
        self.crashed = [0] * len(minions)
        self._pods: list[dict[int, Pod]] = [{} for _ in minions]
        self._halted: dict[int, set[int]] = {}
        self._words = resources.names
        self._ledger = Ledger(
            engine=engine,
            series=series,
            resources=resources,
            allocatable=self._allocatable,
            up=self.up,
            templates=templates,
        )
        self._end = self._ended
        self._uses: PodUsages | None = None

    def follow(self, usages: Usages, identities: Identities) -> PodUsages:
        """Follow what pods use that say so themselves; returns where that is done."""
        self._uses = PodUsages(
            engine=self._engine,
            journal=self._journal,
            identities=identities,
            usages=usages,
            identity=self.identity,
            done=self._ended,
        )
        return self._uses

    def identity(self, index: int) -> int:
        """Return the identity of a minion."""
        return self._identities[index]

    def admit(self, pod: Pod) -> str | None:
        """Give a pod its room on its minion, or return the resource of which there is too little, as in OutOfcpu."""
        index = pod.minion
        free = list(map(sub, self._free[index], pod.template.need))
        if min(free) < 0:
            words = (word for word, left in zip(self._words, free, strict=True) if left < 0)
            return next(words).removesuffix("_millicores").removesuffix("_bytes").removesuffix("_milli")
        self._pods[index][pod.arrival] = pod
        self._admits = True
        self._free[index] = free
        self._ledger.comes(index, pod.template)
        if self._uses is not None:
            self._uses.comes(pod, begins=False)
        return None

    def rest(self, pod: Pod) -> None:
        """Let a pod that has room not run: it had stopped before the run began."""
        self._halted.setdefault(pod.minion, set()).add(pod.arrival)

    def has(self, pod: Pod) -> bool:
        """Whether a pod has room on its minion."""
        return pod.minion >= 0 and pod.arrival in self._pods[pod.minion]

    def runs(self, pod: Pod) -> bool:
        """Whether a pod has room on its minion and was not stopped by a crash."""
        minion = pod.minion
        if minion < 0 or pod.arrival not in self._pods[minion]:
            return False
        return not (self._halted and pod.arrival in self._halted.get(minion, ()))

    def begin(self, pod: Pod) -> None:
        """Run a pod (again)."""
        if self._halted:
            self._halted.get(pod.minion, set()).discard(pod.arrival)
        if self._uses is not None:
            self._uses.begin(pod)

    def interrupt(self, pod: Pod, reason: str) -> None:
        """Let a pod's containers stop; it keeps its room until it begins again or leaves."""
        self._halted.setdefault(pod.minion, set()).add(pod.arrival)
        if self._uses is not None:
            self._uses.end(pod)
        self._stopped(pod, reason)

    def leave(self, pod: Pod, reason: str | None = None) -> None:
        """Let a pod leave its room; ``reason`` is for a record that it stopped by that, as when it was killed."""
        index = pod.minion
        if reason is not None and self.runs(pod):
            self._stopped(pod, reason)
        del self._pods[index][pod.arrival]
        if self._halted:
            self._halted.get(index, set()).discard(pod.arrival)
        if self._uses is not None:
            self._uses.goes(pod)
        self._free[index] = list(map(add, self._free[index], pod.template.need))
        self._ledger.goes(index, pod.template)

    def _stopped(self, pod: Pod, reason: str) -> None:
        self._journal.write(
            records.POD_STOPPED,
            pod.identity,
            minion=self._identities[pod.minion],
            owner=pod.owner,
            cause=pod.cause,
            reason=reason,
        )

    def pods(self, index: int) -> list[Pod]:
        """Return the pods that have room on a minion."""
        return list(self._pods[index].values())

    def halt(self, index: int, owner: int, repair_s: float, cause: int, reason: str | None = None) -> None:
        """Take a minion down and all that runs there with it; the master is told nothing. No reason: a crash."""
        assert self.up[index], "only a minion that is up can crash"
        minion = self._identities[index]
        planned = repair_s if repair_s < math.inf else math.nan
        self._engine.cause = self._journal.write(
            records.MINION_CRASHED,
            minion,
            minion=minion,
            owner=owner,
            cause=cause,
            value=planned,
            reason=reason,
        )
        self.crashed[index] += 1
        halted = self._halted.get(index, ())
        for pod in self._pods[index].values():
            if pod.arrival not in halted:
                if self._uses is not None:
                    self._uses.end(pod)
                self._stopped(pod, reason or "MinionCrashed")
        self._halted[index] = set(self._pods[index])
        self._ledger.falls(index)
        self.up[index] = False

    def rise(self, index: int, owner: int, cause: int) -> None:
        """Bring a minion back with what had room there, not running yet."""
        assert not self.up[index], "only a minion that is down can be repaired"
        minion = self._identities[index]
        self._engine.cause = self._journal.write(
            records.MINION_REPAIRED, minion, minion=minion, owner=owner, cause=cause
        )
        self.up[index] = True
        self._ledger.rises(index)

    def bind(self, pod: Pod, minion: int, devices: tuple[int, ...], actor: int, cause: int) -> str | None:
        """Bind a pod and run it at once; its end is known and stamped now.

        Returns:
            Nothing, or why the master refused.
        """
        refused = self._store.bind_running(pod, minion, devices, actor, cause)
        if refused is not None:
            return refused
        self._pods[minion][pod.arrival] = pod
        self._ledger.comes(minion, pod.template)
        life_s = pod.ask.life_s
        if life_s < math.inf:
            self._engine.at_cell(self._env._now + life_s, TRUTH, self._end, pod, pod.cause)
        if self._uses is not None:
            self._uses.comes(pod, begins=True)
        return None

    def _ended(self, pod: Pod) -> None:
        if self._uses is not None:
            self._uses.goes(pod)
        del self._pods[pod.minion][pod.arrival]
        self._ledger.goes(pod.minion, pod.template)
        phase, reason = (_FAILED, "Error") if pod.ask.fails else (_SUCCEEDED, "Completed")
        self._store.end(pod, phase, cause=pod.cause, reason=reason)

    def crash(self, index: int, owner: int, repair_s: float, cause: int) -> None:
        """Take a minion down; what ran there is lost."""
        assert self.up[index], "only a minion that is up can crash"
        minion = self._identities[index]
        planned = repair_s if repair_s < math.inf else math.nan
        seq = self._journal.write(
            records.MINION_CRASHED, minion, minion=minion, owner=owner, cause=cause, value=planned
        )
        self.crashed[index] += 1
        self._store.minion_gone(index, ready=False, seq=seq)
        pods = list(self._pods[index].values())
        self._pods[index].clear()
        for pod in pods:
            if self._uses is not None:
                self._uses.goes(pod)
            self._ledger.goes(index, pod.template)
            self._store.end(pod, Phase.LOST, cause=seq, reason="MinionLost")
        self._ledger.falls(index)
        self.up[index] = False

    def repair(self, index: int, owner: int, cause: int) -> None:
        """Bring a minion back, empty."""
        assert not self.up[index], "only a minion that is down can be repaired"
        minion = self._identities[index]
        seq = self._journal.write(records.MINION_REPAIRED, minion, minion=minion, owner=owner, cause=cause)
        self.up[index] = True
        self._ledger.rises(index)
        self._store.minion_gone(index, ready=True, seq=seq)

    def overcommitted(self) -> str | None:
        """State that no minion runs more than is allocatable."""
        free = self._ledger.free()
        if free.min(initial=0) >= 0:
            return None
        index = int((free < 0).any(axis=1).argmax())
        return f"minion {index} has {free[index].tolist()} left"

    def adds_up(self) -> str | None:
        """State that free, computed afresh from the pods that have room, is what the moves left."""
        free = self._ledger.free().tolist()
        for index, pods in enumerate(self._pods):
            fresh = list(self._allocatable[index])
            for pod in pods.values():
                fresh = list(map(sub, fresh, pod.template.need))
            if fresh != free[index]:
                return f"minion {index} has {free[index]} left by moves, {fresh} by its pods"
            if self._admits and fresh != list(self._free[index]):
                return f"minion {index} has {self._free[index]} left by admissions, {fresh} by its pods"
        return None
