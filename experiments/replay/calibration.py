"""``wavetank calibrate``: how long a host takes for what the models have constants for, as YAML to include."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final

from experiments.replay.measuring import busy_s
from experiments.replay.problems import HostError
from experiments.replay.running import Running
from experiments.replay.session import Session
from experiments.replay.work import START_TASKS, Limits, Work

__all__ = ["Calibration", "Figure", "as_yaml", "calibrate"]

_MIB: Final = 2**20
_SMALL: Final = Limits(START_TASKS, 24 * _MIB)
_DEADLINE_S: Final = 120.0
_ANSWER_S: Final = 60.0
_SPIN: Final = 100_000_000
_FORKS: Final = 200
_DOZES: Final = 200
_WINDOW_S: Final = 2.0
_LEAST_S: Final = 0.001
"""What a scenario's times are written to."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured several times, in seconds, bytes or cores, as its name says."""

    name: str
    says: str
    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def noise(self) -> float:
        """Half of the range."""
        return (max(self.values) - min(self.values)) / 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a host takes.

    Attributes:
        figures: By name.
        cores: That containers may use.
        memory_bytes: The same.
        kernel: Its release.
        cgroup: Its version.
        host: Engine, storage driver and load, in words.
        others_cores: Cores that something else took meanwhile, in the mean; None: it cannot be told.
    """

    figures: dict[str, Figure]
    cores: int
    memory_bytes: int
    kernel: str
    cgroup: str
    host: str
    others_cores: float | None


def calibrate(session: Session, repeats: int, told: Callable[[str], None] = lambda what: None) -> Calibration:
    """Measure a host.

    Args:
        session: On its engine.
        repeats: How often each thing is measured.
        told: Hears what is measured next.

    Raises:
        HostError: The engine or the host does not go on.
    """
    bench = _Bench(session)
    began, busy = time.monotonic(), busy_s()
    figures: dict[str, Figure] = {
        "import_s": Figure("import_s", "import of the work image", (session.import_s,)),
    }
    for name, says, measure in (
        ("container_start_s", "a container made, started and at its gate", bench.start),
        ("container_stop_s", "SIGTERM to its end", bench.stop),
        ("count_s", f"CPU seconds to count to {_SPIN:,}", bench.count),
        ("fork_s", "a fork of a small process", bench.fork),
        ("process_bytes", "memory charged for a child that sleeps", bench.process),
        ("timer_late_s", "a sleep of 1 ms, beyond that", bench.doze),
        ("busy_cores", "cores that two threads a core get of one core's quota", bench.busy),
    ):
        told(says)
        figures[name] = Figure(name, says, tuple(measure() for _ in range(repeats)))
    lasted, spent = time.monotonic() - began, busy_s() - busy
    facts = session.facts
    load = f", load {os.getloadavg()[0]:.1f}" if session.local else ""
    return Calibration(
        figures,
        session.caps.cores,
        session.caps.memory_bytes,
        facts.kernel,
        facts.cgroup,
        f"Docker {facts.version}, {facts.storage}, Linux {facts.kernel}, cgroup {facts.cgroup}{load}",
        max(0.0, spent - bench.used_s) / lasted if session.local else None,
    )


class _Bench:
    """Measures one thing at a time, each with a container of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.used_s = 0.0

    def _launch(self, work: Work, limits: Limits = _SMALL) -> Running:
        return self._session.launch(work, limits, f"k{time.monotonic_ns() % 10**9}")

    def _done(self, running: Running) -> None:
        self.used_s += self._session.counted(running)[1].cpu_s
        self._session.remove(running)

    def start(self) -> float:
        began = time.monotonic()
        running = self._launch(Work(_DEADLINE_S))
        lasted = time.monotonic() - began
        self._done(running)
        return lasted

    def stop(self) -> float:
        running = self._launch(Work(_DEADLINE_S))
        running.go()
        running.until("began", _ANSWER_S)
        began = time.monotonic()
        self._session.engine.kill(running.identity, "SIGTERM")
        while running.pipe.line(_ANSWER_S) is not None:
            pass
        lasted = time.monotonic() - began
        self._session.remove(running)
        return lasted

    def count(self) -> float:
        return float(self._answer(Work(_DEADLINE_S, spin=_SPIN), "spun")[1])

    def fork(self) -> float:
        limits = Limits(_FORKS + START_TASKS, 256 * _MIB)
        return float(self._answer(Work(_DEADLINE_S, forks=_FORKS), "forked", limits)[0]) / _FORKS

    def process(self) -> float:
        running = self._launch(Work(_DEADLINE_S, forks=_FORKS), Limits(_FORKS + START_TASKS, 256 * _MIB))
        before = self._session.counted(running)[1].memory_bytes
        running.go()
        running.until("forked", _ANSWER_S)
        after = self._session.counted(running)[1].memory_bytes
        self._done(running)
        return (after - before) / _FORKS

    def doze(self) -> float:
        return float(self._answer(Work(_DEADLINE_S, slack=_DOZES), "late")[0])

    def busy(self) -> float:
        threads = 2 * self._session.caps.cores
        limits = Limits(threads + START_TASKS, 24 * _MIB, 100_000)
        running = self._launch(Work(_DEADLINE_S, threads=threads), limits)
        running.go()
        time.sleep(0.5)
        since_s, before = self._session.counted(running)
        time.sleep(_WINDOW_S)
        until_s, after = self._session.counted(running)
        self._done(running)
        return (after.cpu_s - before.cpu_s) / (until_s - since_s)

    def _answer(self, work: Work, word: str, limits: Limits = _SMALL) -> Sequence[str]:
        running = self._launch(work, limits)
        running.go()
        said = running.until(word, _ANSWER_S)
        self._done(running)
        if not said:
            raise HostError(f"container {running.name} said '{word}' and no figure")
        return said


def as_yaml(found: Calibration, name: str = "host") -> str:
    """Return a calibration as the part of a scenario that is this host, with all figures in comments.

    Args:
        found: As measured.
        name: Of the minion.
    """
    start, stop = found.figures["container_start_s"], found.figures["container_stop_s"]
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [
        f"# This host as a minion, measured at {moment} by wavetank calibrate: {found.host}.",
        "# A scenario takes it with   include: FILE   where it says no minions itself.",
        "#",
        "# figure              median       half of the range   of",
    ]
    lines += [
        f"# {each.name:<20}{each.middle:<13.6g}{each.noise:<20.3g}{len(each.values)}: {each.says}"
        for each in found.figures.values()
    ]
    if found.others_cores is not None:
        lines.append(f"# others_cores        {found.others_cores:<13.3g}taken by other processes meanwhile")
    return "\n".join(
        [
            *lines,
            "cluster:",
            "  minions:",
            f"    - name: {name}",
            f"      cpu: {found.cores}",
            f"      memory: {found.memory_bytes // _MIB}Mi",
            f'      kernel: {{version: "{found.kernel}", cgroup: {found.cgroup}}}',
            "      kubelet:",
            f"        start: {_law(start)}",
            f"        terminate: {_law(stop)}",
            "",
        ]
    )


def _law(figure: Figure) -> str:
    low, high = (max(_LEAST_S, round(value, 3)) for value in (min(figure.values), max(figure.values)))
    return f"{{uniform: {{low: {low:g}s, high: {high:g}s}}}}" if low < high else f"{low:g}s"
