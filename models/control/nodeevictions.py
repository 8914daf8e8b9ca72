"""The eviction managers of all kubelets: who is driven from a minion that is low on memory, and what the master hears.

When something changes in what containers hold of a minion, the next pass that matters is worked out
(models/kernel/evictionpasses.py); a minion of which nobody says what they hold costs nothing. What a pass sees as low
is told by a record of the minion, caused by the start of the container that holds most more than it asked for; the
eviction follows from that. The pod is killed at once (FACTS K42), fails with reason Evicted, and its controller sees
to another. The condition MemoryPressure reaches the master with the next status of the minion, every 10 s (K1) at a
phase of its own; meanwhile the kubelet turns away pods of class BestEffort by itself (Admit() of
k/k:pkg/kubelet/eviction/eviction_manager.go, v1.20.2).

Simplified: a pod is cleaned up by the manager's first look, 1 s after; pods that say nothing of memory use none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from models.api import records
from models.api.qos import qos_class
from models.api.quantities import binary_quantity
from models.api.specs_taints import keeps_off
from models.api.types import CPU, MEMORY, Pod, PodTemplate
from models.control.burdens import Machines
from models.control.conditiontaints import PRESSURE
from models.control.kubeletcalls import KubeletCalls
from models.control.log import Op
from models.control.store import Store
from models.kernel.evictionpasses import EvictionPasses
from models.kernel.memorygroups import PAGE_BYTES
from models.kernel.nodeeviction import EvictablePod, Reading, Threshold, next_pass_s
from models.machines.fleet import Fleet
from models.machines.memorytasks import MemoryTask, held_bytes, reaches_s
from sim.engine import TRUTH, Deadline, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Stream, Streams

__all__ = ["NodeEvictions"]


class _Manager:
    """The manager of one minion.

    Attributes:
        low_s: From when on its memory is low, as things are.
        low: Seq of the last record that it is low.
        generation: Counts crashes.
    """

    __slots__ = ("deadline", "generation", "low", "low_s", "passes")

    def __init__(self, passes: EvictionPasses, deadline: Deadline, low_s: float) -> None:
        self.passes = passes
        self.deadline = deadline
        self.low_s = low_s
        self.low = -1
        self.generation = 0


class NodeEvictions:
    """The managers of all minions.

    Args:
        groups: By minion, (pool, index): names of its draws.
        evict: Called with (pod, seq of the record) to kill a pod for good.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        store: Store,
        fleet: Fleet,
        machines: Machines,
        calls: KubeletCalls,
        groups: Sequence[tuple[str, int]],
        constants: Mapping[str, float],
        evict: Callable[[Pod, int], None],
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._name = identities.text
        self._store = store
        self._fleet = fleet
        self._memories = machines.memories
        self._files = machines.files
        self._calls = calls
        self._groups = groups
        self._evict = evict
        self._threshold = Threshold(
            "memory.available", quantity=round(constants["eviction_hard_memory_bytes"])
        )
        self._period_s = constants["eviction_manager_period_s"]
        self._cleanup_s = constants["eviction_cleanup_look_s"]
        self._transition_s = constants["eviction_pressure_transition_s"]
        self._status_period_s = constants["node_status_update_period_s"]
        self._pass_phases = streams.stream("kubelet.eviction_phase")
        self._status_phases = streams.stream("kubelet.status_phase")
        self._managers: dict[int, _Manager] = {}
        if self._threshold.quantity:
            self._memories.on_change = self.changed

    # What the kubelet asks.

    def refuses(self, pod: Pod) -> bool:
        """Whether a pod is turned away as its minion is under pressure; else it is there at the next pass."""
        manager = self._managers.get(pod.minion)
        if manager is None or not manager.passes.pressed:
            return False
        if _is_best_effort(pod.template) and keeps_off((PRESSURE,), pod.template.tolerations):
            return True
        self._engine.soon(TRUTH, partial(self.changed, pod.minion))
        return False

    def down(self, minion: int) -> None:
        """Forget all: the minion crashed."""
        self._files.down(minion)
        manager = self._managers.pop(minion, None)
        if manager is not None:
            manager.generation += 1
            manager.deadline.clear()

    def back(self, minion: int) -> None:
        """Tell the master that there is no pressure where it still has that from before a crash."""
        if self._store.minions[minion].pressed and minion not in self._managers:
            self._press(minion, pressed=False, cause=self._engine.cause)

    # What it does.

    def changed(self, minion: int) -> None:
        """Work out the next pass: what is held of a minion has changed."""
        now_s, manager = self._env._now, self._managers.get(minion)
        low_s = reaches_s(self._memories.tasks(minion), self._level(minion) + 1, now_s)
        if manager is None:
            if low_s == math.inf:
                return
            manager = self._make(minion)
        manager.passes.slept(now_s, manager.low_s)
        self._arm(manager, low_s)

    def _level(self, minion: int) -> int:
        """Return what containers may hold of a minion at most, beside active file pages."""
        active = self._files.active_bytes(minion)
        return self._memories.free_bytes(minion) - self._threshold.quantity - active

    def _arm(self, manager: _Manager, low_s: float) -> None:
        manager.low_s = low_s
        manager.deadline.set(manager.passes.due_s(self._env._now, low_s), cause=manager.low)

    def _make(self, minion: int) -> _Manager:
        passes = EvictionPasses(
            self._phase_s(self._pass_phases, minion, self._period_s),
            threshold=self._threshold,
            period_s=self._period_s,
            cleanup_s=self._cleanup_s,
            transition_s=self._transition_s,
        )
        deadline = Deadline(self._engine, TRUTH, partial(self._pass, minion))
        manager = self._managers[minion] = _Manager(passes, deadline, math.inf)
        return manager

    def _phase_s(self, phases: Stream, minion: int, period_s: float) -> float:
        return phases.at(*self._groups[minion]) * period_s

    def _pass(self, minion: int) -> None:
        manager, now_s = self._managers[minion], self._env._now
        tasks, pods = self._memories.tasks(minion), self._fleet.pods(minion)
        was_pressed = manager.passes.pressed
        free = self._memories.free_bytes(minion)
        available = max(0, free - int(held_bytes(tasks, now_s)) - self._files.active_bytes(minion))
        held: dict[int, dict[int, float]] = {}
        for task in tasks:
            of_pod = held.setdefault(task.asker.pod, {})
            of_pod[task.kind.place] = of_pod.get(task.kind.place, 0.0) + task.at(now_s)
        ranked = {self._name(pod.identity): pod for pod in pods}
        evictable = [self._evictable(name, pod, held.get(pod.arrival, {})) for name, pod in ranked.items()]
        passed = manager.passes.make(now_s, Reading(available, free), evictable)
        if passed.eviction is not None or manager.passes.pressed > was_pressed:
            manager.low = self._write_low(minion, tasks, available)
        if manager.passes.pressed is not was_pressed:
            self._report(minion, manager)
        if passed.eviction is not None:
            pod = ranked[passed.eviction.pod.name]
            self._evict(pod, self._write_evicted(pod, held.get(pod.arrival, {}), manager.low))
        self._arm(manager, reaches_s(self._memories.tasks(minion), self._level(minion) + 1, now_s))

    def _write_low(self, minion: int, tasks: Sequence[MemoryTask], available: int) -> int:
        """Record that a minion is low on memory, and by whom; returns the record's seq."""
        now_s, cause, why = self._env._now, -1, None
        if tasks:
            most = max(tasks, key=lambda each: each.at(now_s) - each.kind.memory_request_bytes)
            over = (most.at(now_s) - most.kind.memory_request_bytes) / 2**20
            did = "leaked" if most.grows_per_s > 0.0 else "held"
            cause, why = (
                most.asker.cause,
                f"{self._name(most.asker.name)} {did}, {over:.0f} MiB over its request",
            )
        identity = self._fleet.identity(minion)
        return self._journal.write(
            records.MINION_LOW, identity, minion=identity, cause=cause, value=float(available), reason=why
        )

    def _write_evicted(self, pod: Pod, held: Mapping[int, float], cause: int) -> int:
        return self._journal.write(
            records.POD_EVICTED,
            pod.identity,
            minion=self._fleet.identity(pod.minion),
            owner=pod.owner,
            cause=cause,
            value=float(self._usage(pod, held)),
            reason=self._message(pod, held),
        )

    def _evictable(self, name: str, pod: Pod, held: Mapping[int, float]) -> EvictablePod:
        return EvictablePod(
            name,
            priority=pod.template.priority,
            usage_bytes=self._usage(pod, held),
            request_bytes=pod.template.need[MEMORY],
        )

    def _usage(self, pod: Pod, held: Mapping[int, float]) -> int:
        """Return a pod's working set: the whole pages that its containers hold, and active file pages."""
        own = sum(int(each) // PAGE_BYTES * PAGE_BYTES for each in held.values())
        return own + self._files.active_bytes(pod.minion, pod.arrival)

    def _message(self, pod: Pod, held: Mapping[int, float]) -> str:
        """Return what the pod's status says: evictionMessage() of k/k:pkg/kubelet/eviction/helpers.go, v1.20.2."""
        said = ["The node was low on resource: memory."]
        known = pod.template.containers
        if known is not None:
            for place, each in enumerate(known.containers, len(known.init_containers)):
                usage = int(held.get(place, 0.0)) // PAGE_BYTES * PAGE_BYTES
                usage += self._files.active_bytes(pod.minion, pod.arrival, place)
                if usage > each.request("memory"):
                    said.append(
                        f"Container {each.name} was using {binary_quantity(usage)},"
                        f" which exceeds its request of {binary_quantity(each.request('memory'))}."
                    )
        return " ".join(said)

    def _report(self, minion: int, manager: _Manager) -> None:
        """Tell the master of the condition with the next status."""
        phase_s = self._phase_s(self._status_phases, minion, self._status_period_s)
        at_s = next_pass_s(phase_s, self._env._now, self._status_period_s)
        tell = partial(self._press, minion, pressed=manager.passes.pressed, cause=manager.low)
        guard = (manager, manager.generation)
        self._engine.at(at_s, TRUTH, partial(self._calls.say, minion, tell), cause=manager.low, guard=guard)

    def _press(self, minion: int, *, pressed: bool, cause: int) -> None:
        """Enter that a minion is under pressure, or no longer."""
        entry = self._store.minions[minion]
        if entry.pressed is not pressed:
            entry.pressed = pressed
            seq = self._journal.write(
                records.MINION_PRESSED,
                entry.identity,
                minion=entry.identity,
                cause=cause,
                value=float(pressed),
                reason="MemoryPressure",
            )
            self._store.log.commit(Op.MINION_CHANGED, minion, seq)


def _is_best_effort(template: PodTemplate) -> bool:
    if template.containers is not None:
        return qos_class(template.containers) == "BestEffort"
    return not template.need[CPU] and not template.need[MEMORY]
