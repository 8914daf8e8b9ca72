"""A run of containers on an engine: everything it makes carries its label, and every way out removes it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from experiments.replay.asking import agreed
from experiments.replay.cgroupfiles import Counted, cgroup_folders, counted_of_stats, read_counted
from experiments.replay.engine import Engine, Facts, State, seconds_of
from experiments.replay.fence import Fence, is_this_host, sweep_fences
from experiments.replay.gate import gate_problems
from experiments.replay.ownership import OWNER, RUN, lives, owner
from experiments.replay.problems import HostError
from experiments.replay.running import Running
from experiments.replay.work import Caps, Limits, Work, refusal
from experiments.replay.workimage import PROGRAM, build_program, image_tar

__all__ = ["Session", "default_caps"]

_REPOSITORY: Final = "wavetank-work"
_GATE_S: Final = 30.0
_END_S: Final = 10.0
_OOM_S: Final = 0.4
_LOOK_S: Final = 0.02
_KILLED: Final = 128 + signal.SIGKILL
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_MOST_TASKS: Final = 16_384


def default_caps(facts: Facts, pid_max: Path = Path("/proc/sys/kernel/pid_max")) -> Caps:
    """Return half of the host."""
    tasks = int(pid_max.read_text()) // 2 if pid_max.is_file() else _MOST_TASKS
    return Caps(max(1, facts.cores // 2), facts.memory_bytes // 2, min(tasks, _MOST_TASKS))


class Session:
    """A run of containers; a context.

    Args:
        engine: On which.
        caps: On all containers together; half of the host if None.
        yes: Do not ask.
        said: Is told what the user should know, a sentence each.
        cpus: The cores to use; the last ones of the host if None.
        file_bytes: Of the file in the image.
        program: Of the image; built if None.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        caps: Caps | None = None,
        yes: bool = False,
        said: Callable[[str], None] = lambda sentence: None,
        cpus: str | None = None,
        file_bytes: int = 0,
        program: bytes | None = None,
    ) -> None:
        self.engine = engine
        self.facts = engine.facts()
        self.caps = caps or default_caps(self.facts)
        self.run = uuid.uuid4().hex[:12]
        self.local = is_this_host(engine.url, self.facts)
        self.import_s = 0.0
        self.cpus = cpus or _last_cores(self.caps.cores, self.facts.cores)
        self._yes = yes
        self._said = said
        self._file_bytes = file_bytes
        self._program = program
        self._fence: Fence | None = None
        self._running: dict[str, Running] = {}
        self._promised: dict[object, Limits] = {}
        self._lock = threading.Lock()
        self._image = f"{_REPOSITORY}:{self.run}"
        self._handlers: dict[signal.Signals, Any] = {}
        self._is_interrupted = False
        _check(self.facts, self.caps)

    def __enter__(self) -> Self:
        self._remove_leftovers()
        self._ask_of_others()
        program = self._program or build_program()
        self._handlers = {each: signal.signal(each, self._interrupt) for each in _SIGNALS}
        try:
            # The image first: it tells other runs that this one lives, which must not sweep its cgroup away.
            tar = image_tar(program, self._file_bytes)
            importing_s = time.monotonic()
            self.engine.import_image(tar, _REPOSITORY, self.run, self._labels())
            self.import_s = time.monotonic() - importing_s
            if self.local and os.geteuid() == 0 and self.facts.driver == "cgroupfs":
                self._fence = Fence(self.run, self.caps, self.cpus)
            else:
                self._said(
                    "no cgroup lies around all containers here: instead, their limits add up to the caps"
                )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def fence(self) -> Fence | None:
        """The cgroup around all containers, where one could be made."""
        return self._fence

    @property
    def parent(self) -> str | None:
        """The cgroup in which those of all containers lie; None: the engine's."""
        return None if self._fence is None else self._fence.name

    def launch(self, work: Work, limits: Limits, name: str, *, parent: str | None = None) -> Running:
        """Start a container and bring it to the gate; its work begins with ``go``.

        Args:
            work: That it does.
            limits: Of it.
            name: Within the run.
            parent: A cgroup inside the run's in which its own lies.

        Raises:
            HostError: It would break a rule of safety, or found other limits around itself than asked.
        """
        self.heed()
        ticket = object()
        with (
            self._lock
        ):  # several may be started at once, and their limits must not be added up past each other
            problem = refusal(work, limits) or self._over(limits)
            if problem:
                raise HostError(f"container {name} is not started: {problem}")
            self._promised[ticket] = limits
        try:
            running = self._made(work, limits, name, parent or self.parent)
            self._running[running.identity] = running
        finally:
            self._promised.pop(ticket)
        try:
            self._through_gate(running)
        except BaseException:
            self.remove(running)
            raise
        return running

    def _made(self, work: Work, limits: Limits, name: str, parent: str | None) -> Running:
        """A container that is there and does not run yet."""
        identity, warnings = self.engine.create(
            self._image,
            [PROGRAM, *work.words()],
            limits,
            name=f"wavetank-{self.run}-{name}",
            labels=self._labels(),
            cpus=self.cpus,
            parent=parent,
        )
        try:
            if warnings:
                raise HostError(
                    f"the engine warns that it cannot do what was asked of container {name}: {'; '.join(warnings)}"
                )
            return Running(identity, name, limits, self.engine.attach(identity))
        except BaseException:
            self.engine.remove(identity)
            raise

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._is_interrupted = True
        raise KeyboardInterrupt

    def heed(self) -> None:
        """End if a signal has come: what it raised is lost where it met a finaliser, which lets nothing through."""
        if self._is_interrupted:
            raise KeyboardInterrupt

    def counted(self, running: Running) -> tuple[float, Counted]:
        """Return what the kernel counts of a container now, and when that was, in seconds of a clock that only goes on.

        Raises:
            HostError: It is gone.
        """
        if running.folders:
            try:
                return time.monotonic(), read_counted(running.folders)
            except OSError as error:
                raise HostError(f"container {running.name} has ended: its cgroup is gone") from error
        stats = self.engine.stats(running.identity)
        return seconds_of(stats["read"]), counted_of_stats(stats)

    def ended(self, running: Running) -> State:
        """Return the state of a container whose streams have closed, as soon as the engine knows it.

        The engine hears of the end and of a kill for want of memory on two ways, and of the latter maybe later.

        Raises:
            HostError: It does not end.
        """
        until = time.monotonic() + _END_S
        while (state := self.engine.state(running.identity)).running:
            if time.monotonic() > until:
                raise HostError(f"container {running.name} closed its streams and does not end")
            time.sleep(_LOOK_S)
        until = time.monotonic() + _OOM_S
        while state.exit_code == _KILLED and not state.oom_killed and time.monotonic() < until:
            time.sleep(_LOOK_S)
            state = self.engine.state(running.identity)
        return state

    def remove(self, running: Running) -> None:
        """Remove a container, working or not."""
        running.pipe.close()
        self.engine.remove(running.identity)
        self._running.pop(running.identity, None)

    def clear(self) -> None:
        """Remove all containers of the run.

        Raises:
            HostError: The engine does not answer.
        """
        for running in list(self._running.values()):
            running.pipe.close()
        for each in self.engine.containers(f"{RUN}={self.run}"):
            self.engine.remove(each.identity)
        self._running.clear()

    def close(self) -> None:
        """Remove everything. What the engine does not let go of is left to the next run, which is told."""
        with _undisturbed():
            try:
                self.clear()
                self.engine.remove_image(self._image)
            except HostError as error:
                self._said(str(error))
            if self._fence is not None:
                self._fence.close()
                self._fence = None
        for each, handler in self._handlers.items():
            signal.signal(each, handler)
        self._handlers = {}

    def _labels(self) -> dict[str, str]:
        return {RUN: self.run, OWNER: owner()}

    def _over(self, limits: Limits) -> str | None:
        """Why a container's limits, with those of the others, are more than all may have."""
        mine = [*(each.limits for each in self._running.values()), *self._promised.values(), limits]
        if limits.memory_bytes is None or limits.pids is None:
            return (
                None if self._fence is not None else "it has no limits, and nothing else would hold it here"
            )
        memory = sum(each.memory_bytes or 0 for each in mine)
        if memory > self.caps.memory_bytes:
            cap = self.caps.memory_bytes
            return f"all together may take {cap:,} bytes of memory, and would take {memory:,}: raise --max-memory"
        tasks = sum(each.pids or 0 for each in mine)
        if tasks > self.caps.pids:
            return f"all together may be {self.caps.pids:,} tasks, and would be {tasks:,}: raise --max-pids"
        return None

    def _through_gate(self, running: Running) -> None:
        self.engine.start(running.identity)
        found: dict[str, str] = {}
        until = time.monotonic() + _GATE_S
        try:
            while (line := running.pipe.line(until - time.monotonic())) != "ready":
                if line is None:
                    raise HostError(f"container {running.name} ended at the gate")
                word, _, rest = line.partition(" ")
                if word != "found":
                    raise HostError(
                        f"container {running.name} said '{line[:200]}' at the gate, and is not let through"
                    )
                name, _, found[name] = rest.partition(" ")
        except TimeoutError as error:
            raise HostError(
                f"container {running.name} did not come to the gate within {_GATE_S:g} s"
            ) from error
        problems = gate_problems(found, running.limits, self.facts.cgroup, self.cpus)
        if problems:
            raise HostError(
                f"container {running.name} does no work, since its limits are not as asked: {'; '.join(problems)}"
            )
        running.found = found
        if self.local:
            with contextlib.suppress(OSError):
                running.folders = cgroup_folders(self.engine.state(running.identity).pid)

    def _remove_leftovers(self) -> None:
        left = [each for each in self.engine.containers(RUN) if not lives(each.labels)]
        images = [name for name, labels in self.engine.images(RUN) if not lives(labels)]
        if left:
            agreed(
                f"{len(left)} containers of runs that were killed are left on {self.engine.url}. Remove them?",
                yes=self._yes,
            )
        for each in left:
            self.engine.remove(each.identity)
        for name in images:
            self.engine.remove_image(name)
        fences = sweep_fences() if self.local and os.geteuid() == 0 else 0
        if left or fences:
            self._said(
                f"removed what runs that were killed had left: {len(left)} containers, {fences} cgroups"
            )

    def _ask_of_others(self) -> None:
        others = sum(each.running and RUN not in each.labels for each in self.engine.containers())
        if others:
            agreed(
                f"{others} other containers run on {self.engine.url}, and will feel this. Go on?",
                yes=self._yes,
            )


def _check(facts: Facts, caps: Caps) -> None:
    if facts.lacks:
        raise HostError(f"the engine will not do: {'; '.join(facts.lacks)}")
    if facts.architecture != os.uname().machine:
        raise HostError(
            f"the engine's host is {facts.architecture}, and the work image is built here for {os.uname().machine}"
        )
    if caps.cores > facts.cores or caps.memory_bytes > facts.memory_bytes:
        raise HostError(
            f"the host is too small: it has {facts.cores} cores and {facts.memory_bytes:,} bytes of memory, and"
            f" {caps.cores} and {caps.memory_bytes:,} were asked for"
        )


def _last_cores(wanted: int, cores: int) -> str:
    first, last = cores - wanted, cores - 1
    return f"{first}" if first == last else f"{first}-{last}"


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no further signal cut the cleaning short."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
