"""What containers that are followed one by one use of their minions' CPUs, and what they feel when they are short.

A container that wants a part of a core is taken for a server: what is asked of it and not done waits, so once it is
short of CPU the wait grows by (wanted - got) / got seconds each second, and a probe waits as everybody does. One whose
threads are always busy answers a probe by a thread among them.

Simplified: work that has waited is dropped once a container is no longer short; an answer takes ``probe_cpu_s`` of CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from models.api import records
from models.control.containers.container import Hunger
from models.control.podreports import Life
from models.machines.askers import Asker
from models.machines.fleet import Fleet
from models.machines.usages import Usages, Use, write_used
from sim.engine import Engine
from sim.identities import Identities
from sim.journal import Journal

__all__ = ["CpuUse"]

_INF = math.inf
_EXACT = 1e-9
"""Cores that nobody misses."""


@dataclass(eq=False, slots=True)
class _Eater:
    """One container while it runs."""

    life: Life
    index: int
    container: int
    use: Use
    hunger: Hunger | None = None


class CpuUse:
    """What the containers of all minions use.

    Args:
        usages: Where they are followed.
        constants: The run's.
        done: Called with (life, index of the container) when its work is done.
        hungers: Called with (life, index) when how a container with probes is short has changed.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        fleet: Fleet,
        usages: Usages,
        constants: Mapping[str, float],
        done: Callable[[Life, int], None],
        hungers: Callable[[Life, int], None],
    ) -> None:
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._fleet = fleet
        self._usages = usages
        self._probe_cpu_s = constants["probe_cpu_s"]
        self._done = done
        self._hungers = hungers
        self._eaters: dict[tuple[int, int], _Eater] = {}

    def started(self, life: Life, index: int, asker: Asker, container: int) -> None:
        """Let a container of an identity use what it wants, if it says what."""
        plan = life.run.plan
        uses, key = plan.containers[index].uses, (asker.pod, index)
        if uses is None or not uses.takes_cpu:
            return

        def felt(use: Use) -> None:
            self._felt(self._eaters[key])

        use = self._usages.prepare(
            asker,
            plan.tasks[index],
            uses,
            partial(self._done, life, index),
            felt if any(plan.containers[index].probes) else None,
        )
        self._eaters[key] = _Eater(life, index, container, use)
        self._usages.begin(use)

    def ended(self, life: Life, index: int, cause: int | None = None) -> None:
        """Let a container use nothing any more, and write down what it has used; ``cause`` is seq of its end."""
        eater = self._eaters.pop((life.pod.arrival, index), None)
        if eater is not None:
            self._usages.end(eater.use)
            self._write(eater, cause)

    def use_of(self, life: Life, index: int) -> Use:
        """Return the use of a container that runs and says what it uses of the CPUs."""
        return self._eaters[life.pod.arrival, index].use

    def hunger(self, life: Life, index: int) -> Hunger | None:
        """Return how a container is short of CPU."""
        eater = self._eaters.get((life.pod.arrival, index))
        return None if eater is None else eater.hunger

    def close(self) -> None:
        """Write down what containers have used that still run."""
        for eater in self._eaters.values():
            eater.use.task.settle(self._env._now)
            self._write(eater)

    def blame(self, life: Life, index: int) -> int | None:
        """Record that a container is short of CPU, and by whom; nothing if it is not. Returns the record's seq."""
        eater = self._eaters.get((life.pod.arrival, index))
        if eater is None or eater.hunger is None:
            return None
        task, wanted = eater.use.task, eater.hunger.wanted
        others = [
            each for each in self._usages.kernels.tasks(task.asker.minion) if each.asker.pod != task.asker.pod
        ]
        most = max(others, key=lambda each: each.rate, default=None)
        if task.bomb >= 0:
            cause, why = task.bomb, "its own fork bomb"
        elif most is None or task.rate >= task.kind.quota_cores - _EXACT:
            cause, why = task.asker.cause, "its own limit"
        elif most.bomb >= 0:
            cause, why = most.bomb, f"fork bomb in {self._identities.text(most.asker.name)}"
        else:
            cause, why = most.asker.cause, f"{self._identities.text(most.asker.name)} takes {most.rate:.2f}"
        return self._journal.write(
            records.CONTAINER_SHORT,
            life.pod.identity,
            minion=self._fleet.identity(task.asker.minion),
            owner=life.pod.owner,
            cause=cause,
            value=task.rate,
            own_fields=(wanted,),
            reason=f"{task.rate:.2f} of {wanted:.2f} cores: {why}",
            container=eater.container,
        )

    def _felt(self, eater: _Eater) -> None:
        """Let a container's probes feel what it gets now."""
        task, now_s, before = eater.use.task, self._env._now, eater.hunger
        wanted = min(task.wanted, float(task.threads))
        hunger: Hunger | None = None
        if wanted <= 0.0:
            pass  # its bomb has not begun yet
        elif eater.use.forked or not eater.use.usage.is_server:
            takes_s = self._probe_cpu_s * task.threads / task.rate if task.rate > 0.0 else _INF
            hunger = Hunger(now_s, task.rate, wanted, takes_s=takes_s)
        elif task.rate < wanted - _EXACT:
            backlog_s = 0.0 if before is None else before.backlog_at(now_s)
            hunger = Hunger(now_s, task.rate, wanted, backlog_s)
        if hunger != before:
            eater.hunger = hunger
            # One that dies together with others of its pod may not have been told of yet.
            if eater.life.run.containers[eater.index].runs:
                self._hungers(eater.life, eater.index)

    def _write(self, eater: _Eater, cause: int | None = None) -> None:
        task = eater.use.task
        minion = self._fleet.identity(task.asker.minion)
        write_used(self._journal, task, minion, container=eater.container, cause=cause)
