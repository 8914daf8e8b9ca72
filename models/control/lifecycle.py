"""The minion lifecycle controller: who is silent for how long, who is tainted, at which pace.

Passes are computed, not ticked: one deadline stands for the next pass that will change something. A pass that writes
is as long as its writes, one minion after the other through the client's limit, and the next begins 5 s after its end
(k/k:pkg/controller/nodelifecycle/node_lifecycle_controller.go, v1.20.2; FACTS K5-K23; recorded). Unknown comes at the
first pass more than the grace after the pass that saw the last beat; the NoExecute taint at the pass after, at the
pace of its zone; NoSchedule at once. A minion that says itself that it is not ready gets the taints of not-ready,
and its pods keep their readiness, as the controller marks only the pods of those that it has found silent itself.

Simplified: after an outage of the master the controller starts with fresh memory, as its manager loses its leader
lease and restarts: every minion gets a fresh grace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from models.api.types import Pod
from models.control.client import Client
from models.control.conditiontaints import DRIVING, NO_EXECUTE, NO_SCHEDULE, driving, following, is_driving
from models.control.eventsink import EventSink
from models.control.log import Change, Op
from models.control.silence import Silence, known_at_start, last_beat_us
from models.control.store import Store
from models.control.tokens import EventFilter
from models.control.zonequeues import ZoneQueues
from models.control.zones import Disruption, ZoneCount, ZoneRules, ZoneState, disruption
from models.machines.beats import Passes, last_at_or_before
from sim.engine import BELIEF, Deadline, Engine
from sim.streams import Streams

__all__ = ["MinionLifecycle"]


class MinionLifecycle:
    """The controller, for all minions.

    Args:
        zones: By minion, the key of its zone.
        make_client: Makes the client, given (apply, act, ops, interest).
        constants: Periods, grace, rates.
        groups: By minion, (pool, index): names of its draws.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        streams: Streams,
        zones: Sequence[str],
        groups: Sequence[tuple[str, int]],
        make_client: Callable[..., Client],
        constants: Mapping[str, float],
        identity: int,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._store = store
        self.identity = identity
        self._zones = zones
        self._lease_us = round(constants["node_lease_renew_period_s"] * 1e6)
        self._period_us = round((constants["node_monitor_period_s"] + constants["node_monitor_pass_s"]) * 1e6)
        self._wait_us = round(constants["node_monitor_period_s"] * 1e6)
        self._grace_us = round(constants["node_monitor_grace_s"] * 1e6)
        phases = streams.stream("minion.lease_phase")
        self._phase_us = [round(phases.at(pool, index) * self._lease_us) for pool, index in groups]
        first = streams.stream("lifecycle.phase").at("passes", 0)
        self._passes = Passes(round(first * self._period_us), self._period_us)
        self._earlier: list[tuple[Passes, int]] = []
        self._order = streams.stream("lifecycle.order")
        self._judged = 0
        self._rules = ZoneRules.of(constants)
        self._sizes: dict[str, int] = {}
        for zone in zones:
            self._sizes[zone] = self._sizes.get(zone, 0) + 1
        self._not_ready = dict.fromkeys(self._sizes, 0)
        self._states: Mapping[str, ZoneState] = dict.fromkeys(self._sizes, ZoneState.NORMAL)
        self._queues = ZoneQueues(engine, streams, self._sizes, constants, self._taken)
        self._silent: dict[int, Silence] = {}
        self._unknown: dict[int, None] = {}
        self._broken: dict[int, int] = {}  # who says so itself, and seq of that
        self._back: dict[int, None] = {}
        self._due = Deadline(engine, BELIEF, self._pass)
        self._running = False
        self._began_us = 0
        self._fresh = False
        self._generation = 0
        self.client = make_client(
            apply=self._apply, act=lambda: None, ops=(Op.MINION_CHANGED,), interest=None
        )
        self._events = EventSink(self.client, EventFilter.of(constants).passes)

    # What minions do.

    def silent(self, minion: int) -> None:
        """Note that a minion's beats stop now."""
        now_us = round(self._env._now * 1e6)
        beat = last_at_or_before(self._phase_us[minion], self._lease_us, now_us)
        # Before its first beat of the run a minion was heard of one period earlier.
        beat_us = self._phase_us[minion] - self._lease_us if beat is None else beat
        self._silent[minion] = Silence(beat_us, self._engine.cause)
        self._plan(minion)

    def silent_before(self, minion: int, age_s: float) -> None:
        """Note that a minion has been silent for ``age_s`` when the run begins; ``inf``: for a long time."""
        beat_us = last_beat_us(self._phase_us[minion], self._lease_us, age_s)
        self._silent[minion] = Silence(beat_us, self._engine.cause)

    def begin(self) -> None:
        """Enter what the passes before the run have made of who was silent then; nothing is evicted any more.

        Simplified: who was Unknown for a pass is taken to have had its turn in the queue of its zone.
        """
        tainted = set()
        for minion, silence in self._silent.items():
            known = known_at_start(silence.beat_us, self._passes, self._grace_us)
            silence.seen_us = known.seen_us
            if known.is_unknown:
                self._unknown[minion] = None
                self._not_ready[self._zones[minion]] += 1
            if known.is_tainted:
                tainted.add(minion)
        if self._unknown:
            found = self._disruption()
            for minion in self._unknown:
                silence = self._silent[minion]
                silence.cause = self._store.minion_condition(minion, ready=False, cause=silence.cause)
                evicts = minion in tainted and not found.entered
                taints = (*self._store.minions[minion].taints, NO_SCHEDULE, *[NO_EXECUTE] * evicts)
                self._store.set_taints(minion, taints, cause=silence.cause)
        self._plan()

    def returned(self, minion: int) -> None:
        """Note that a minion beats again; it says at once that it is ready if the master has it otherwise."""
        self._silent.pop(minion, None)
        if minion not in self._unknown:
            return

        def report() -> None:
            if minion in self._silent or minion not in self._unknown:
                return
            del self._unknown[minion]
            self._not_ready[self._zones[minion]] -= 1
            self._back[minion] = None
            self._store.minion_condition(minion, ready=True, cause=self._engine.cause)
            self._plan()

        self.client.say(report)

    # What the watch tells: NoSchedule taints follow their conditions at once.

    def _apply(self, change: Change) -> None:
        minion = change[2]
        assert isinstance(minion, int)
        broken = self._store.minions[minion].broken
        if broken is not (minion in self._broken):
            self._heed(minion, change[3], broken=broken)
        self._look(minion, cause=change[3])

    def _heed(self, minion: int, seq: int, *, broken: bool) -> None:
        """Take note of a minion that says that it is not ready, or no longer says so."""
        if broken:
            self._broken[minion] = seq
        else:
            del self._broken[minion]
        if minion not in self._unknown:
            self._not_ready[self._zones[minion]] += 1 if broken else -1
            self._back |= {} if broken else {minion: None}
        self._plan()

    def _look(self, minion: int, cause: int | None) -> None:
        taints = self._store.minions[minion].taints
        if any((taint in taints) != wanted for taint, wanted in self._wanted(minion)):
            self._call_twice(partial(self._schedule_taints, minion), cause=cause)

    def _wanted(self, minion: int) -> Iterable[tuple[str, bool]]:
        return following(self._store.minions[minion], unknown=minion in self._unknown)

    def _call_twice(self, commit: Callable[[], None], cause: int | None = None) -> None:
        """Change a minion's taints: it is read first, from the master's cache, which takes a token too.

        Source: AddOrUpdateTaintOnNode and RemoveTaintOffNode, controller_utils.go, v1.20.2: resource version 0.
        """
        self.client.read_cached(partial(self.client.call, commit), cause=cause)

    def _schedule_taints(self, minion: int) -> None:
        for taint, wanted in self._wanted(minion):
            change = self._store.put_taint if wanted else self._store.lift_taint
            change(minion, taint, cause=self._engine.cause, actor=self.identity)

    # Passes.

    def _seen_us(self, silence: Silence, now_us: int) -> int:
        """Return the pass that sees a beat; fixed once it has been, as later passes may be shifted."""
        if silence.seen_us is not None:
            return silence.seen_us
        beat_us = silence.beat_us
        for passes, last_us in self._earlier:
            at_us = passes.time_us(passes.index_at_or_after(beat_us))
            if at_us <= last_us:
                break
        else:
            at_us = self._passes.time_us(self._passes.index_at_or_after(beat_us))
        if at_us <= now_us:
            silence.seen_us = at_us
        return at_us

    def _plan(self, fallen: int | None = None) -> None:
        """Set the deadline to the next pass that will change something.

        Args:
            fallen: Who has fallen silent since it was set; for nobody else is anything new. Many fall at once.
        """
        if self._running:
            return
        now_us = round(self._env._now * 1e6)
        passes = self._passes
        if self._back or self._fresh or any(self._waits(minion) for minion in self._bad()):
            self._due.set(passes.time_us(passes.index_after(now_us)) / 1e6)  # none comes before that
            return
        due_s = math.inf if fallen is None else self._due.time_s
        judged_us = [
            self._seen_us(self._silent[minion], now_us) + self._grace_us
            for minion in (self._silent if fallen is None else (fallen,))
            if minion not in self._unknown
        ]
        if judged_us:
            due_s = min(due_s, passes.time_us(passes.index_after(max(now_us, min(judged_us)))) / 1e6)
        self._due.set(due_s)

    def _waits(self, minion: int) -> bool:
        """Whether the next pass asks for a minion's NoExecute taint, to some effect."""
        if driving(unknown=minion in self._unknown) in self._store.minions[minion].taints:
            return False
        all_dead = all(state is ZoneState.FULL for state in self._states.values())
        return not all_dead and self._queues.wants(self._zones[minion], minion)

    def _bad(self) -> list[int]:
        """Return the minions that are not ready, the silent ones first."""
        return [*self._unknown, *(minion for minion in self._broken if minion not in self._unknown)]

    def _pass(self) -> None:
        now_us = round(self._env._now * 1e6)
        if self.client.master.down:
            return
        self._running = True
        self._began_us = now_us
        self._fresh = False
        due = [
            minion
            for minion, silence in self._silent.items()
            if minion not in self._unknown and self._seen_us(silence, now_us) + self._grace_us < now_us
        ]
        waiting = [minion for minion in self._bad() if self._waits(minion)]
        # One order for the whole pass, as it goes through a map once.
        seen = sorted({*due, *waiting})
        draws = {minion: self._order.at("minions", self._judged + i) for i, minion in enumerate(seen)}
        self._judged += len(seen)
        for minion in sorted(waiting, key=draws.__getitem__):
            self._queues.add(self._zones[minion], minion)
        for minion in self._back:
            self._reachable(minion)
        self._back.clear()
        self._queues.plan()
        self._judge(sorted(due, key=draws.__getitem__), 0, self._generation)

    def _reachable(self, minion: int) -> None:
        self._queues.remove(self._zones[minion], minion)
        if is_driving(self._store.minions[minion].taints):
            self._call_twice(partial(self._lift, minion))

    def _lift(self, minion: int) -> None:
        for taint in DRIVING:
            self._store.lift_taint(minion, taint, cause=self._engine.cause, actor=self.identity)

    def _judge(self, due: list[int], place: int, generation: int) -> None:
        """Say of one minion after the other that it is Unknown, and of its pods that they are not ready."""
        if generation != self._generation:
            return
        while place < len(due) and due[place] not in self._silent:
            place += 1
        if place == len(due):
            self._over(bool(due))
            return
        minion = due[place]

        def commit() -> None:
            silence = self._silent.get(minion)
            if silence is not None:
                self._unknown[minion] = None
                self._not_ready[self._zones[minion]] += minion not in self._broken
                # A pass tells of many minions: what follows for this one follows from its own silence.
                self._engine.cause = silence.cause = self._store.minion_condition(
                    minion, ready=False, cause=silence.cause, actor=self.identity
                )
                self._events.tell(self._store.minions[minion].identity, self._env._now)
            pods = [pod for pod in self._store.bound[minion].values() if pod.ready]
            self._mark(pods, 0, lambda: self._judge(due, place + 1, generation))

        self.client.call(commit)

    def _mark(self, pods: list[Pod], place: int, after: Callable[[], None]) -> None:
        if place == len(pods):
            after()
            return
        pod = pods[place]

        def commit() -> None:
            # Where the minion is back, its kubelet's status stands: it sets right what differs.
            if pod.ready and pod.minion in self._silent:
                self._store.set_ready(
                    pod, False, cause=self._engine.cause, actor=self.identity, reason="NodeNotReady"
                )
                self._events.tell(pod.identity, self._env._now)
            self._mark(pods, place + 1, after)

        self.client.call(commit)

    def _over(self, wrote: bool) -> None:
        """End a pass: what it makes of the zones; the grid starts anew if it took time."""
        now_us = round(self._env._now * 1e6)
        found = self._disruption()
        if found.entered:
            for minion in range(len(self._zones)):
                self._reachable(minion)
        if found.left:
            for silence in self._silent.values():
                silence.seen_us = now_us
        if wrote:
            for silence in self._silent.values():
                self._seen_us(silence, now_us)
            self._start_anew(now_us)
        self._running = False
        self._queues.plan()
        self._plan()

    def _disruption(self) -> Disruption:
        """Reckon the states of zones anew, and give their queues the rates of these."""
        counts = {
            zone: ZoneCount(size - self._not_ready[zone], self._not_ready[zone])
            for zone, size in self._sizes.items()
        }
        found = disruption(self._states, counts, self._rules)
        self._states = found.states
        self._queues.set_rates(found.rates)
        return found

    def _start_anew(self, now_us: int) -> None:
        """Let the passes go on from here: who falls silent next may have been heard by one of those before."""
        self._earlier = [
            (passes, last) for passes, last in self._earlier if last > now_us - 2 * self._lease_us
        ]
        self._earlier.append((self._passes, self._began_us))
        self._passes = Passes(now_us + self._wait_us, self._period_us)

    def _taken(self, minion: int) -> None:
        """Give a minion the taint that evicts: its turn in the queue of its zone has come."""
        silence = self._silent.get(minion)
        cause = self._broken.get(minion) if silence is None else silence.cause
        self._call_twice(partial(self._execute_taint, minion), cause=cause)

    def _execute_taint(self, minion: int) -> None:
        if minion in self._unknown or minion in self._broken:
            had = self._store.minions[minion].taints
            taints = (
                *(each for each in had if each not in DRIVING),
                driving(unknown=minion in self._unknown),
            )
            if {*taints} != {*had}:
                self._store.set_taints(minion, taints, cause=self._engine.cause, actor=self.identity)

    def restart(self) -> None:
        """Start again with fresh memory: every minion's grace begins now, and its taints are looked at."""
        self._generation += 1
        self._running = False
        self.client.restart()
        self._events.restart()
        now_us = round(self._env._now * 1e6)
        self._passes = Passes(now_us, self._period_us)
        self._earlier.clear()
        for silence in self._silent.values():
            silence.seen_us = now_us
        listed = enumerate(self._store.minions)
        self._broken = {minion: self._broken.get(minion, -1) for minion, entry in listed if entry.broken}
        self._not_ready = dict.fromkeys(self._sizes, 0)
        for minion in self._bad():
            self._not_ready[self._zones[minion]] += 1
        self._states = dict.fromkeys(self._sizes, ZoneState.NORMAL)
        self._queues.forget()
        self._fresh = bool(self._unknown or self._broken)
        for minion, entry in enumerate(self._store.minions):
            self._look(minion, cause=None)
            if is_driving(entry.taints) and minion not in self._unknown and minion not in self._broken:
                self._back[minion] = None
        self._queues.plan()
        self._plan()
