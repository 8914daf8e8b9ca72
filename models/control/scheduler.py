"""One scheduler: reads the store's log, decides on its own belief, binds by a verb that may be refused.

A decision takes no time here. What was decided is assumed in the belief at once and committed when the call lands; a
refused bind gives the room back. With instant timing a pod is bound at the instant at which room for it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from models.api import records
from models.api.protocols import (
    Context,
    DeviceChooser,
    PlacingPolicy,
    Policy,
    Refusal,
    ScoringPolicy,
    counts_reasons,
    said_refusal,
)
from models.api.types import TERMINATING, Phase, Pod
from models.cluster.belief import Belief
from models.cluster.classrows import ClassRow, WrongAnswerError, first_best
from models.cluster.view import SeenPod
from models.control.attempt import Attempt
from models.control.client import Caller
from models.control.decisions import DecisionRecords
from models.control.log import Change, Op
from models.control.queue import SchedulingQueue
from models.control.store import Store
from sim.engine import Engine
from sim.errors import RAISED, PluginError
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["BACKLOG", "Scheduler"]

_CREATED, _ENDED = Op.POD_CREATED, Op.POD_ENDED
T = TypeVar("T")

_OPS = (Op.POD_CREATED, Op.POD_ENDED, Op.MINION_CHANGED)
_OF_PODS_TOO = (*_OPS, Op.POD_CHANGED, Op.POD_LABELLED)
BACKLOG = 4096
"""Changes that a scheduler leaves unread at most while nobody waits for room."""


def _matters(op: Op, before: int, after: int) -> bool:
    """Of the changes of a pod only that it begins to be deleted."""
    return op is not Op.POD_CHANGED or bool((before ^ after) & TERMINATING)


class Scheduler:
    """Takes pods from its queue and binds them.

    Args:
        policy: A scoring policy, or a function that decides by itself.
        policy_name: As the scenario names it, for errors.
        make_client: Makes the client, given (apply, act, ops, interest).
        bind: The master's verb: binds (pod, minion, devices, actor, cause), or says why not.
        on_parked: Called with each pod whose attempt failed.
        decided_on: Identities of the minions where every decision is to be written; else nothing.
    """

    def __init__(  # noqa: PLR0913 - all that it stands between
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        store: Store,
        make_client: Callable[..., Caller],
        belief: Belief,
        policy: ScoringPolicy | PlacingPolicy | Policy,
        policy_name: str,
        bind: Callable[[Pod, int, tuple[int, ...], int, int], str | None],
        on_parked: Callable[[Pod], None],
        decided_on: Sequence[int] | None = None,
        name: str = "default",
    ) -> None:
        self.engine = engine
        self.journal = journal
        self.identity = identities.add("scheduler", name)
        self._identities = identities
        self._stream = streams.stream("scheduler.ties")
        self._store = store
        self.belief = belief
        self._policy = policy
        self._policy_name = policy_name
        self._scoring = policy if isinstance(policy, ScoringPolicy | PlacingPolicy) else None
        self._placing = isinstance(policy, PlacingPolicy)
        self._queue = SchedulingQueue(by_class=self._scoring is not None)
        self.client = self._watch(make_client)
        self._bind_verb = bind
        self._on_parked = on_parked
        self.generation = 0
        self._decisions: DecisionRecords | None = None
        if decided_on is not None:
            self._decisions = DecisionRecords(journal, belief, policy_name, self.identity, decided_on)
        self._row: ClassRow | None = None
        self._random_ties = self._scoring is not None and self._scoring.ties == "random"
        self._chooser = policy if isinstance(policy, DeviceChooser) else None
        self._random_device = self._scoring is not None and self._scoring.device == "random"

    def draw(self, pod: Pod, n: int) -> float:
        """Return the n-th draw for one pod: the same whatever happened to others."""
        group = self._identities.text(pod.owner) if pod.owner >= 0 else "nobody"
        return self._stream.at(group, pod.ask.index, n)

    def _watch(self, make_client: Callable[..., Caller]) -> Caller:
        """Make the client, told of what concerns this kind of queue."""
        return make_client(
            apply=self._learn,
            act=self._work,
            ops=_OF_PODS_TOO if self._placing else _OPS,
            interest=self._concerns,
            matters=_matters,
        )

    def _concerns(self, op: Op, what: Any, before: int, after: int) -> bool:
        # Room is news only to those who wait; it is read at the next wake, or when there is much: a change that is
        # not read holds its pod.
        return op is _CREATED or bool(self._queue.parked) or len(self.client.cursor.pending) >= BACKLOG

    def _work(self) -> None:
        pop, attempt = self._queue.pop, self._attempt
        while (first := pop()) is not None:
            pod, woken_by = first
            if not pod.word:
                attempt(pod, pod.cause if woken_by < 0 else woken_by)

    def _learn(self, change: Change) -> None:
        _, op, what, seq, _, _ = change
        if op is _CREATED:
            if what.minion >= 0:  # bound by somebody else before it was seen
                self.belief.assume(what, what.minion, what.devices)
                if self._placing:
                    self.belief.look_at(what)
            elif not self._queue.add(what):
                self._refused(what, what.cause, None)
        elif op is _ENDED:
            if what.minion >= 0:
                self.belief.withdraw(what, what.minion, what.devices)
                self._help(what.minion, seq)
        elif op is Op.MINION_CHANGED:
            entry = self._store.minions[what]
            self.belief.set_condition(what, entry.ready, entry.taints)
            self._help(what, seq)
        elif op is Op.POD_LABELLED:
            pod, _, labels = what
            self.belief.read.change(pod, labels)
            self._see(pod, seq)
        else:
            self._see(what, seq)

    def _see(self, pod: Pod, seq: int) -> None:
        """See that a pod is being deleted, or has other labels: where pods are looked at, this may make room."""
        if pod.minion >= 0 and pod.phase <= Phase.RUNNING:
            self.belief.look_at(pod)
            self._help(pod.minion, seq)

    def restart(self) -> None:
        """Start again with empty memory: the queue and the belief are made from the record."""
        self.generation += 1
        self.client.restart()
        entries, bound = self._store.minions, self._store.bound
        self.belief.relist(
            [(entry.ready, entry.taints) for entry in entries],
            [(pod.template, pod.minion, pod.devices) for pods in bound for pod in pods.values()],
        )
        for index, entry in enumerate(entries):
            self.belief.set_images(index, entry.images)
        for pod in self._store.pods():
            if pod.labels is not pod.template.labels:
                self.belief.read.change(pod, pod.labels)
            if self._placing:
                self.belief.look_at(pod)
        self._enter_again(self._store.pending.values())
        self.client.poke()

    def _enter_again(self, pods: Iterable[Pod]) -> None:
        self._queue = SchedulingQueue(by_class=self._scoring is not None)
        for pod in pods:
            self._queue.add(pod)

    def _help(self, minion: int, seq: int) -> None:
        """Wake what the change of one minion could help."""
        if self._queue.parked:
            belief = self.belief
            ask = self._asked
            self._queue.wake(lambda pod: ask(pod, belief.could_fit, belief.seen(pod), minion), seq)

    def _attempt(self, pod: Pod, cause: int) -> None:
        queue = self._queue
        if self._scoring is not None:
            minion = self._best(pod)
            refusal = None
        else:
            minion, refusal = self._ask(pod)
        if self._decisions is not None:
            self._decided(self._decisions, pod, minion, refusal, cause)
        if minion < 0:
            queue.park(pod)
            self._refused(pod, cause, refusal)
            return
        self._settle(pod, minion, cause)
        if queue.parked:
            queue.bound(pod)
            helped = self.belief.helped_by(self.belief.seen(pod))
            if helped is not None:
                queue.wake(lambda pod: self._asked(pod, helped, pod), cause)

    def _decided(
        self,
        decisions: DecisionRecords,
        pod: Pod,
        minion: int,
        refusal: Refusal | None,
        cause: int,
        closed: Sequence[int] = (),
    ) -> None:
        """Write what came of an attempt, before anything comes of it."""
        why = None if minion >= 0 else self._why(pod, refusal)
        self._asked(pod, decisions.write, pod, minion, self._row, cause, why, closed)

    def _settle(self, pod: Pod, minion: int, cause: int) -> tuple[int, ...]:
        """Assume that a pod is where it was decided to be, and have it bound; returns its GPU devices."""
        devices = () if pod.template.gpu is None else self._devices(pod, minion)
        self.belief.assume(pod, minion, devices)
        if self.client.instant:
            self.engine.cause = cause
            self._bind(pod, minion, devices, cause, self.generation)
        else:
            self.client.call(partial(self._bind, pod, minion, devices, cause, self.generation), cause=cause)
        return devices

    def suppose(self, pod: Pod) -> tuple[int, dict[str, int]]:
        """Decide about a pod and believe it bound without a word to anybody: to see what would come of it.

        Returns:
            The minion, and nothing; or -1, and minions by reason.
        """
        minion, refusal = (self._best(pod), None) if self._scoring is not None else self._ask(pod)
        if minion < 0:
            return -1, self._reasons(pod, refusal)
        self.belief.assume(pod, minion, self._devices(pod, minion))
        return minion, {}

    def _bind(self, pod: Pod, minion: int, devices: tuple[int, ...], cause: int, generation: int) -> None:
        if self._bind_verb(pod, minion, devices, self.identity, cause) is None:
            if generation != self.generation:  # sent before a restart, which did not find it bound
                self.belief.assume(pod, minion, devices)
        elif generation == self.generation:
            self.belief.withdraw(pod, minion, devices)
            self._help(minion, self.journal.count - 1)
            self.client.poke()

    def _best(self, pod: Pod, closed: Sequence[int] = ()) -> int:
        """Return the best minion but for some, or -1."""
        assert self._scoring is not None
        try:
            self._row = row = self.belief.row(self.belief.seen(pod), self._scoring)
            best: int = row.best() if not closed else self._best_open(row, pod, closed)
            best = self.belief.held(pod.template, best)
        except WrongAnswerError as error:
            raise self._blame(pod, str(error)) from None
        except RAISED as error:
            raise self._blame(pod, f"raised {type(error).__name__}: {error}") from error
        if best < 0 or not self._random_ties:
            return best
        among = np.flatnonzero(row.scores == row.scores[best])
        if closed:
            among = np.setdiff1d(among, closed)
        return int(among[int(self.draw(pod, 0) * among.size)]) if among.size > 1 else best

    def _best_open(self, row: ClassRow, pod: Pod, closed: Sequence[int]) -> int:
        scores = row.scores.astype(np.float64)
        scores[list(closed)] = -np.inf
        best = first_best(scores, self.belief.names)
        return best if best >= 0 and self._fits(pod, best) else -1

    def _fits(self, pod: Pod, minion: int) -> bool:
        return self._asked(pod, self.belief.fits_there, self.belief.seen(pod), minion)

    def _asked(self, pod: Pod, question: Callable[..., T], *about: Any) -> T:
        """Ask what a policy may have a say in; what it raises is its own."""
        try:
            return question(*about)
        except RAISED as error:
            raise self._blame(pod, f"raised {type(error).__name__}: {error}") from error

    def _ask(self, pod: Pod) -> tuple[int, Refusal | None]:
        """Ask a policy that decides by itself, and hold its answer against the rules."""
        context: Context = Attempt(self.engine, self.journal, self.identity, pod, self.draw)
        policy = self._policy
        assert callable(policy)
        try:
            answer = policy(self.belief.view, SeenPod(pod, self.belief.seen(pod)), context)
        except RAISED as error:
            raise self._blame(pod, f"raised {type(error).__name__}: {error}") from error
        if answer is None or isinstance(answer, Refusal):
            if answer is not None and not counts_reasons(answer.reasons):
                told = (
                    f"refused for {answer.reasons!r}; a mapping of texts to numbers of minions was expected"
                )
                raise self._blame(pod, told)
            return -1, answer
        if isinstance(answer, bool) or not isinstance(answer, int | np.integer):
            raise self._blame(
                pod, f"answered {answer!r}; an index into the view, Refusal or None was expected"
            )
        index = int(answer)
        if not 0 <= index < len(self.belief):
            raise self._blame(pod, f"answered {index}; the view has {len(self.belief)} minions")
        if not self.belief.fits(self.belief.seen(pod))[index]:
            raise self._blame(pod, f"chose minion '{self.belief.names[index]}', where the pod does not fit")
        return index, None

    def _blame(self, pod: Pod, what: str) -> PluginError:
        text = f"policy '{self._policy_name}' {what}, asked about {self._identities.text(pod.identity)}"
        return PluginError(text, self.engine.now_s, f"policy '{self._policy_name}'", self.engine.seed)

    def _devices(self, pod: Pod, minion: int) -> tuple[int, ...]:
        """Choose GPU devices: whole free ones from the first; a fraction by the policy's rule."""
        gpu = pod.template.gpu
        if gpu is None:
            return ()
        left = self.belief.gpu_left_milli[minion]
        if gpu.milli == 1000:
            return tuple(np.flatnonzero(left == 1000)[: gpu.count].tolist())
        if self._chooser is not None:
            return (self._chosen(self._chooser, pod, minion),)
        fitting = np.flatnonzero(left >= gpu.milli)
        if self._random_device:
            return (int(fitting[int(self.draw(pod, 1) * fitting.size)]),)
        return (int(fitting[left[fitting].argmin()]),)

    def _chosen(self, chooser: DeviceChooser, pod: Pod, minion: int) -> int:
        """Let the policy choose a device for a fraction, and hold its answer against what is left."""
        left, gpu = self.belief.gpu_left_milli[minion], pod.template.gpu
        assert gpu is not None, "the pod asks for a fraction of a GPU"
        try:
            device: object = chooser.device_for(self.belief.view, self.belief.seen(pod), minion)
        except RAISED as error:
            raise self._blame(pod, f"raised {type(error).__name__}: {error}") from error
        if (
            isinstance(device, int | np.integer)
            and not isinstance(device, bool)
            and 0 <= device < len(left)
            and left[device] >= gpu.milli
        ):
            return int(device)
        what = f"chose device {device!r} of minion '{self.belief.names[minion]}'"
        raise self._blame(pod, f"{what}, where {gpu.milli} thousandths are not left")

    def _reasons(self, pod: Pod, refusal: Refusal | None) -> dict[str, int]:
        """Count minions by why a pod was refused: by the policy's own reasons if it gave any."""
        if refusal is not None and refusal.reasons:
            return dict(refusal.reasons)
        return self._asked(pod, self.belief.reasons, self.belief.seen(pod))

    def _refused(self, pod: Pod, cause: int, refusal: Refusal | None) -> None:
        if not pod.unschedulable:
            pod.unschedulable = True
            self.journal.write(
                records.POD_UNSCHEDULABLE,
                pod.identity,
                actor=self.identity,
                owner=pod.owner,
                cause=cause,
                reason=self._why(pod, refusal),
            )
            self._on_parked(pod)

    def _why(self, pod: Pod, refusal: Refusal | None) -> str:
        """Say why a pod goes nowhere: reasons and how many minions have each."""
        return said_refusal(self._reasons(pod, refusal), self._count())

    def _count(self) -> int:
        """How many minions were looked at."""
        return len(self.belief)
