"""Kubelets, as far as starting, stopping and reporting pods goes.

A kubelet sees what is bound to its minion one lag after the commit, admits it if it has room (else the pod fails with
OutOfcpu, OutOfmemory, OutOfpods ...), runs it after ``start`` and reports it ready after ``ready``; a pod that is being
deleted is gone after ``terminate``. While its minion is cut off from the master it goes on with what it last knew; what
it has to say is said when it is back. Delays known when something starts are stamped at once, guarded by generations.

Pods of more than one container that runs for ever, unprobed, are followed container by container (podruns.py).

Simplified: admission is settled at the instant of the bind; a pod whose minion crashed runs its whole
time again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from models.api import records
from models.api.status import EVICTED
from models.api.types import MinionAsk, Phase, Pod
from models.control.backoff import Backoffs
from models.control.burdens import Machines
from models.control.client import Master
from models.control.containers.container import Answer
from models.control.exhaustion import Exhaustion
from models.control.kubeletcalls import KubeletCalls
from models.control.kubeletdelays import KubeletDelays
from models.control.kubeletdraws import KubeletDraws
from models.control.nodeevictions import NodeEvictions
from models.control.podruns import PodRuns
from models.control.pulls import ImagePulls
from models.control.store import Store
from models.machines.fleet import Fleet
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["Kubelets"]

_RUNNING = Phase.RUNNING


class Kubelets:
    """The kubelets of all minions.

    Args:
        delays: By minion.
        limits: (calls a second, burst) of each kubelet's own client.
        late_s: How much later than it should a report that a pod runs is made, from (time, uniform draw): the fake
            kubelets of recordings have one queue. Nothing: not at all.
        images: Where images come from; nothing where all are there.
    """

    def __init__(  # noqa: PLR0913 - all that it stands between
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        store: Store,
        fleet: Fleet,
        master: Master,
        streams: Streams,
        delays: Callable[[int], KubeletDelays],
        limits: tuple[float, float],
        constants: Mapping[str, float],
        minions: Sequence[MinionAsk],
        late_s: Callable[[float, float], float] | None = None,
        images: ImagePulls | None = None,
        machines: Machines | None = None,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._store = store
        self._fleet = fleet
        self._up = fleet.up
        self._master = master
        self._delays = [delays(index) for index in range(len(minions))]
        self._asks = minions
        draws = KubeletDraws(identities, streams, self._delays)
        self._delay_s, self._uniform = draws.delay_s, draws.uniform
        self._late_s = late_s
        self._backoffs = Backoffs(constants)
        self.calls = calls = KubeletCalls(fleet, master, limits, len(minions))
        self.cut, self._say, self._granted_s = calls.cut, calls.say, calls.granted_s
        # Made once: every event of every pod holds one of these.
        self._starts, self._readies, self._ends, self._kills = (
            self._start,
            self._ready,
            self._ended,
            self._kill,
        )
        self._failing: set[int] = set()
        self._restarting: set[int] = set()
        common: dict[str, Any] = {"engine": engine, "streams": streams, "store": store, "fleet": fleet,
                                  "journal": journal, "calls": calls, "constants": constants}  # fmt: skip
        groups = [(ask.pool, ask.index) for ask in minions]
        self._exhaustion = Exhaustion(groups=groups, **common)
        self._runs = PodRuns(
            identities=identities,
            laws=lambda minion: (self._delays[minion].ready, self._delays[minion].terminate),
            alike=draws.numbers,
            exhaustion=self._exhaustion,
            images=images,
            machines=machines,
            **common,
        )
        self.close, self.inside = self._runs.close, self._runs.inside
        self._evictions = None
        if machines is not None:
            self._evictions = NodeEvictions(
                identities=identities,
                machines=machines,
                groups=groups,
                evict=self._evict,
                **common,
            )

    def _reachable(self, minion: int) -> bool:
        return self._fleet.up[minion] and not self.cut[minion]

    def bound(self, pod: Pod) -> None:
        """Take note of a pod that was just bound to a minion."""
        if self._up[pod.minion] and not self.cut[pod.minion]:
            self._see(pod)

    def found(self, pod: Pod) -> None:
        """Go on with a pod that ran before the run began; on a minion that is down it has stopped."""
        lacking = self._fleet.admit(pod)
        if not self._up[pod.minion]:
            if lacking is None:  # else it is refused when the minion is back
                self._fleet.rest(pod)
        elif lacking is not None:
            self._reject(pod, f"OutOf{lacking}")
        elif pod.template.containers is not None and self._runs.follows(pod):
            self._runs.adopt(pod)
        elif not pod.ready:
            self._arm_ready(pod)

    def _see(self, pod: Pod) -> None:
        minion = pod.minion
        lacking = self._admit(pod)
        delays = self._delays[minion]
        seen_s = self._env._now + self._delay_s(delays.lag, pod, 0)
        if lacking is not None:
            self._engine.at(seen_s, TRUTH, partial(self._reject, pod, lacking), cause=pod.cause,
                            guard=(pod, pod.generation))  # fmt: skip
            return
        start_s = seen_s + self._delay_s(delays.start, pod, 1)
        if pod.template.containers is not None and self._runs.follows(pod):
            self._runs.see(pod, seen_s, start_s)
            return
        at_s = self._granted_s(minion, start_s)
        if self._late_s is not None:
            at_s += self._late_s(at_s, self._uniform(pod, 1))
        self._engine.at_cell(at_s, TRUTH, self._starts, pod, pod.cause)

    def _admit(self, pod: Pod) -> str | None:
        """Give a pod its room, or return why it is rejected: as GeneralPredicates() of pkg/kubelet/lifecycle."""
        lacking = self._fleet.admit(pod)
        if lacking is not None:
            return f"OutOf{lacking}"
        if self._evictions is not None and self._evictions.refuses(pod):
            self._fleet.leave(pod)
            return EVICTED
        wanted = pod.template.minions
        if wanted is not None:
            ask = self._asks[pod.minion]
            if not wanted.matches(ask.labels, (ask.name, ask.pool)):
                self._fleet.leave(pod)
                return "NodeAffinity"
        return None

    def _reject(self, pod: Pod, reason: str) -> None:
        self._say(pod.minion, lambda: self._store.end(pod, Phase.FAILED, cause=pod.cause, reason=reason))

    def _start(self, pod: Pod) -> None:
        """Run a pod: the truth now, the report with it unless nobody hears it."""
        if self._exhaustion.holds(pod, self._starts, starts=True):
            return
        minion = pod.minion
        if self.cut[minion] or self._master.down:
            self._journal.write(
                records.POD_STARTED,
                pod.identity,
                minion=self._fleet.identity(minion),
                owner=pod.owner,
                reason=records.UNREPORTED,
            )
            self._say(minion, partial(self._report_running, pod))
        else:
            self._store.move(pod, _RUNNING, cause=pod.cause)
        self._fleet.begin(pod)
        if pod.ask.life_s < math.inf:
            self._arm_end(pod)
        self._arm_ready(pod)

    def _report_running(self, pod: Pod) -> None:
        if pod.phase is Phase.BOUND:
            self._store.report_running(pod)
            self._ready(pod)

    def _arm_end(self, pod: Pod) -> None:
        if pod.life_s < math.inf:
            self._engine.at_cell(self._env._now + pod.life_s, TRUTH, self._ends, pod, pod.cause)

    def _arm_ready(self, pod: Pod) -> None:
        wait_s = self._delay_s(self._delays[pod.minion].ready, pod, 2)
        if wait_s <= 0:
            self._ready(pod)
            return
        at_s = self._granted_s(pod.minion, self._env._now + wait_s)
        self._engine.at_cell(at_s, TRUTH, self._readies, pod, pod.cause)

    def _ready(self, pod: Pod) -> None:
        if pod.phase is _RUNNING:
            if self.cut[pod.minion] or self._master.down:
                self._say(pod.minion, partial(self._set_ready, pod))
            else:
                self._set_ready(pod)

    def _set_ready(self, pod: Pod) -> None:
        if pod.phase is _RUNNING and pod.arrival not in self._failing and self._fleet.runs(pod):
            self._store.set_ready(pod, True, cause=pod.cause)

    def worked(self, pod: Pod) -> None:
        """Let a pod end by itself, whose work is done; one that is being deleted ends by that."""
        if not pod.terminating:
            self._ended(pod)

    def _ended(self, pod: Pod) -> None:
        self._fleet.leave(pod)
        phase, reason = (Phase.FAILED, "Error") if pod.ask.fails else (Phase.SUCCEEDED, "Completed")
        self._say(pod.minion, lambda: self._store.end(pod, phase, cause=pod.cause, reason=reason))

    def terminating(self, pod: Pod) -> None:
        """Take note that a pod of some minion is being deleted."""
        if pod.minion >= 0 and self._reachable(pod.minion):
            self._arm_kill(pod)

    def _arm_kill(self, pod: Pod) -> None:
        delays = self._delays[pod.minion]
        if self._runs.has(pod):
            seen_s = self._env._now + self._delay_s(delays.lag, pod, 0)
            self._runs.terminate(pod, seen_s)
            return
        wait_s = self._delay_s(delays.lag, pod, 0) + min(
            self._delay_s(delays.terminate, pod, 3), pod.template.grace_s
        )
        at_s = self._granted_s(pod.minion, self._env._now + wait_s)
        self._engine.at_cell(at_s, TRUTH, self._kills, pod, pod.cause)

    def _kill(self, pod: Pod) -> None:
        if self._exhaustion.holds(pod, self._kills):
            return
        if not self._fleet.up[pod.minion]:
            return
        self._backoffs.forget(pod.arrival)
        if self._fleet.has(pod):
            self._fleet.leave(pod, "Killing")
        self._say(pod.minion, lambda: self._store.end(pod, Phase.DELETED, cause=pod.cause))

    def unready(self, pod: Pod, cause: int) -> None:
        """Let a running pod fail its readiness."""
        if self._runs.has(pod):
            self._runs.refuse(pod, cause, refuses=True)
        elif self._fleet.runs(pod):
            self._failing.add(pod.arrival)
            self._say_unready(pod, cause, "probe failed")

    def _say_unready(self, pod: Pod, cause: int, reason: str) -> None:
        def report() -> None:
            if pod.phase is Phase.RUNNING:
                self._store.set_ready(pod, False, cause=cause, reason=reason)

        self._say(pod.minion, report)

    def ready_again(self, pod: Pod) -> None:
        """Let a running pod pass its readiness again."""
        if self._runs.has(pod):
            self._runs.refuse(pod, self._engine.cause, refuses=False)
            return
        self._failing.discard(pod.arrival)
        self._say(pod.minion, lambda: self._set_ready(pod))

    def answers(self, pod: Pod, answer: Answer | None, cause: int) -> None:
        """Let a pod's containers answer their probes so, or (None) as they would: what is not probed does not care."""
        if self._runs.has(pod):
            self._runs.answer(pod, answer, cause)

    def died(self, pod: Pod, cause: int) -> None:
        """Let a running pod's containers die: what runs for ever is restarted, with back-off; what was to end fails."""
        if pod.phase is not Phase.RUNNING or not self._fleet.runs(pod):
            return
        if self._runs.has(pod):
            self._runs.kill(pod, cause)
            return
        pod.generation += 1
        if pod.life_s < math.inf:
            self._fleet.leave(pod, "Error")
            self._say(pod.minion, lambda: self._store.end(pod, Phase.FAILED, cause=cause, reason="Error"))
            return
        self._fleet.interrupt(pod, "Error")
        self._say_unready(pod, cause, "container died")
        self._restart(pod, self._backoffs.next_s(pod.arrival, self._env._now), ready_again=True)

    def _evict(self, pod: Pod, cause: int) -> None:
        """Kill a pod at once, for good, as a record says: its minion is low on something."""
        pod.generation += 1
        self._restarting.discard(pod.arrival)
        if self._runs.has(pod):
            self._runs.evict(pod, cause)
            return
        self._backoffs.forget(pod.arrival)
        self._failing.discard(pod.arrival)
        self._fleet.leave(pod, EVICTED)
        phase = Phase.DELETED if pod.terminating else Phase.FAILED
        self._say(pod.minion, lambda: self._store.end(pod, phase, cause=cause, reason=EVICTED))

    def down(self, minion: int) -> None:
        """Lose everything: the minion crashed; no timer of a pod of its own holds any more."""
        self.calls.forget(minion)
        self._exhaustion.down(minion)
        for pod in self._fleet.pods(minion):
            pod.generation += 1
            self._restarting.discard(pod.arrival)
            self._backoffs.forget(pod.arrival)
            if self._runs.has(pod):
                self._runs.down(pod)
        if self._evictions is not None:
            self._evictions.down(minion)

    def back(self, minion: int) -> None:
        """Go on after a crash or a cut-off, once the master can be reached."""
        self._master.reach(self.calls.unless_crashed(minion, partial(self._resume, minion)))

    def _resume(self, minion: int) -> None:
        """Say what was not said, end what must go, start what is bound."""
        if self.cut[minion]:
            return
        self.calls.catch_up(minion)
        if self._evictions is not None:
            self._evictions.back(minion)
        self._exhaustion.back(minion)
        for pod in list(self._store.bound[minion].values()):
            self._resume_pod(pod)
        bound = self._store.bound[minion]
        for pod in self._fleet.pods(minion):
            if pod.arrival not in bound:  # it ended in the store while nobody could reach the minion
                self._fleet.leave(pod, "Killing")
                if self._runs.has(pod):
                    self._runs.forget(pod)

    def _resume_pod(self, pod: Pod) -> None:
        delays = self._delays[pod.minion]
        if pod.terminating:
            self._arm_kill(pod)
        elif not self._fleet.has(pod):
            if not self._runs.has_ended(pod):
                pod.generation += 1  # whatever it was told before, it looks at the pod anew
                self._see(pod)
        elif self._runs.has(pod):
            self._runs.resume(pod, self._delay_s(delays.start, pod, 1))
        elif not self._fleet.runs(pod):
            if pod.arrival not in self._restarting:
                if delays.reports_again:
                    self._say_unready(pod, pod.cause, "minion restarted")
                self._restart(pod, 0.0, ready_again=delays.reports_again)
        elif delays.reports_again and pod.phase is Phase.RUNNING:
            self._set_ready(pod)

    def _restart(self, pod: Pod, wait_s: float, *, ready_again: bool) -> None:
        """Start the containers of a pod again that have stopped."""
        pod.restarts += 1
        self._failing.discard(pod.arrival)
        self._restarting.add(pod.arrival)

        def again() -> None:
            self._restarting.discard(pod.arrival)
            if pod.phase is Phase.BOUND:
                self._start(pod)
                return
            minion, number = self._fleet.identity(pod.minion), float(pod.restarts)
            self._journal.write(
                records.CONTAINER_STARTED, pod.identity, minion=minion, owner=pod.owner, value=number
            )
            self._fleet.begin(pod)
            self._arm_end(pod)
            if ready_again:
                self._arm_ready(pod)

        at_s = self._env._now + wait_s + self._delay_s(self._delays[pod.minion].start, pod, 1)
        self._engine.at(at_s, TRUTH, again, cause=pod.cause, guard=(pod, pod.generation))
