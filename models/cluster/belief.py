"""What the scheduler believes about the minions, in columns, and cached scores by pod class.

Fed by deltas from the store's log; nothing here reads physical truth. One int64 matrix minion x resource;
GPU devices as thousandths left per device. ``fit`` has a column more for each question about devices, so that
one comparison answers whether a class fits a minion.

A score is computed once per pod class and minion and then only for minions that changed since (a cursor into
a log of changed indices): cost follows change. Classes of linear scores are kept in blocks, the others singly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.api.expected import ExpectedPod
from models.api.linear import LinearScore
from models.api.protocols import PlacingPolicy, ScoredBy, ScoringPolicy
from models.api.selectors import Selector
from models.api.specs_taints import NOT_READY, UNREACHABLE, Toleration, for_scheduling, keeps_off, said_taints
from models.api.types import MinionAsk, Pod, PodTemplate, ResourceTable
from models.cluster.allocatable import allocatable_of
from models.cluster.changes import ChangeLog
from models.cluster.classrows import ClassRow, ScorerRow
from models.cluster.linearblocks import LinearBlock, LinearRow
from models.cluster.readlabels import ReadLabels
from models.cluster.readonly import frozen
from models.cluster.reasons import count_reasons
from models.cluster.view import BeliefView

__all__ = ["Belief"]

Ints = NDArray[np.int64]

_CACHED_CLASSES = 4096
_add = np.add


class Belief:
    """The scheduler's copy of the minions.

    Args:
        minions: The minions, in order of index.
        resources: The columns.
        expected: Says which pods are to be expected, to policies that ask.

    Attributes:
        read: Labels of pods that were changed.
        view: What policies get of it.
    """

    def __init__(
        self,
        minions: Sequence[MinionAsk],
        resources: ResourceTable,
        expected: Callable[[], Sequence[ExpectedPod]] = tuple,
    ) -> None:
        count, columns = len(minions), len(resources)
        most = max((minion.gpu.count for minion in minions), default=0)
        self.names: Sequence[str] = tuple(minion.name for minion in minions)
        self.resources: Sequence[str] = resources.names
        self.gpu_models: Sequence[str] = tuple(minion.gpu.model for minion in minions)
        self._expected = expected
        self._minions = tuple(minions)
        self._columns = columns
        self._of_devices = slice(columns, columns + 2)
        allocatable = np.zeros((count, columns), dtype=np.int64)
        devices = np.zeros((count, most), dtype=np.int64)
        for i, minion in enumerate(minions):
            allocatable[i] = allocatable_of(minion, resources)
            devices[i, : minion.gpu.count] = 1000
        # fit: free per resource, whole free devices, the most left on one device, ready (1 is needed).
        self._fit = np.empty((count, columns + 3), dtype=np.int64)
        self._fit[:, :columns] = allocatable
        self._fit[:, columns] = (devices == 1000).sum(axis=1)
        self._fit[:, columns + 1] = devices.max(axis=1, initial=0)
        self._fit[:, columns + 2] = [minion.ready for minion in minions]
        self._devices = devices
        self._needs: dict[int, Ints] = {}
        self.allocatable = frozen(allocatable)
        self.free = frozen(self._fit[:, :columns])
        self.gpu_left_milli = frozen(devices)
        self._fit_rows = list(self._fit)
        self._uses: dict[int, tuple[Ints, Ints]] = {}
        self._log = ChangeLog(8 * count + 4096)
        self._reasons: dict[int, dict[str, int]] = {}
        self._reasons_of = -1
        self._eligible_of: dict[int, NDArray[np.bool_]] = {}
        self._rows: dict[int, ClassRow] = {}
        self._blocks: dict[bool, LinearBlock] = {}
        self._eligible: dict[tuple[object, ...], NDArray[np.bool_]] = {}
        # By minion, what keeps off whoever does not tolerate it; None keeps off everybody.
        self._kept: dict[int, tuple[str, ...] | None] = {
            index: None for index, minion in enumerate(minions) if not minion.ready
        }
        self._unheard_count = len(self._kept)
        self._outside: dict[int, None] = {}
        self.read = ReadLabels()
        self._tolerant: dict[int, None] = {}
        self.view = BeliefView(self)

    def __len__(self) -> int:
        return len(self.names)

    def labels(self, index: int) -> Mapping[str, str]:
        """Return the labels of one minion."""
        return self._minions[index].labels

    @cached_property
    def expected(self) -> Sequence[ExpectedPod]:
        """Kinds of pods that are to be expected, with how many of each."""
        return tuple(self._expected())

    def inside(self) -> list[int]:
        """Return the minions that are decided on: all but those of other partitions."""
        return [index for index in range(len(self)) if index not in self._outside]

    @property
    def ready(self) -> NDArray[np.bool_]:
        """Minions believed ready: bool (N,)."""
        ready: NDArray[np.bool_] = self._fit[:, -1] == 1
        return ready

    def need(self, template: PodTemplate) -> Ints:
        """Return what a pod of this template needs of each ``fit`` column: int64 (R + 3,)."""
        found = self._needs.get(template.index)
        if found is None:
            gpu = template.gpu
            whole = gpu.count if gpu is not None and gpu.milli == 1000 else 0
            milli = gpu.milli if gpu is not None else 0
            # Whoever tolerates taints looks at those themselves: see ``eligible``.
            ordinary = int(not for_scheduling(template.tolerations))
            found = self._needs[template.index] = np.array(
                (*template.need, whole, milli, ordinary), dtype=np.int64
            )
        return found

    def eligible(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where a template may run whatever is free: selector, GPU model and what it tolerates; bool (N,)."""
        found = self._eligible_of.get(template.index)
        if found is None:
            models = () if template.gpu is None else template.gpu.models
            tolerations = for_scheduling(template.tolerations)
            if tolerations:
                self._tolerant[template.index] = None
            found = self._eligible_of[template.index] = self._allowed(template.minions, models, tolerations)
        return found

    def _allowed(
        self, minions: Selector | None, models: tuple[str, ...], tolerations: tuple[Toleration, ...]
    ) -> NDArray[np.bool_]:
        key = (minions, models, tolerations)
        found = self._eligible.get(key)
        if found is not None:
            return found
        if tolerations:
            # Minions stay what they are: what taints change is looked at alone.
            found = self._allowed(minions, models, ()).copy()
            for i, taints in self._kept.items():
                if taints is None or keeps_off(taints, tolerations):
                    found[i] = False
        else:
            found = np.ones(len(self), dtype=bool)
            for i, minion in enumerate(self._minions):
                if minions is not None:
                    found[i] = minions.matches(minion.labels, (minion.name, minion.pool))
                if models and minion.gpu.model not in models:
                    found[i] = False
        self._eligible[key] = found
        return found

    def fits(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where a pod of this template could be bound now: bool (N,)."""
        enough = np.logical_and.reduce(self._fit >= self.need(template), axis=1)
        found: NDArray[np.bool_] = enough & self.eligible(template)
        return found

    def fits_devices(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where the GPU devices that a template asks for are left, of a model that it takes: bool (N,)."""
        need, columns = self.need(template), self._of_devices
        found: NDArray[np.bool_] = np.logical_and.reduce(self._fit[:, columns] >= need[columns], axis=1)
        return found & self.has_model(template)

    def has_devices(self, template: PodTemplate, minion: int) -> bool:
        """Tell whether the GPU devices that a template asks for are left on one minion: see ``fits_devices``."""
        need, columns = self.need(template), self._of_devices
        return bool((self._fit[minion, columns] >= need[columns]).all() and self.has_model(template)[minion])

    def has_model(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where GPUs are of a model that a template takes, if it asks for any: bool (N,)."""
        return self._allowed(None, () if template.gpu is None else template.gpu.models, ())

    def fits_there(self, template: PodTemplate, minion: int) -> bool:
        """Tell whether a pod may go to a minion now."""
        return bool(self.eligible(template)[minion] and (self._fit[minion] >= self.need(template)).all())

    def evictions_may_help(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where a pod could go if others were not there: bool (N,)."""
        helpful: NDArray[np.bool_] = self.eligible(template) & (self.ready | (self.need(template)[-1] == 0))
        return helpful

    def could_fit(self, template: PodTemplate, minion: int) -> bool:
        """Tell whether the change of one minion may have made room for a pod that had none."""
        return self.fits_there(template, minion)

    def helped_by(self, template: PodTemplate) -> Callable[[Pod], bool] | None:
        """Return which pods that had no room may have some now that one of a template was bound; nothing: none."""
        return None

    def seen(self, pod: Pod) -> PodTemplate:
        """Return what a pod is like, with the labels that were read of it. HOT."""
        return self.read.template(pod)

    def held(self, template: PodTemplate, minion: int) -> int:
        """Return a minion that a policy chose, or -1: here what it chose from is where the pod fits. HOT."""
        return minion

    def look_at(self, pod: Pod, minion: int = -1) -> None:
        """See a pod's deletion or labels, on a minion where it may be assumed only: here nothing depends on it."""

    def set_images(self, index: int, images: Mapping[str, int]) -> None:
        """Believe that a minion has these images, bytes by name: here nothing depends on it."""

    def forget(self, pod: Pod) -> None:
        """Forget what was seen of a pod but that it is there."""

    def reasons(self, template: PodTemplate) -> dict[str, int]:
        """Count the minions that a template may not go to, in the words of the real scheduler's events.

        What turns a minion down first counts: taints, selector, models of GPU, then what it has too little of, which
        may be several things. Worked out once until a minion changes: many wait for the same.
        """
        now = self._log.cursor
        if now != self._reasons_of:
            self._reasons.clear()
            self._reasons_of = now
        found = self._reasons.get(template.index)
        if found is None:
            found = self._reasons[template.index] = self._count_reasons(template)
        return dict(found)

    def _count_reasons(self, template: PodTemplate) -> dict[str, int]:
        filters = (
            ("node(s) didn't match Pod's node affinity", self._allowed(template.minions, (), ())),
            ("node(s) had no GPU of a model that is asked for", self.has_model(template)),
        )
        fit, need, kept = self._fit, self.need(template), self._keeping_off(template)
        return count_reasons(fit, need, self.resources, kept=kept, outside=self._outside, filters=filters)

    def _keeping_off(self, template: PodTemplate) -> dict[int, str]:
        """Return which minions' conditions and taints keep a template off, and how that is said."""
        tolerations = for_scheduling(template.tolerations)
        found = dict[int, str]()
        for index in (i for i in np.flatnonzero(self._fit[:, -1] == 0).tolist() if i not in self._outside):
            taints = self._kept.get(index)
            if taints is None:
                found[index] = "node(s) were not ready"
            elif keeps_off(taints, tolerations):
                found[index] = said_taints(taints, tolerations)
        return found

    def place(self, template: PodTemplate, index: int, devices: tuple[int, ...], sign: int) -> None:
        """Take (sign -1) or give back (sign +1) what a pod uses on a minion."""
        uses = self._uses.get(template.index)
        if uses is None:
            need = np.array((*template.need, 0, 0, 0), dtype=np.int64)
            uses = self._uses[template.index] = (need, -need)
        row = self._fit_rows[index]
        _add(row, uses[sign < 0], row)
        if devices:
            gpu = template.gpu
            assert gpu is not None, "only a pod that asked for GPUs has devices"
            own = self._devices[index]
            for device in devices:
                own[device] += sign * gpu.milli
            row[self._columns] = (own == 1000).sum()
            row[self._columns + 1] = own.max()
        log = self._log
        log.add(index)
        if len(log.entries) >= log.limit:
            log.trim()

    def assume(self, pod: Pod, minion: int, devices: tuple[int, ...]) -> None:
        """Believe a pod where it was decided to be, before the record says so."""
        self.place(pod.template, minion, devices, -1)
        if self.seen(pod) is not pod.template:
            self.look_at(pod, minion)

    def withdraw(self, pod: Pod, minion: int, devices: tuple[int, ...]) -> None:
        """Believe no longer that a pod is, or is going to be, on a minion."""
        self.forget(pod)
        self.place(pod.template, minion, devices, 1)

    @property
    def registered(self) -> int:
        """How many minions the master has heard of: who is not ready and has no taint for it is yet to come."""
        return len(self) - self._unheard_count

    def pretend(self, pod: Pod, index: int, devices: tuple[int, ...], sign: int) -> None:
        """``place`` a pod for a look at what would be; whoever does so takes it back."""
        type(self).place(self, self.seen(pod), index, devices, sign)

    def relist(
        self,
        minions: Sequence[tuple[bool, tuple[str, ...]]],
        placed: Iterable[tuple[PodTemplate, int, tuple[int, ...]]],
    ) -> None:
        """Forget all, and believe this: (ready, taints) by minion; (template, minion, devices) of what is bound."""
        self.read.clear()
        self._fit[:, : self._columns] = self.allocatable
        for index, minion in enumerate(self._minions):
            self._devices[index, : minion.gpu.count] = 1000
            self._fit[index, self._columns] = minion.gpu.count
            self._fit[index, self._columns + 1] = 1000 if minion.gpu.count else 0
            self.set_condition(index, *minions[index])
        for template, index, devices in placed:
            self.place(template, index, devices, -1)

    def confine(self, outside: Iterable[int]) -> None:
        """Leave minions out for good, as those of another partition."""
        for index in outside:
            self.set_condition(index, False, ())
            self._outside[index] = None

    def set_ready(self, index: int, ready: bool) -> None:
        """Believe a minion ready or not."""
        self._fit[index, -1] = ready
        self._log.add(index)

    def set_condition(self, index: int, ready: bool, taints: tuple[str, ...]) -> None:
        """Believe a minion ready or not, with these taints: whoever tolerates all that keep others off may go there.

        A minion that is not ready and has no taint for that takes nobody.
        """
        if index in self._outside:
            return
        keeping = tuple(taint for taint in taints if not taint.endswith(":PreferNoSchedule"))
        self.set_ready(index, ready and not keeping)
        says_why = ready or any(taint.startswith((NOT_READY, UNREACHABLE)) for taint in keeping)
        kept = keeping if says_why else None
        before = self._kept.get(index, ())
        if before == kept:
            return
        self._unheard_count += (kept is None) - (before is None)
        if kept == ():
            del self._kept[index]
        else:
            self._kept[index] = kept
        # Who tolerates anything is rare, and so are taints: their rows are made anew.
        for template in self._tolerant:
            self._rows.pop(template, None)
        self._tolerant.clear()
        self._eligible_of.clear()
        self._eligible = {key: each for key, each in self._eligible.items() if not key[2]}

    def row(self, template: PodTemplate, policy: ScoringPolicy | PlacingPolicy) -> ClassRow:
        """Return the cached scores of a class, caught up with every change."""
        found = self._rows.get(template.index)
        if found is None:
            # The oldest goes; the scores of a block go with the last of its classes.
            if len(self._rows) >= _CACHED_CLASSES:
                self._rows.pop(next(iter(self._rows)))
            found = self._rows[template.index] = self._new_row(template, policy)
        found.catch_up()
        return found

    def considered(self, template: PodTemplate, row: ClassRow) -> tuple[Ints, list[ScoredBy]]:
        """Return where a class may go by its row, int64 (k,), and what each plug-in gives those minions.

        Here the policy is the only one, and has no name of its own.
        """
        rows = np.flatnonzero(row.scores > -np.inf)
        return rows, [("", 1, row.scores[rows])]

    def _new_row(self, template: PodTemplate, policy: ScoringPolicy | PlacingPolicy) -> ClassRow:
        assert isinstance(policy, ScoringPolicy), "a policy that looks at pods has a belief in them"
        need, eligible = self.need(template), self.eligible(template)
        scorer = policy.scorer(self.view, template)
        if isinstance(scorer, LinearScore):
            return self._linear_row(need, scorer, eligible)
        return ScorerRow(self._fit, self._log, self.names, need, scorer, eligible)

    def _linear_row(self, need: Ints, score: LinearScore, eligible: NDArray[np.bool_]) -> LinearRow:
        block = self._blocks.get(score.truncated)
        if block is None or block.full:
            block = self._blocks[score.truncated] = LinearBlock(
                self._fit,
                self._fit_rows,
                self._log,
                self.names,
                self._columns,
                truncated=score.truncated,
            )
        return block.add(need, score, eligible)
