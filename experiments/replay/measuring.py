"""Does what a case says with real containers, once, and returns what the kernel did."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.replay.kernelcases import (
    BurstCase,
    Case,
    CpuCase,
    MemoryCase,
    PageCacheCase,
    PidsCase,
)
from experiments.replay.problems import HostError
from experiments.replay.running import Running
from experiments.replay.session import Session
from experiments.replay.work import PERIOD_US, START_TASKS, Limits, Work
from experiments.replay.workimage import DATA_FILE

__all__ = ["Bench", "Measured", "busy_s", "unmeasurable"]

_MIB: Final = 2**20
_SMALL: Final = 24 * _MIB
"""Memory for work that takes none of its own."""
_SPARE_S: Final = 60.0
"""From what a piece of work should take to its deadline."""
_SETTLE_S: Final = 1.0
_FORKED_S: Final = 1.2
_FIRST_SPIN: Final = 50_000_000
_ANSWER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a case did once.

    Attributes:
        figures: As a file of cases holds them under ``measured``.
        others: What something else on the host took meanwhile: cores, or of a burst without a quota the seconds that it
            waited for one; None: cannot be told.
    """

    figures: Any
    others: float | None = None


def unmeasurable(session: Session) -> dict[str, str]:
    """Return the kinds of cases that cannot be measured there, each with the reason."""
    found = {}
    if not session.local:
        found["page_cache"] = "the file can be put out of the page cache only on this host"
        found["memory"] = "the peak of memory can be read from the gate on only on this host"
    elif session.facts.cgroup == "v2":
        found["memory"] = "cgroup v2 counts the start of a container into its peak of memory"
    elif os.geteuid() != 0:
        found["memory"] = "the peak of memory can be read from the gate on only by root"
    if session.facts.storage == "vfs":
        found["page_cache"] = "with the storage driver vfs every container has a copy of the file"
    return found


class Bench:
    """Measures cases in a session.

    Args:
        session: In which the containers run.
        window_s: For how long CPU is measured.
    """

    def __init__(self, session: Session, window_s: float) -> None:
        self._session = session
        self._window_s = window_s
        self._counts_per_s = 0.0
        self._process_bytes = 0.0

    def extra(self, case: Case) -> dict[str, Any]:
        """Return what else a file of cases is told of one: what the work image is, not what the case does."""
        match case:
            case MemoryCase():
                self._process_bytes = self._process_bytes or self._measure_process_bytes()
                return {"process_mib": self._process_bytes / _MIB}
            case PageCacheCase():
                return {"program_mib": 0.0}  # importing the image has read it
            case _:
                return {}

    def measure(self, case: Case) -> Measured:
        """Do a case once.

        Raises:
            HostError: The engine or the host does not do it.
        """
        match case:
            case CpuCase():
                return self._cpu(case)
            case MemoryCase():
                return Measured(self._memory(case))
            case PidsCase():
                return Measured(self._pids(case))
            case BurstCase():
                return self._burst(case)
            case PageCacheCase():
                return Measured(self._page_cache(case))

    def _cpu(self, case: CpuCase) -> Measured:
        deadline_s = self._window_s + _SETTLE_S + _SPARE_S
        with self._containers() as started:
            for place, each in enumerate(case.containers):
                limits = Limits(each.threads + START_TASKS, _SMALL, _quota_us(each.cpus), each.shares)
                started.append(
                    self._session.launch(Work(deadline_s, threads=each.threads), limits, f"c{place}")
                )
            for each_running in started:
                each_running.go()
            time.sleep(_SETTLE_S)
            busy = busy_s()
            before = [self._session.counted(each) for each in started]
            time.sleep(self._window_s)
            after = [self._session.counted(each) for each in started]
            spent = busy_s() - busy
        figures = []
        for (since_s, old), (until_s, new) in zip(before, after, strict=True):
            ratio = self._window_s / (
                until_s - since_s
            )  # to the window, which reading has made a little longer
            figures.append(
                {
                    "cores": (new.cpu_s - old.cpu_s) / (until_s - since_s),
                    "periods": round((new.periods - old.periods) * ratio),
                    "throttled": round((new.throttled - old.throttled) * ratio),
                    "throttled_s": (new.throttled_s - old.throttled_s) * ratio,
                }
            )
        elapsed_s = after[0][0] - before[0][0]
        ours_s = sum(new.cpu_s - old.cpu_s for (_, old), (_, new) in zip(before, after, strict=True))
        return Measured(figures, max(0.0, spent - ours_s) / elapsed_s if self._session.local else None)

    def _memory(self, case: MemoryCase) -> dict[str, Any]:
        limits = Limits(START_TASKS, case.limit_mib * _MIB)
        work = Work(_SPARE_S, hold_bytes=case.alloc_mib * _MIB, in_child=True)
        with self._containers() as started:
            running = self._session.launch(work, limits, "m")
            started.append(running)
            _forget_peak(running)
            running.go()
            held = _said(running, "held", "killed")
            _, counted = self._session.counted(running)
            state = self._session.engine.state(running.identity)
        return {
            "peak_mib": (counted.peak_bytes or 0) / _MIB,
            "oom_killed": counted.oom_kills > 0,
            "exit_code": state.exit_code,
            "finished": held == "held" or state.running,
        }

    def _measure_process_bytes(self) -> float:
        """What process 1 and a child that takes nothing are charged together, in bytes a process."""
        with self._containers() as started:
            running = self._session.launch(
                Work(_SPARE_S, hold_bytes=1, in_child=True), Limits(START_TASKS, _SMALL), "p"
            )
            started.append(running)
            _forget_peak(running)
            running.go()
            _said(running, "held")
            return (self._session.counted(running)[1].peak_bytes or 0) / 2

    def _pids(self, case: PidsCase) -> dict[str, Any]:
        work = Work(_SPARE_S, forks=case.forks)
        with self._containers() as started:
            running = self._session.launch(work, Limits(case.limit, 256 * _MIB), "f")
            started.append(running)
            running.go()
            said = _said(running, "forked", "refused")
            time.sleep(_FORKED_S)
            state = self._session.engine.state(running.identity)
            tasks = self._session.counted(running)[1].tasks if state.running else 0
        return {
            "tasks": tasks,
            "denied": "0" if said == "forked" else None,
            "status": "running" if state.running else "exited",
            "exit_code": state.exit_code,
            "log": "",
        }

    def _burst(self, case: BurstCase) -> Measured:
        if not self._counts_per_s:
            self._counts_per_s = _FIRST_SPIN / self._spin(_FIRST_SPIN, None)[1]
        counts = round(self._counts_per_s * case.seconds)
        free_s, cpu_s = self._spin(counts, None)
        capped_s, _ = self._spin(counts, case.cpus)
        return Measured({"free": free_s, "capped": capped_s}, max(0.0, free_s - cpu_s))

    def _spin(self, counts: int, cpus: float | None) -> tuple[float, float]:
        """Seconds by the wall and of the CPU."""
        with self._containers() as started:
            work = Work(2 * _SPARE_S, spin=counts)
            running = self._session.launch(work, Limits(START_TASKS, _SMALL, _quota_us(cpus)), "b")
            started.append(running)
            time.sleep(0.3)  # what the start has used of the quota is given back
            running.go()
            wall_s, cpu_s = map(float, running.until("spun", 2 * _SPARE_S))
            return wall_s, cpu_s

    def _page_cache(self, case: PageCacheCase) -> list[float]:
        os.sync()  # pages that are not on disk yet cannot be put out of the cache
        with self._containers() as started:
            evicting = self._session.launch(Work(_SPARE_S, evict=DATA_FILE), Limits(START_TASKS, _SMALL), "e")
            started.append(evicting)
            evicting.go()
            evicting.until("evicted", _ANSWER_S)
            charged = []
            for place in range(case.readers):
                work = Work(_SPARE_S, read=DATA_FILE, read_bytes=case.file_mib * _MIB)
                limits = Limits(START_TASKS, case.file_mib * _MIB + _SMALL)
                running = self._session.launch(work, limits, f"r{place}")
                started.append(running)
                running.go()
                if running.until("read", _ANSWER_S) != [str(case.file_mib * _MIB)]:
                    raise HostError(f"the image's file of {case.file_mib} MiB could not be read")
                charged.append(self._session.counted(running)[1].file_bytes / _MIB)
        return charged

    @contextmanager
    def _containers(self) -> Iterator[list[Running]]:
        """Containers of one measurement, removed at its end."""
        started: list[Running] = []
        try:
            yield started
        finally:
            for running in started:
                self._session.remove(running)


def _quota_us(cpus: float | None) -> int | None:
    return None if cpus is None else round(cpus * PERIOD_US)


def _said(running: Running, *words: str) -> str:
    """The first of some words that a container says."""
    until = time.monotonic() + _ANSWER_S
    while True:
        try:
            line = running.pipe.line(until - time.monotonic())
        except TimeoutError as error:
            raise HostError(f"container {running.name} said none of {', '.join(words)}") from error
        if line is None:
            raise HostError(f"container {running.name} ended before it said one of {', '.join(words)}")
        if line.split()[0] in words:
            return line.split()[0]


def _forget_peak(running: Running) -> None:
    """Let the peak of memory begin anew: what the engine needed to start the container is no part of the case."""
    file = running.folders["memory"] / "memory.max_usage_in_bytes"
    try:
        file.write_text("0")
    except OSError as error:
        raise HostError(
            f"cannot set back the peak of memory ({file.name}): {error.strerror or error}"
        ) from error


def busy_s() -> float:
    """CPU seconds that all of the host has used, from /proc/stat; 0 where there is none."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return 0.0
    user, nice, system, _, _, irq, soft, *_ = map(int, stat.read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
