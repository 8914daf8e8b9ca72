"""The belief of a scheduler whose policy looks at pods too: what is free, and besides who is where.

What no plug-in of the kube-scheduler knows (shares and models of GPU devices) is looked up in the columns of
:class:`models.cluster.belief.Belief`, and narrows down where a pod may go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.api.protocols import Decided, PlacingPolicy, ScoredBy, ScoringPolicy
from models.api.scheduling import MinionAsScheduled, Owner
from models.api.scheduling_templates import as_scheduled
from models.api.specs_taints import UNSCHEDULABLE, parse_taint
from models.api.taints import Taint
from models.api.types import TERMINATING, MinionAsk, Pod, PodTemplate, ResourceTable
from models.cluster.belief import Belief
from models.cluster.classrows import NUMBERS, ClassRow, WrongAnswerError
from models.cluster.placements import Known, Placements

__all__ = ["PlacedBelief", "Placing"]


@dataclass(frozen=True)
class Placing:
    """What is known of a cluster besides the minions' resources.

    Attributes:
        minions: By index.
        owners: Objects that select pods.
    """

    minions: Sequence[MinionAsScheduled] = ()
    owners: Sequence[Owner] = ()


class _Row:
    """A decision as a class's row: :class:`models.cluster.classrows.ClassRow`."""

    __slots__ = ("_decided", "_names")

    def __init__(self, decided: Decided, names: Sequence[str]) -> None:
        self._decided = decided
        self._names = names

    @property
    def scores(self) -> NDArray[np.int64]:
        """The totals but for what all minions have alike."""
        return self._decided.ranks

    def catch_up(self) -> None:
        """It is of now."""

    def best(self) -> int:
        """Return the first minion of the highest total, or -1.

        Raises:
            WrongAnswerError: What was decided is no decision about these minions.
        """
        ranks, names = self._decided.ranks, self._names
        if getattr(ranks, "shape", None) != (len(names),):
            raise WrongAnswerError(f"gave ranks of shape {np.shape(ranks)} for {len(names)} minions")
        kind = ranks.dtype.kind
        if kind != "i":
            if kind not in NUMBERS:
                raise WrongAnswerError(f"gave ranks of type {ranks.dtype}; numbers were expected")
            wrong = np.flatnonzero(~np.isfinite(ranks))
            if wrong.size:
                raise WrongAnswerError(f"gave rank {ranks[wrong[0]]} for minion '{names[wrong[0]]}'")
        return self._decided.first


class PlacedBelief(Belief):
    """Belief in minions and in the pods on them.

    Args:
        minions: The minions, in order of index.
        resources: The columns.
        policy: What decides.
        placing: What else is known.
    """

    def __init__(
        self, minions: Sequence[MinionAsk], resources: ResourceTable, policy: PlacingPolicy, placing: Placing
    ) -> None:
        super().__init__(minions, resources)
        self._placements = Placements(placing.minions, placing.owners)
        self._decider = policy.decider(self._placements.view)
        self._known: dict[int, Known] = {}
        self._changed_pods: dict[int, tuple[Known, bool, int]] = {}
        for index, minion in enumerate(minions):
            self._placements.set_present(index, minion.ready)

    def known(self, template: PodTemplate) -> Known:
        """Return the class that pods of a template are of, while nobody has changed their labels."""
        found = self._known.get(template.index)
        if found is None:
            found = self._known[template.index] = self._placements.know(
                as_scheduled(template, self.resources)
            )
        return found

    def row(self, template: PodTemplate, policy: ScoringPolicy | PlacingPolicy) -> ClassRow:
        """Decide about a pod of a class."""
        among = None if template.gpu is None else self.fits_devices(template)
        return _Row(self._decider.decide(self.known(template), among), self.names)

    def considered(self, template: PodTemplate, row: ClassRow) -> tuple[NDArray[np.int64], list[ScoredBy]]:
        """Return where a class may go by its row, int64 (k,), and what each plug-in gives those minions."""
        rows = np.flatnonzero(row.scores >= 0)
        return rows, list(self._decider.parts(self.known(template), rows)) if rows.size else []

    def could_fit(self, template: PodTemplate, minion: int) -> bool:
        """Tell whether the change of one minion may have made room for a pod."""
        if template.gpu is not None and not self.has_devices(template, minion):
            return False
        return self._decider.could_fit(self.known(template), minion)

    def fits_there(self, template: PodTemplate, minion: int) -> bool:
        """Tell whether a pod may go to a minion now."""
        if template.gpu is not None and not self.has_devices(template, minion):
            return False
        return self._decider.fits(self.known(template), minion)

    def evictions_may_help(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where a pod could go if others were not there: bool (N,)."""
        return self._decider.evictions_may_help(self.known(template)) & self.has_model(template)

    def helped_by(self, template: PodTemplate) -> Callable[[Pod], bool] | None:
        """Return which pods may find room now that one of a template was bound."""
        bound, decider = self.known(template), self._decider
        return lambda pod: decider.helped_by(self.known(self.seen(pod)), bound)

    def reasons(self, template: PodTemplate) -> dict[str, int]:
        """Count the minions that a pod may not go to, as the real scheduler's event does."""
        counts = dict(self._decider.reasons(self.known(template)))
        if template.gpu is not None:
            short = len(self) - int(self.fits_devices(template).sum())
            counts |= {"Insufficient gpu": short} if short else {}
        return counts

    def place(self, template: PodTemplate, index: int, devices: tuple[int, ...], sign: int) -> None:
        """Take (sign -1) or give back (sign +1) what a pod uses on a minion. HOT."""
        super().place(template, index, devices, sign)
        self._placements.place(self.known(template), index, -sign)

    def pretend(self, pod: Pod, index: int, devices: tuple[int, ...], sign: int) -> None:
        """``place`` a pod, as it is seen, for a look at what would be."""
        found = self._changed_pods.get(pod.arrival)
        if found is None:
            super().pretend(pod, index, devices, sign)
        else:
            super().place(pod.template, index, devices, sign)
            self._placements.place(found[0], index, -sign, terminating=found[1])

    def look_at(self, pod: Pod, minion: int = -1) -> None:
        """See that a pod is being deleted, or has other labels, where it is or is assumed to be."""
        minion = pod.minion if minion < 0 else minion
        if minion < 0:
            return
        self.forget(pod)
        plain, now = self.known(pod.template), self.known(self.seen(pod))
        ending = bool(pod.word & TERMINATING)
        if ending or now is not plain:
            self._placements.place(plain, minion, -1)
            self._placements.place(now, minion, 1, terminating=ending)
            self._changed_pods[pod.arrival] = (now, ending, minion)

    def forget(self, pod: Pod) -> None:
        """Forget what was seen of a pod but that it is there."""
        found = self._changed_pods.pop(pod.arrival, None)
        if found is not None:
            now, ending, minion = found
            self._placements.place(now, minion, -1, terminating=ending)
            self._placements.place(self.known(pod.template), minion, 1)

    def relist(
        self,
        minions: Sequence[tuple[bool, tuple[str, ...]]],
        placed: Iterable[tuple[PodTemplate, int, tuple[int, ...]]],
    ) -> None:
        """Forget all, and believe this: (ready, taints) by minion; (template, minion, devices) of what is bound."""
        self._changed_pods.clear()
        self._placements.clear()
        super().relist(minions, placed)

    def set_condition(self, index: int, ready: bool, taints: tuple[str, ...]) -> None:
        """Believe a minion ready or not, with these taints.

        As in the real cluster it is the taints that keep pods off; a minion that is not ready and has none for that
        (with timing ``instant`` none is put on) takes nobody.
        """
        super().set_condition(index, ready, taints)
        placements = self._placements
        given = tuple(_taint(text) for text in taints)
        before = placements.minions[index]
        if before.taints != given:
            cordoned = any(taint.key == UNSCHEDULABLE for taint in given)
            placements.change_minion(index, replace(before, taints=given, unschedulable=cordoned))
        placements.set_present(index, self._kept.get(index, ()) is not None)

    @property
    def images(self) -> list[Mapping[str, int]]:
        """Images by minion, bytes by name."""
        return [each.images for each in self._placements.minions]

    def held(self, template: PodTemplate, minion: object) -> int:
        """Return a minion that a policy chose, or -1. HOT.

        Raises:
            WrongAnswerError: There is no such minion, it takes no pods, or what a template asks for is not left there.
        """
        if not isinstance(minion, int | np.integer) or isinstance(minion, bool):
            raise WrongAnswerError(f"answered {minion!r}; the index of a minion or -1 was expected")
        index = int(minion)
        if not -1 <= index < len(self.names):
            raise WrongAnswerError(f"answered {index}; there are {len(self.names)} minions")
        if index < 0:
            return index
        enough = (self._fit_rows[index][:-1] >= self.need(template)[:-1]).all()
        if not enough or self._kept.get(index, ()) is None:
            raise WrongAnswerError(f"chose minion '{self.names[index]}', where the pod does not fit")
        return index

    def set_images(self, index: int, images: Mapping[str, int]) -> None:
        """Believe that a minion has these images, bytes by name."""
        before = self._placements.minions[index]
        if before.images != images:
            self._placements.change_minion(index, replace(before, images=images))


def _taint(text: str) -> Taint:
    found = parse_taint(text)
    return Taint(found.key, found.effect, found.value)  # type: ignore[arg-type]  # one of the effects
