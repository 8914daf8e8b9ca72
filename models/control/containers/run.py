"""What the containers of one pod do, and what they do next: a state machine over declared behaviour, without events.

:class:`PodRun` knows when its next change of state is (``next_s``) and makes it (``step``). All times follow from the
plan and from draws; nothing is asked periodically. The rules are the kubelet's of v1.20: computePodActions(),
doBackOff() and killContainer() of k/k:pkg/kubelet/kuberuntime, the probes' workers of pkg/kubelet/prober.

Simplified: an exit is seen at once (the kubelet's relist of FACTS K26 would add up to 1 s); a container that a probe
has killed is held back as one that ended by itself; containers of a pod that restart do not wait for each other.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable

from models.api.status import EVICTED, OOM_KILLED
from models.control.containers.container import KILLED, Answer, ContainerRun, Draws, Hunger, Word
from models.control.containers.plan import LIVENESS, PROBES, READINESS, PodPlan

__all__ = ["Happened", "Happening", "PodRun"]

_INF = math.inf
_CANNOT_RUN = 128
"""Exit code of a container that its engine could not start: Docker's, where the runtime has none of its own."""
_CANNOT_RUN_REASON = "ContainerCannotRun"
_RELIST_S = 1.0
"""After which a container's end is seen at the latest (FACTS K26)."""


class Happened(enum.IntEnum):
    """What a change of state was."""

    WANTS_IMAGE = 0
    STARTED = 1
    EXITED = 2
    HELD_BACK = 3
    PROBE_FAILED = 4
    PROBE_PASSED = 5


Happening = tuple[Happened, int, float, str | None, float]
"""(what, container, restarts or exit code, reason, seconds: that it ran, or is held back)"""


class PodRun:
    """The containers of one pod on one minion.

    Args:
        plan: Of its containers.
        draws: Where draws come from.
        base_s: When a probe's worker asks first, at the earliest: (container, probe) -> seconds.
        pulls: Whether a container has to ask for its image: else all images are there.

    Attributes:
        containers: Init containers first.
        next_s: When something changes next; ``inf`` never, as things are.
        begun: Whether its containers were ever begun with.
        refuses: It is unready whatever its probes find.
        terminating: It was told to end.
        evicted: Its kubelet has driven it away: it has failed.
        starved: Its minion can start no process: containers do not start, execs fail, nothing can be killed.
    """

    __slots__ = (
        "_answer",
        "_happened",
        "_next",
        "_pulls",
        "_unstopped",
        "begun",
        "containers",
        "evicted",
        "next_s",
        "plan",
        "refuses",
        "starved",
        "terminating",
    )  # fmt: skip

    def __init__(
        self, plan: PodPlan, draws: Draws, base_s: Callable[[int, int], float], *, pulls: bool = False
    ) -> None:
        self.plan = plan
        self._pulls = pulls
        self.containers = tuple(
            [ContainerRun(index, each, draws, base_s) for index, each in enumerate(plan.containers)]
        )
        self.next_s = _INF
        self.begun = False
        self.terminating = self.evicted = self.starved = False
        self._unstopped: list[ContainerRun] = []
        self._next = 0  # the container that is begun with next, while they are begun with in turn
        self._answer: Answer | None = None
        self.refuses = False
        self._happened: list[Happening] | None = None

    @property
    def running(self) -> bool:
        """Whether any process is there."""
        return any(each.runs for each in self.containers)

    # What is asked of it; each returns what happened by it, and by what was due.
    def begin(self, now_s: float) -> list[Happening]:
        """Begin with the containers: the pod's sandbox is there."""
        self.begun = True
        self._begin_next(now_s)
        return self.step(now_s)

    def adopt(self, now_s: float, *, ready: bool) -> None:
        """Begin with a pod whose containers run already, its init containers being done; it may be ready."""
        self.begun = True
        self._next = len(self.containers)
        for each in self.containers[: self.plan.init_count]:
            each.succeeded()
        for each in self.containers[self.plan.init_count :]:
            each.run(now_s, self.plan.ready, None)
            if ready:
                each.is_ready(now_s)
            each.refresh()

    def step(self, now_s: float) -> list[Happening]:
        """Make all that is due by now, in order of time; find what comes next."""
        containers = self.containers
        if len(containers) == 1:  # HOT: mostly it is one
            only = containers[0]
            while (next_s := only.next_s) <= now_s:
                self._change(only, next_s)
        else:
            while (next_s := min([each.next_s for each in containers])) <= now_s:
                self._change(next(each for each in containers if each.next_s == next_s), next_s)
        self.next_s = next_s
        happened, self._happened = self._happened, None
        return happened or []

    def pulled(self, index: int, now_s: float, *, failed: str | None = None) -> list[Happening]:
        """Go on with a container whose image is there, or could not be had: ``failed`` is why it waits then."""
        each = self.containers[index]
        if each.word is Word.PULLING:
            if failed is None:
                each.create(now_s)
            else:
                each.wait_for_image(now_s, self.plan.pull, failed)
                self._tell(Happened.HELD_BACK, each, reason=failed, seconds=each.pull_held_s)
                self._go_through(each, now_s)
            each.refresh()
        return self.step(now_s)

    def terminate(self, now_s: float, grace_s: float) -> list[Happening]:
        """End all containers, together and with grace, for good."""
        self.terminating = True
        for each in self.containers:
            if each.runs:
                each.stop(now_s, grace_s)
                each.hold_probes(now_s, LIVENESS)
            elif each.word is not Word.EXITED:
                each.drop()
            each.refresh()
        return self.step(now_s)

    def kill(
        self, now_s: float, index: int | None = None, reason: str = "Error", code: int = KILLED
    ) -> list[Happening]:
        """Let every process that is there die of SIGKILL, or that of one container; for a reason, or with a code."""
        for each in self.containers if index is None else (self.containers[index],):
            if each.runs:
                each.oom_killed |= reason == OOM_KILLED
                self._exit(each, now_s, code, reason)
                each.refresh()
        return self.step(now_s)

    def hurt(self, index: int) -> None:
        """Note that the kernel has killed a process of a container that goes on: it shows at its end."""
        self.containers[index].oom_killed = True

    def evict(self, now_s: float) -> list[Happening]:
        """Let every process that is there die of SIGKILL, and nothing start any more."""
        self.evicted = True
        for each in self.containers:
            if each.runs:
                self._exit(each, now_s, KILLED, EVICTED)
            else:
                each.drop()
            each.refresh()
        return self.step(now_s)

    def answer(self, now_s: float, answer: Answer | None) -> list[Happening]:
        """Let all containers answer all probes so from now on, or (None) again as they would."""
        self._answer = answer
        for each in self.containers:
            if each.runs:
                each.answer(now_s, answer)
                each.refresh()
        return self.step(now_s)

    def feel(self, index: int, now_s: float, hunger: Hunger | None) -> list[Happening]:
        """Let a container be short of CPU so from now on, or (None) no longer: its probes feel it."""
        each = self.containers[index]
        if each.runs:
            each.hunger = hunger
            each.answer(now_s, self._answer)
            each.refresh()
        return self.step(now_s)

    def starve(self, now_s: float, *, starved: bool) -> list[Happening]:
        """Let no process be started from now on, or again: what should have been killed meanwhile is killed then."""
        self.starved = starved
        for each in self.containers:
            each.starved = starved
            if each.runs:
                if not starved and each in self._unstopped:
                    each.stop(now_s, self.plan.grace_s)
                each.answer(now_s, self._answer)
                each.refresh()
        self._unstopped.clear()
        return self.step(now_s)

    def starves(self, happening: Happening) -> bool:
        """Whether something happened as no process could be started."""
        what, index, _, reason, _ = happening
        if not self.starved or reason is None:
            return False
        by_exec = what is Happened.PROBE_FAILED and self.containers[index].asks_by_exec(reason)
        return by_exec or reason == _CANNOT_RUN_REASON

    def finish(self, index: int, now_s: float) -> list[Happening]:
        """Let a container end by itself: its work is done."""
        each = self.containers[index]
        if each.runs:
            each.due_s = now_s
            each.refresh()
        return self.step(now_s)

    def refuse(self, now_s: float, *, refuses: bool) -> list[Happening]:
        """Let the pod be unready whatever its probes say, or no longer."""
        self.refuses = refuses
        return self.step(now_s)

    def halt(self, now_s: float) -> None:
        """Let every process be gone, and do nothing more: the minion is down."""
        for each in self.containers:
            if each.runs:
                each.exit(now_s, KILLED)
            each.due_s = each.next_s = _INF
        self.next_s = _INF

    def reboot(self, now_s: float) -> list[Happening]:
        """Go on where the minion is back: nothing runs, the sandbox is another, the kubelet has forgotten all waits.

        With policy Never what had begun has failed; else all begins anew, init containers too, but what has
        succeeded under OnFailure.
        """
        policy, init = self.plan.policy, self.plan.init_count
        again = policy != "Never" or not any(each.ran for each in self.containers)
        for each in self.containers:
            each.forget()
            done = each.index >= init and policy == "OnFailure" and each.ran and each.exit_code == 0
            each.word = Word.IDLE if not each.ran or (again and not done) else Word.EXITED
        self._answer = None
        if again:
            self._next = 0
            self._begin_next(now_s)
        return self.step(now_s)

    # How one thing leads to another.

    def _tell(
        self,
        what: Happened,
        each: ContainerRun,
        value: float = math.nan,
        reason: str | None = None,
        seconds: float = math.nan,
    ) -> None:
        if self._happened is None:
            self._happened = []
        self._happened.append((what, each.index, value, reason, seconds))

    def _change(self, each: ContainerRun, now_s: float) -> None:
        """Make one change of one container; what is its own comes before what its probes find."""
        if each.due_s <= now_s:
            if each.word is Word.STARTING and self.starved:
                each.ran, each.started_s = True, now_s
                self._exit(each, now_s, _CANNOT_RUN, _CANNOT_RUN_REASON)
            elif each.word is Word.STARTING:
                self._run(each, now_s)
            elif each.runs:
                self._exit(each, now_s)
            else:  # it was held back
                self._create(each, now_s)
        elif each.ready_due_s <= now_s:
            each.ready = True
            each.ready_due_s = _INF
        else:
            self._probe(each, now_s)
        each.refresh()

    def _probe(self, each: ContainerRun, now_s: float) -> None:
        """Take what one probe finds."""
        for place, probe in enumerate(each.probes):
            if probe is not None and probe.due_s <= now_s:
                self._result(each, place, now_s, passes=probe.change())
                return

    def _result(self, each: ContainerRun, place: int, now_s: float, *, passes: bool) -> None:
        what = Happened.PROBE_PASSED if passes else Happened.PROBE_FAILED
        self._tell(what, each, reason=PROBES[place])
        if place == READINESS:
            each.ready = passes
        elif passes:
            each.has_started(now_s, self.plan.ready, self._answer)
        elif self.starved:
            self._unstopped.append(each)
        else:
            each.stop(now_s, self.plan.grace_s)

    def _begin_next(self, now_s: float) -> None:
        """Begin with the next container that has to run: init containers one by one, then the others in turn."""
        containers = self.containers
        while self._next < len(containers) and containers[self._next].word is Word.EXITED:
            self._next += 1  # it succeeded before its minion was down
        if self._next < len(containers):
            each = containers[self._next]
            self._next += 1
            self._create(each, now_s)
            each.refresh()

    def _go_through(self, each: ContainerRun, now_s: float) -> None:
        """Begin with the next container where this one runs, or has no image: one sync goes through all of them."""
        if each.index >= self.plan.init_count and each.index == self._next - 1:
            self._begin_next(now_s)

    def _create(self, each: ContainerRun, now_s: float) -> None:
        """Create a container, or ask for its image first."""
        if self._pulls and each.plan.image:
            each.word = Word.PULLING
            each.due_s = _INF
            self._tell(Happened.WANTS_IMAGE, each)
        else:
            each.create(now_s)

    def _run(self, each: ContainerRun, now_s: float) -> None:
        each.run(now_s, self.plan.ready, self._answer)
        self._tell(Happened.STARTED, each, float(each.restarts))
        self._go_through(each, now_s)

    def _exit(self, each: ContainerRun, now_s: float, code: int | None = None, reason: str = "Error") -> None:
        ran_s = each.exit(now_s, code)
        code = each.exit_code
        if each.oom_killed:  # whatever its code: dockershim's docker_container.go, v1.20.2
            reason = OOM_KILLED
        elif not code:
            reason = "Completed"
        self._tell(Happened.EXITED, each, float(code), reason, ran_s)
        policy, init = self.plan.policy, self.plan.init_count
        if self.terminating or self.evicted:
            return
        if each.index < init and code == 0:
            self._begin_next(now_s)
        elif policy == "Always" or (policy == "OnFailure" and code):
            self._restart(each, now_s)

    def _restart(self, each: ContainerRun, now_s: float) -> None:
        """Start a container again, at once or when its back-off is over (doBackOff())."""
        curve = self.plan.crash
        wait_s = curve.wait_s(each.held_s, each.tried_s, now_s)
        each.held_s = curve.next_s(wait_s)
        each.tried_s = now_s + wait_s
        if wait_s > 0:
            each.word = Word.HELD_BACK
            each.due_s = now_s + wait_s
            self._tell(Happened.HELD_BACK, each, reason="CrashLoopBackOff", seconds=wait_s)
        elif self.starved:  # its end may be what gives processes back: that is seen first
            each.word = Word.HELD_BACK
            each.due_s = now_s + _RELIST_S
        else:
            self._create(each, now_s)
