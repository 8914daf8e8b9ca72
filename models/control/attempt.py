"""One attempt to place a pod: what a policy that decides by itself may ask of the world."""

from __future__ import annotations

import math
from collections.abc import Callable

from models.api import records
from models.api.types import Pod
from sim.engine import Engine
from sim.journal import Journal

__all__ = ["Attempt"]


class Attempt:
    """The context of one attempt: :class:`models.api.protocols.Context`.

    Args:
        actor: Identity of the scheduler.
        pod: Whom it is about.
        draw: Gives the n-th draw of a pod.
    """

    def __init__(
        self, engine: Engine, journal: Journal, actor: int, pod: Pod, draw: Callable[[Pod, int], float]
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._actor = actor
        self._pod = pod
        self._draw = draw

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self._engine.now_s

    def draw(self, n: int) -> float:
        """Return the n-th draw of this pod, attempt by attempt."""
        return self._draw(self._pod, n)

    def note(self, text: str, value: float = math.nan) -> None:
        """Write a record of the policy's own."""
        self._journal.write(
            records.POLICY_NOTE, self._pod.identity, actor=self._actor, value=value, reason=text
        )
