"""Simulated time: callbacks and processes on one SimPy environment.

Time advances only through :meth:`simpy.Environment.step`; there is no second event loop. What this
module adds to SimPy is: absolute times that are exact (no ``now + (t - now)`` rounding), a total order
at one instant, a cause that follows an event into the records written while it runs, guards that drop
what has become stale, one pending event per deadline, a budget, and errors that say when, where and
with which seed.

Leans on SimPy 4.1's heap entry ``(time, priority, counter, event)`` and on ``step()`` asking an event for
nothing but ``callbacks`` and ``_ok``; ``tests/contract/test_simpy_contract.py`` fails when that changes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator
from heapq import heappush
from typing import Any, Protocol

import simpy

from sim.collector import collector_off
from sim.errors import BudgetExceededError, SimulationError, WavetankError

__all__ = [
    "BELIEF",
    "OBSERVER",
    "RECORD",
    "TRUTH",
    "Deadline",
    "Engine",
    "Event",
    "GenerationCell",
]

TRUTH = 1
"""Order at one time: what machines really do comes first (SimPy's own events have priority 0 and 1)."""
RECORD = 2
"""Order at one time: then what the master's store learns."""
BELIEF = 3
"""Order at one time: then what clients of the store do about it."""
OBSERVER = 4
"""Order at one time: those who only look come last."""

Callback = Callable[[], None]
Event = simpy.Event
"""What a process waits for; made by ``engine.env.event()``."""


class GenerationCell(Protocol):
    """Anything that counts its own generations: a guard compares the count with the one it was given."""

    generation: int


class _OneShot:
    """An event with one callback. HOT: slotted and bare, a tenth of the memory of a simpy.Event."""

    __slots__ = ("callback", "callbacks", "cause", "cell", "value")

    _ok = True

    def __init__(
        self,
        callbacks: tuple[Callable[[Any], None]],
        callback: Callable[..., None],
        cause: int,
        cell: GenerationCell | None,
        value: int,
    ) -> None:
        self.callbacks: tuple[Callable[[Any], None]] | None = callbacks
        self.callback = callback
        self.cause = cause
        self.cell = cell
        self.value = value


class _CausedProcess(simpy.Process):
    """A process that keeps its own cause, else its records would name whichever event ran before."""

    def __init__(self, engine: Engine, generator: Generator[Any, Any, Any]) -> None:
        self._engine = engine
        self._cause = engine.cause
        super().__init__(engine.env, generator)

    def _resume(self, event: simpy.Event) -> None:
        self._engine.cause = self._cause
        super()._resume(event)
        self._cause = self._engine.cause


class Engine:
    """Runs callbacks and SimPy processes in a total order of (time, layer, insertion).

    Args:
        seed: The run's seed, named in errors.
        max_events: Budget of dispatched events; ``None`` for no limit.

    Attributes:
        env: The SimPy environment, for processes' timeouts and resources; start them by :meth:`process`.
        cause: Sequence number of the record that caused the event being run, or -1. The journal
            takes it as the default cause.
        stale: Events dropped because their guard had moved on.
    """

    def __init__(self, *, seed: int = 0, max_events: int | None = None) -> None:
        self.env = simpy.Environment()
        self.seed = seed
        self.max_events = max_events
        self.cause = -1
        self.stale = 0
        self.dispatched = 0
        self._queue: list[Any] = self.env._queue
        self._next_id = self.env._eid.__next__
        self._callbacks = (self._dispatch,)
        self._cell_callbacks = (self._dispatch_cell,)
        self._stopped: str | None = None
        self._soon: list[tuple[float, int, int, Callback, int]] = []
        self._watchers: list[tuple[int, Callable[[], None]]] = []
        self._watch_every = 4096

    @property
    def now_s(self) -> float:
        """Simulated time in seconds since the start of the run."""
        return self.env._now

    @property
    def pending(self) -> int:
        """Events waiting in the queue, stale ones included."""
        return len(self._queue) + len(self._soon)

    def at(
        self,
        time_s: float,
        priority: int,
        callback: Callback,
        *,
        cause: int | None = None,
        guard: tuple[GenerationCell, int] | None = None,
    ) -> None:
        """Run ``callback`` at an absolute time.

        Args:
            time_s: When, in seconds; not before now. Two calls with equal times meet exactly.
            priority: ``TRUTH``, ``RECORD``, ``BELIEF`` or ``OBSERVER``.
            callback: Called without arguments.
            cause: Record that causes this; default: the cause of the event that is running.
            guard: ``(cell, value)``; if ``cell.generation != value`` by then the event is dropped and
                counted in :attr:`stale`.

        Raises:
            ValueError: The time is in the past or not a number.
        """
        if not time_s >= self.env._now:
            raise ValueError(f"an event at {time_s!r} s lies before now, {self.env._now!r} s")
        cell, value = guard if guard is not None else (None, 0)
        event = _OneShot(self._callbacks, callback, self.cause if cause is None else cause, cell, value)
        heappush(self._queue, (time_s, priority, self._next_id(), event))

    def at_cell(
        self,
        time_s: float,
        priority: int,
        callback: Callable[[Any], None],
        cell: GenerationCell,
        cause: int,
    ) -> None:
        """Run ``callback(cell)`` at an absolute time, unless the cell's generation has changed by then.

        HOT: what many wait for at a time, such as the end of each pod: no object but the event itself.
        The rest is as in :meth:`at`.
        """
        if not time_s >= self.env._now:
            raise ValueError(f"an event at {time_s!r} s lies before now, {self.env._now!r} s")
        event = _OneShot(self._cell_callbacks, callback, cause, cell, cell.generation)
        heappush(self._queue, (time_s, priority, self._next_id(), event))

    def soon(self, priority: int, callback: Callback) -> None:
        """Run ``callback`` at this instant: as ``at(now_s, priority, callback)``, in the same order and as counted.

        HOT: what would be the next to leave the heap is not put there first.
        """
        self._soon.append((self.env._now, priority, self._next_id(), callback, self.cause))

    def process(self, generator: Generator[Any, Any, Any]) -> simpy.Process:
        """Start a SimPy process: for scenarios and users' code, where it reads better than callbacks.

        Its cause is the one of the event that starts it, until it sets :attr:`cause` itself.
        """
        return _CausedProcess(self, generator)

    def watch(self, callback: Callable[[], None], every: int = 4096) -> None:
        """Call ``callback`` every so many events (a power of two): progress, budgets, invariants.

        It must not change the model.
        """
        assert every.bit_count() == 1 <= every, "a watcher's interval is a power of two"
        self._watchers.append((every - 1, callback))
        self._watch_every = min(self._watch_every, every)

    def stop(self, reason: str) -> None:
        """End the run after the current event; :meth:`run` returns ``reason``."""
        self._stopped = reason

    def _dispatch(self, event: _OneShot) -> None:
        cell = event.cell
        if cell is not None and cell.generation != event.value:
            self.stale += 1
            return
        self.cause = event.cause
        event.callback()

    def _dispatch_cell(self, event: _OneShot) -> None:
        cell = event.cell
        if cell.generation != event.value:  # type: ignore[union-attr]
            self.stale += 1
            return
        self.cause = event.cause
        event.callback(cell)

    def run(self, until_s: float = math.inf) -> str:
        """Run to ``until_s`` (events at exactly that time are not run) or until nothing is left.

        Returns:
            Why it ended: ``until``, ``drained``, or the reason given to :meth:`stop`.

        Raises:
            ValueError: ``until_s`` lies before now or is not a number.
            BudgetExceededError: ``max_events`` were dispatched and more were due.
            SimulationError: An unexpected exception; the original is its ``__cause__``.
        """
        if not until_s >= self.env._now:
            raise ValueError(f"a run until {until_s!r} s would end before now, {self.env._now!r} s")
        self._stopped = None
        with collector_off():
            try:
                reason = self._loop(until_s)
            except WavetankError:
                raise
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                raise SimulationError(text, self.now_s, _where(error), self.seed) from error
        if reason == "until":
            self.env._now = until_s
        return reason

    def _loop(self, until_s: float) -> str:
        queue, soon, step, watchers = self._queue, self._soon, self.env.step, self._watchers
        limit = math.inf if self.max_events is None else self.max_events
        count, every = self.dispatched, self._watch_every
        due = count - count % every + every if watchers else sys.maxsize
        try:
            while True:
                if soon:
                    if (
                        len(soon) > 1
                        or count >= limit
                        or not soon[0][0] < until_s
                        or (queue and queue[0] < soon[0])
                    ):
                        self._put_off()
                        continue
                    _, _, _, callback, self.cause = soon.pop()
                    count += 1
                    callback()
                elif queue and queue[0][0] < until_s:
                    if count >= limit:
                        raise BudgetExceededError("events", limit, self.now_s)
                    count += 1
                    step()
                else:
                    break
                if count >= due:
                    self.dispatched = count
                    for own_mask, watcher in watchers:
                        if not due & own_mask:
                            watcher()
                    due += every
                if self._stopped is not None:
                    return self._stopped
        finally:
            self._put_off()
            self.dispatched = count
        return "until" if math.isfinite(until_s) else "drained"

    def _put_off(self) -> None:
        """Put into the heap what was to run soon: something else comes first, or the run ends."""
        for time_s, priority, number, callback, cause in self._soon:
            event = _OneShot(self._callbacks, callback, cause, None, 0)
            heappush(self._queue, (time_s, priority, number, event))
        self._soon.clear()


class Deadline:
    """One pending event per owner: set, moved and cleared at will.

    Moving a deadline later costs nothing until the earlier event comes round; SimPy cannot cancel, so the
    old event is dropped by its guard when its time comes.

    Args:
        engine: Where it runs.
        priority: Layer of the callback.
        callback: Called without arguments when the deadline is reached.
    """

    __slots__ = ("_armed_s", "_callback", "_cause", "_engine", "_priority", "generation", "time_s")

    def __init__(self, engine: Engine, priority: int, callback: Callback) -> None:
        self._engine = engine
        self._priority = priority
        self._callback = callback
        self._armed_s = math.inf
        self._cause = -1
        self.generation = 0
        self.time_s = math.inf

    def set(self, time_s: float, *, cause: int | None = None) -> None:
        """Set or move the deadline to an absolute time in seconds (``inf`` clears it)."""
        self.time_s = time_s
        self._cause = self._engine.cause if cause is None else cause
        if time_s < self._armed_s:
            self.generation += 1
            self._arm(time_s)

    def clear(self) -> None:
        """Forget the deadline."""
        self.time_s = math.inf

    def _arm(self, time_s: float) -> None:
        self._armed_s = time_s
        self._engine.at(time_s, self._priority, self._fire, cause=self._cause, guard=(self, self.generation))

    def _fire(self) -> None:
        self._armed_s = math.inf
        if self.time_s > self._engine.now_s:
            if self.time_s < math.inf:
                self._arm(self.time_s)
            return
        self.time_s = math.inf
        self._engine.cause = self._cause
        self._callback()


def _where(error: BaseException) -> str:
    """Name the innermost frame of an error that is neither SimPy's nor this module's."""
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module != __name__ and module.partition(".")[0] != "simpy":
            found = f"{code.co_qualname} ({code.co_filename}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    if found is None and error.__cause__ is not None:
        return _where(error.__cause__)  # SimPy raised a copy of what a process raised, without its frames
    return found or "the engine"
