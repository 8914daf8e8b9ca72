"""The queue of a scheduler among others: only pods that ask for it, and by jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection

from models.api.types import JOB_LABEL, BatchAsk, Pod
from models.control.kubequeue import KubeQueue, Place, QueueRules, Waiting

__all__ = ["JobQueue", "job_of"]

Labels = tuple[tuple[str, str], ...]
Job = tuple[str, str, int]
"""(namespace, value of the label, number of the batch or -1)"""


def job_of(pod: Pod, labels: Labels) -> Job | None:
    """Return the job that a pod with these labels is of; nothing if it is a job by itself."""
    for key, value in labels:
        if key == JOB_LABEL:
            return pod.template.namespace, value, pod.ask.batch if isinstance(pod.ask, BatchAsk) else -1
    return None


class JobQueue(KubeQueue):
    """As the kube-scheduler's, whose pods of a job are taken together.

    Args:
        rules: Times.
        serves: Names of the schedulers that pods ask for.
        labels: Those that were read of a pod.
        gang: A job is taken with those of its pods too that wait for something; else with those that are active.
    """

    def __init__(
        self, rules: QueueRules, serves: Collection[str], labels: Callable[[Pod], Labels], *, gang: bool
    ) -> None:
        super().__init__(rules)
        self._labels = labels
        self._serves = frozenset(serves)
        self._gang = gang
        self._jobs: dict[Job, dict[int, Waiting]] = {}

    def add(self, pod: Pod, now_s: float) -> None:
        """Enter a new pod, if it asks for this scheduler."""
        if pod.template.scheduler in self._serves:
            super().add(pod, now_s)

    def pop_job(self) -> list[Waiting]:
        """Take the next active pod and the others of its job, by arrival; none if none is active."""
        first = self.pop()
        if first is None:
            return []
        job = self._job_of(first.pod)
        others = [] if job is None else list(self._jobs.get(job, {}).values())
        taken = [first]
        for each in others:
            if self._gang or each.place is Place.ACTIVE:
                self._take_out(each)
                each.attempts += 1
                taken.append(each)
        taken.sort(key=lambda waiting: waiting.pod.arrival)
        return taken

    def try_again(self, waiting: Waiting) -> None:
        """Make active again at once whose bind was refused by a conflict."""
        if waiting.pod.arrival not in self._known:
            self._put(waiting, Place.ACTIVE)

    def change(self, pod: Pod, read: Callable[[], None]) -> None:
        """Have a pod that has other labels in the job that it is of then.

        Args:
            pod: The pod.
            read: Reads the labels.
        """
        waiting = self._known.get(pod.arrival)
        if waiting is not None:
            self._leave(waiting)
        read()
        if waiting is not None:
            self._join(waiting)

    def _job_of(self, pod: Pod) -> Job | None:
        return job_of(pod, self._labels(pod))

    def _put(self, waiting: Waiting, place: Place) -> None:
        super()._put(waiting, place)
        self._join(waiting)

    def _take_out(self, waiting: Waiting) -> None:
        super()._take_out(waiting)
        self._leave(waiting)

    def _join(self, waiting: Waiting) -> None:
        job = self._job_of(waiting.pod)
        if job is not None:
            self._jobs.setdefault(job, {})[waiting.pod.arrival] = waiting

    def _leave(self, waiting: Waiting) -> None:
        job = self._job_of(waiting.pod)
        if job is not None:
            members = self._jobs.get(job, {})
            members.pop(waiting.pod.arrival, None)
            if not members:
                self._jobs.pop(job, None)
