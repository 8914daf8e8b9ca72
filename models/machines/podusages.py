"""What pods use of their minions' CPUs that are not followed container by container."""

from __future__ import annotations

from collections.abc import Callable

from models.api.containers import ContainerSpec, PodContainers
from models.api.types import Pod, PodTemplate
from models.api.usage import Cap
from models.kernel.cgrouptrees import burstable_millicores
from models.machines.askers import Asker
from models.machines.cputasks import TaskKind
from models.machines.usages import Usages, Use, write_used
from sim.engine import Engine
from sim.identities import Identities
from sim.journal import Journal

__all__ = ["PodUsages"]


class PodUsages:
    """The pods of all minions.

    Args:
        usages: Where what they use is followed.
        identity: Of a minion, by index.

    Attributes:
        done: Called with a pod whose work is done.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        usages: Usages,
        identity: Callable[[int], int],
        done: Callable[[Pod], None],
    ) -> None:
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._usages = usages
        self._identity = identity
        self.done = done
        self._uses: dict[int, Use] = {}
        self._kinds: dict[int, TaskKind] = {}
        self._weights: dict[int, int] = {}
        self._groups: dict[int, str] = {-1: "orphan"}

    def begin(self, pod: Pod) -> None:
        """Let a pod use what it wants, if it says what."""
        asked = pod.template.uses
        if asked is None or pod.arrival in self._uses:
            return
        group = self._groups.get(pod.owner)
        if group is None:
            group = self._groups[pod.owner] = self._identities.text(pod.owner)
        asker = Asker(
            pod.minion, pod.arrival, pod.identity, pod.owner, group, pod.ask.index, pod.restarts, pod.cause
        )
        use = self._usages.prepare(asker, self._kind(pod), asked.usage, lambda: self.done(pod))
        self._uses[pod.arrival] = use
        self._usages.begin(use)

    def comes(self, pod: Pod, *, begins: bool) -> None:
        """Let a pod that gets its room weigh in its class, whether or not it says what it uses.

        Args:
            pod: The pod.
            begins: It begins to use what it wants at this moment too.
        """
        asked = self._burstable_millicores(pod)
        if asked:
            quiet = begins and pod.template.uses is not None
            self._usages.kernels.weigh(pod.minion, asked, quiet=quiet)
        if begins:
            self.begin(pod)

    def goes(self, pod: Pod) -> None:
        """Let a pod that leaves its room weigh and use nothing any more."""
        asked = self._burstable_millicores(pod)
        if asked:
            self._usages.kernels.weigh(pod.minion, -asked, quiet=pod.arrival in self._uses)
        self.end(pod)

    def _burstable_millicores(self, pod: Pod) -> int:
        """Return what a pod adds to the weight of the class Burstable."""
        template = pod.template
        found = self._weights.get(template.index)
        if found is None:
            told = template.containers
            if told is None:
                told = self._only(template, "quota" if template.uses is None else template.uses.cap)
            found = 0 if told.cap == "none" else burstable_millicores(told)
            self._weights[template.index] = found
        return found

    def end(self, pod: Pod) -> None:
        """Let a pod use nothing any more, and write down what it has used."""
        found = self._uses.pop(pod.arrival, None)
        if found is not None:
            self._usages.end(found)
            self._write(found)

    def close(self) -> None:
        """Write down what pods have used that still run."""
        for use in self._uses.values():
            use.task.settle(self._env._now)
            self._write(use)

    def _kind(self, pod: Pod) -> TaskKind:
        template = pod.template
        found = self._kinds.get(template.index)
        if found is None:
            assert template.uses is not None, "it says what it uses"
            found = TaskKind(self._only(template, template.uses.cap), 0)
            self._kinds[template.index] = found
        return found

    def _only(self, template: PodTemplate, cap: Cap) -> PodContainers:
        """Return a pod whose containers are not told, as one container."""
        asked = tuple((word, template.need[column]) for column, word in enumerate(("cpu", "memory")))
        only = ContainerSpec("pod", requests=tuple(each for each in asked if each[1]))
        return PodContainers((only,), cap=cap)

    def _write(self, use: Use) -> None:
        write_used(self._journal, use.task, self._identity(use.task.asker.minion))
